"""What vLLM is told about a head follows from the checkpoint; one that the format cannot read is refused."""

from __future__ import annotations

import importlib
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from checkpoints import save_tensors, set_json, tensors_of
from verifier_checkpoints import FAMILIES, Family, build
from verifier_tokenizers import CHATML, byte_level_tokenizer

from ttc.engines.heads import head_overrides
from ttc.engines.inspection import Checkpoint
from ttc.engines.reading import ReadingSettings
from ttc.engines.verifier import VllmVerifier
from ttc.engines.vllm_plugin import CLASSES, register
from ttc.errors import UserError


def family(name: str, trunk: str = "Qwen2") -> Family:
    return next(family for family in FAMILIES if (family.name, family.trunk) == (name, trunk))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "verifier"


def checkpoint(architecture: str, *weights: str, **config: Any) -> Checkpoint:
    content = {"architectures": [architecture], **config}
    return Checkpoint("prm.model=x", Path(), content, dict.fromkeys(weights, (1, 4)))


@pytest.mark.parametrize(
    ("described", "reading", "overrides"),
    [
        (checkpoint("Qwen2ForProcessRewardModel"), {}, {"architectures": ["Qwen2WithTwoLayerHead"], "num_labels": 2}),
        (checkpoint("Qwen2ForRewardModel"), {}, {"architectures": ["Qwen2WithTwoLayerHead"], "num_labels": 1}),
        (checkpoint("Qwen2ForPrmModel"), {}, {"architectures": ["Qwen2WithValueHead"], "num_labels": 1}),
        (
            checkpoint("LlamaForCausalLM", "v_head.summary.weight"),
            {},
            {"architectures": ["LlamaWithValueHead"], "num_labels": 1},
        ),
        (
            checkpoint("MistralForCausalLM"),
            {"format": "skywork"},
            {"architectures": ["MistralWithValueHead"], "num_labels": 1},
        ),
        (checkpoint("Qwen3ForTokenClassification"), {}, {"architectures": ["Qwen3ForSequenceClassification"]}),
        (checkpoint("LlamaForSequenceClassification"), {}, {}),
        (checkpoint("LlamaForSequenceClassification", problem_type="regression"), {}, {"problem_type": None}),
        (
            checkpoint("LlamaForCausalLM"),
            {"label_tokens": ["+", "-"]},
            {
                "architectures": ["LlamaForSequenceClassification"],
                "classifier_from_token": ["-", "+"],
                "method": "from_2_way_softmax",
            },
        ),
    ],
)
def test_vllm_is_told_about_the_head(described: Checkpoint, reading: dict[str, Any], overrides: dict[str, Any]) -> None:
    assert head_overrides(described, ReadingSettings(**reading)) == overrides


def test_every_class_that_is_registered_exists() -> None:
    from vllm import ModelRegistry

    register()
    heads = importlib.import_module("ttc.engines.vllm_heads")
    assert all(hasattr(heads, name) for name in CLASSES.values())
    assert set(CLASSES) <= set(ModelRegistry.get_supported_archs())


def test_vllm_finds_the_classes_in_the_processes_that_it_starts() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [place] = project["entry-points"]["vllm.general_plugins"].values()
    module, _, name = place.partition(":")
    assert getattr(importlib.import_module(module), name) is register


@pytest.mark.parametrize(
    ("built", "settings", "reason"),
    [
        (
            family("trl"),
            {"format": "skywork", "positive_class": 0},
            "a head with 1 class, but that of .* has 2; use the",
        ),
        (
            family("skywork"),
            {"format": "trl", "positive_class": 1},
            "a head with 2 classes, but that of .* has 1; use the",
        ),
        (family("trl"), {"label_tokens": ["+", "-"]}, "Qwen2ForTokenClassification .* has a head of its own"),
        (
            family("judge"),
            {"format": "trl", "positive_class": 1},
            "of the format trl has a head of its own and answers",
        ),
        (
            family("judge"),
            {"format": "skywork", "label_tokens": []},
            "a language model without a head that gives values",
        ),
        (
            family("answer"),
            {"label_tokens": ["Yes", "No"], "format": "judge"},
            "asks a language model, but .* answers nothing",
        ),
    ],
)
def test_a_head_that_the_format_cannot_read_is_refused(
    built: Family, settings: dict[str, Any], reason: str, directory: Path
) -> None:
    verifier = replace(build(built, directory), **settings)
    with pytest.raises(UserError, match=reason):
        verifier.check()


def test_a_value_head_on_a_model_that_no_class_reads_is_refused(directory: Path) -> None:
    verifier = build(family("skywork"), directory)
    set_json(directory / "config.json", architectures=["PhiForCausalLM"])
    with pytest.raises(UserError, match=r"a value head \(v_head\) on PhiForCausalLM cannot be read; name one on Llama"):
        verifier.check()


def test_a_token_classifier_whose_config_says_another_number_of_classes_is_refused(directory: Path) -> None:
    verifier = build(family("trl"), directory)
    tensors = tensors_of(directory)
    save_tensors(directory, tensors | {"score.weight": tensors["score.weight"].repeat(2, 1)})
    with pytest.raises(UserError, match=r"says 2 classes .* but the head in the weights has 4"):
        verifier.check()


def test_a_skywork_verifier_is_no_generator(directory: Path) -> None:
    from ttc.engines.generator import VllmGenerator

    build(family("skywork"), directory)
    with pytest.raises(UserError, match="Qwen2ForPrmModel is a verifier and generates no text"):
        VllmGenerator(model=str(directory)).check()


@pytest.mark.parametrize(
    ("name", "template", "reason"),
    [
        (
            "qwen_math_prm",
            CHATML,
            "the tokenizer of .* has no token <extra_0> .it reads .* tokens there.; use the format",
        ),
        ("answer", None, "the tokenizer of .* has no chat template; use the format"),
        ("judge", None, "the tokenizer of .* has no chat template; use the format"),
    ],
)
def test_the_tokenizer_of_another_model_is_refused(
    name: str, template: str | None, reason: str, directory: Path
) -> None:
    verifier = build(family(name), directory)
    (directory / "chat_template.jinja").unlink(missing_ok=True)
    byte_level_tokenizer(template or "", starts_texts=False).save_pretrained(directory)
    with pytest.raises(UserError, match=reason):
        verifier.check()


def test_a_mark_beyond_the_embedding_is_refused(directory: Path) -> None:
    verifier: VllmVerifier = build(family("qwen_math_prm"), directory)
    tokenizer = byte_level_tokenizer(CHATML, starts_texts=False)
    tokenizer.add_tokens([f"<{number}>" for number in range(50)] + ["<extra_0>"], special_tokens=True)
    tokenizer.save_pretrained(directory)
    with pytest.raises(UserError, match=r"its tokenizer gives the id \d+, but config.json says vocab_size=\d+: the"):
        verifier.check()
