"""The verifier: a PRM as a vLLM pooling model, read at the last position, which the prefix cache serves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ttc.engines.base import Engine, Verifier
from ttc.engines.checkpoint import local_directory
from ttc.engines.formats import FORMATS, StepFormat
from ttc.engines.heads import check_gives_values, check_label_tokens, head_overrides
from ttc.engines.inspection import Checkpoint, inspect_checkpoint
from ttc.engines.pretrained import load_tokenizer
from ttc.engines.reading import TASKS, ReadingSettings
from ttc.engines.verifier_engine import VerifierEngine
from ttc.engines.vllm_model import VllmModel
from ttc.engines.vllm_plugin import register
from ttc.engines.vllm_scorer import VllmScorer
from ttc.engines.vllm_setup import VllmSettings
from ttc.errors import UserError
from ttc.types import Problem, Step, Trace

SHORTEST = Trace(Problem("", "?", ""), (Step("1", ()),))


@dataclass
class VllmVerifier(ReadingSettings, VllmSettings, Verifier):
    """A verifier checkpoint and how it reads a solution.

    A checkpoint with a head that gives values needs no more than `model` and `format`: what vLLM must know about the
    head follows from its architecture and its weights.
    """

    gpu_memory_utilization: float = 0.4

    group: ClassVar[str] = "prm"

    def check(self) -> None:
        self.check_reading()
        super().check()

    def check_checkpoint(self, checkpoint: Checkpoint) -> None:
        check_gives_values(checkpoint, self)
        if any("tokenizer" in name for name in self.engine_args):
            return  # engine_args names another tokenizer
        if self.label_tokens or self.max_model_len is not None or FORMATS[self.format].needs_tokens:
            tokenizer = load_tokenizer(self.key, checkpoint.directory, None, self.trusts_remote_code)
            check_label_tokens(self.label_tokens, tokenizer, checkpoint)
            self._check_format(self.step_format(tokenizer), checkpoint)

    def _check_format(self, step_format: StepFormat, checkpoint: Checkpoint) -> None:
        if missing := step_format.missing():
            raise UserError(
                f"prm.format={self.format}: the tokenizer of {self.model} has no {missing}; use the format that this "
                f"verifier was trained with, one of {', '.join(FORMATS)}."
            )
        ids = step_format.ids(SHORTEST)
        rows = checkpoint.size("vocab_size")
        if rows is not None and max(ids) >= rows:
            checkpoint.refuse(
                f"in the format {self.format} its tokenizer gives the id {max(ids)}, but config.json says "
                f"vocab_size={rows}: the tokenizer belongs to another model; copy the tokenizer's files of this one."
            )
        if self.max_model_len is not None and self.max_model_len < len(ids):
            raise UserError(
                f"prm.max_model_len={self.max_model_len}: a problem and a step take {len(ids)} tokens or more in the "
                f"format {self.format}; use e.g. prm.max_model_len=4096, or null for all that the checkpoint can read."
            )

    def more_arguments(self) -> dict[str, Any]:
        from vllm.config import PoolerConfig

        register()
        task: Any = TASKS[self.pooling]
        return {
            "runner": "pooling",
            "convert": "classify",
            "pooler_config": PoolerConfig(task=task),
            "hf_overrides": head_overrides(self._checkpoint(), self),
        }

    def _checkpoint(self) -> Checkpoint:
        """Return what is known of the checkpoint; of a hub id that is not downloaded, its config alone."""
        directory = local_directory(self.source, self.revision)
        if directory is not None:
            return inspect_checkpoint(self.key, directory, complete=False)
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(
            self.source, revision=self.revision, trust_remote_code=self.trusts_remote_code
        )
        return Checkpoint(self.key, Path(self.source), config.to_dict(), {})

    def engine_of(self, model: VllmModel) -> Engine:
        return VerifierEngine(self, self.identity(), model, VllmScorer(self.pooling, model))
