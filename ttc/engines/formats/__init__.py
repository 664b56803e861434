"""How each verifier family reads a solution: its input format by name."""

from __future__ import annotations

from ttc.engines.formats.answer import AnswerFormat
from ttc.engines.formats.base import QUESTION, FormatOptions, Reading, StepFormat
from ttc.engines.formats.judge import JudgeFormat
from ttc.engines.formats.math_shepherd import MathShepherdFormat
from ttc.engines.formats.plain import PlainFormat, RevisionFormat
from ttc.engines.formats.qwen_math import QwenMathFormat
from ttc.engines.formats.rlhflow import RlhFlowFormat
from ttc.engines.formats.skywork import SkyworkFormat
from ttc.engines.formats.trl import TrlFormat

__all__ = [
    "FORMATS",
    "QUESTION",
    "AnswerFormat",
    "FormatOptions",
    "JudgeFormat",
    "MathShepherdFormat",
    "PlainFormat",
    "QwenMathFormat",
    "Reading",
    "RevisionFormat",
    "RlhFlowFormat",
    "SkyworkFormat",
    "StepFormat",
    "TrlFormat",
]

FORMATS: dict[str, type[StepFormat]] = {
    "plain": PlainFormat,
    "revisions": RevisionFormat,
    "qwen_math_prm": QwenMathFormat,
    "rlhflow": RlhFlowFormat,
    "math_shepherd": MathShepherdFormat,
    "skywork": SkyworkFormat,
    "trl": TrlFormat,
    "answer": AnswerFormat,
    "judge": JudgeFormat,
}
