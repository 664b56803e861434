"""Each public verifier family: values in vLLM, step after step, are those of its model card's recipe."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoints import set_json
from verifier_checkpoints import FAMILIES, Family, build
from verifier_values import compared, random_traces

pytestmark = pytest.mark.usefixtures("small_caches")

TRACES = random_traces(8)
TOLERANCE = 1e-4


def named(family: Family) -> str:
    return f"{family.name} ({family.architecture})"


@pytest.mark.parametrize("family", FAMILIES, ids=named)
def test_the_values_of_a_family_are_those_of_its_recipe(family: Family, tmp_path: Path) -> None:
    if family.tokenizer == "mistral":
        pytest.importorskip("mistral_common")
    verifier = build(family, tmp_path / "verifier")
    verifier.check()
    found = compared(verifier, TRACES)
    assert found.values == sum(len(trace.steps) for trace in TRACES)
    assert found.largest < TOLERANCE
    assert found.highest - found.lowest > 0.3  # equal values would prove nothing
    assert (found.cached > 0.3) == (verifier.pooling == "last")


def test_a_reward_model_that_calls_itself_a_regression_gives_the_sigmoid_too(tmp_path: Path) -> None:
    [family] = [family for family in FAMILIES if family.name == "answer" and family.trunk == "Llama"]
    verifier = build(family, tmp_path / "verifier")
    set_json(tmp_path / "verifier" / "config.json", problem_type="regression")
    assert compared(verifier, TRACES[:2]).largest < TOLERANCE
