"""`trainable=head`: states of a frozen trunk that are computed once, and a head on the layers that say most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ttc.engines.checkpoint import resolve
from ttc.training.frozen import FrozenTrunk
from ttc.training.value_model import EncodedTrace, build_value_model, shorten, states_at_ends, step_values

TRACES = [EncodedTrace([5, 6, 7, 8 + i], [1, 3], [float(i % 2), 0.0], 1) for i in range(40)]
PROBLEMS = [f"p{i}" for i in range(40)]


def value_model(dtype: str = "float32") -> Any:
    return build_value_model(resolve("pocket", "generator"), 0, dtype)


def fitted(directory: Path, identity: str = "weights", depth: int | None = 2, model: Any = None) -> FrozenTrunk:
    trunk = FrozenTrunk(model or value_model(), identity, directory)
    trunk.fit(TRACES, PROBLEMS, seed=0, depth=depth, l2=1.0)
    return trunk


def test_the_values_of_kept_states_are_those_of_the_model_with_its_head(tmp_path: Path) -> None:
    trunk = fitted(tmp_path)
    others = [EncodedTrace([9, 10, 11], [0, 2], [0.0, 1.0], 1), EncodedTrace([12, 13], [1], [0.0], 1)]
    expected = step_values(trunk.model, others)
    for own, values in zip(trunk.values(others), expected, strict=True):
        assert own == pytest.approx(values, abs=1e-6)
    assert len({round(value, 4) for values in expected for value in values}) == 3


def test_the_states_after_some_layers_are_those_of_a_model_that_has_no_more() -> None:
    whole, short = value_model(), value_model()
    layers = whole.config.num_hidden_layers
    shorten(short, 2)
    assert short.config.num_hidden_layers == 2 and len(short.base_model.layers) == 2 < layers
    read = states_at_ends(whole, TRACES[:3], [2, layers])
    for both, of_short, of_whole in zip(
        read, states_at_ends(short, TRACES[:3], [2]), states_at_ends(whole, TRACES[:3], [layers]), strict=True
    ):
        assert torch.allclose(both[:, 0], of_short[:, 0], atol=1e-5)
        assert torch.allclose(both[:, 1], of_whole[:, 0], atol=1e-5)
        assert not torch.allclose(both[:, 0], both[:, 1], atol=1e-2)


def test_a_trunk_read_in_bfloat16_gives_nearly_the_same_values(tmp_path: Path) -> None:
    half = value_model("bfloat16")
    assert half.base_model.layers[0].mlp.up_proj.weight.dtype == torch.bfloat16
    assert half.base_model.rotary_emb.inv_freq.dtype == torch.float32  # else distant positions would be confused
    exact = fitted(tmp_path / "float32").values(TRACES)
    for own, expected in zip(fitted(tmp_path / "half", model=half).values(TRACES), exact, strict=True):
        assert own == pytest.approx(expected, abs=0.05) and own != expected


def test_without_a_depth_several_are_tried(tmp_path: Path) -> None:
    trunk = FrozenTrunk(value_model(), "weights", tmp_path)
    layers = trunk.model.config.num_hidden_layers
    head = trunk.fit(TRACES, PROBLEMS, seed=0, depth=None, l2=1.0)
    assert list(head.losses)[-1] == str(layers) and len(head.losses) > 2
    assert trunk.model.config.num_hidden_layers == head.depth


def test_states_are_computed_once_and_again_for_other_weights(tmp_path: Path) -> None:
    first = fitted(tmp_path).model.score.weight.clone()
    files = {file.name for file in (tmp_path / "train").glob("*.npy")}
    assert files == {"00000.npy", "00001.npy"}
    broken = value_model()
    with torch.no_grad():
        broken.base_model.norm.weight.zero_()  # would change every state, were it computed again
    assert torch.equal(fitted(tmp_path, model=broken).model.score.weight, first)
    (tmp_path / "train" / "00001.npy").unlink()  # killed before it was written
    assert torch.allclose(fitted(tmp_path).model.score.weight, first, atol=1e-5)
    assert torch.equal(fitted(tmp_path, "other", model=broken).model.score.weight, torch.zeros_like(first))
