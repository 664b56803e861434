"""The models that ship with the package fit each other and the roles that configs give them."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors import safe_open

from ttc.engines.checkpoint import POCKET_WEIGHTS
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier

ROOT = Path(__file__).resolve().parents[2]
MODELS = sorted(path.name for path in POCKET_WEIGHTS.iterdir())


def parameters(model: str) -> int:
    """Count the numbers in the weights' file; tied embeddings are stored once."""
    with safe_open(POCKET_WEIGHTS / model / "model.safetensors", "np") as weights:
        return sum(prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118


def configured(group: str) -> dict[str, str]:
    """Return the name in a config's `model` by the config's name, where it names a pocket model."""
    found: dict[str, Any] = {
        path.stem: yaml.safe_load(path.read_text()).get("model", "")
        for path in (ROOT / "configs" / group).glob("pocket_*.yaml")
    }
    return {name: model for name, model in found.items() if model}


@pytest.mark.parametrize("model", MODELS)
def test_the_pockets_models_share_one_tokenizer(model: str) -> None:
    tokenizer, expected = (POCKET_WEIGHTS / name / "tokenizer.json" for name in (model, "generator"))
    assert tokenizer.read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("model", MODELS)
def test_the_recorded_number_of_parameters_is_that_of_the_weights(model: str) -> None:
    info = json.loads((POCKET_WEIGHTS / model / "model_info.json").read_text())
    assert info == {"parameters": parameters(model)}


def test_the_larger_generator_has_14_times_the_parameters_of_the_generator() -> None:
    assert parameters("larger") / parameters("generator") == pytest.approx(14, abs=0.5)


def test_a_reviser_has_the_shape_of_the_generator_that_it_was_finetuned_from() -> None:
    assert parameters("reviser") == parameters("rest_em_reviser") == parameters("generator")


@pytest.mark.parametrize(("config", "model"), configured("generator").items())
def test_each_generator_config_of_the_pocket_names_a_generator_that_ships(config: str, model: str) -> None:
    assert model == config.replace("_", "-")
    VllmGenerator(model=model).check()


@pytest.mark.parametrize(("config", "model"), configured("prm").items())
def test_each_verifier_config_of_the_pocket_names_a_verifier_that_ships(config: str, model: str) -> None:
    assert model == config.replace("_", "-")
    VllmVerifier(model=model).check()
