"""Token and FLOP counts agree with an independent count, token by token."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest

from ttc.cost import Flops, Ledger, ModelShape, Tokens
from ttc.errors import UserError

GENERATOR = ModelShape(params=1000, params_non_embedding=700, layers=3, hidden=8, params_head=150)
VERIFIER = ModelShape(params=4000, params_non_embedding=3500, layers=5, hidden=16)


def brute_force(shape: ModelShape, positions: list[int]) -> int:
    """Count the FLOPs one token, one layer and one attended position at a time."""
    flops = 0
    for position in positions:
        flops += 2 * shape.params_non_embedding
        for _ in range(shape.layers):
            for _attended in range(position + 1):
                flops += 2 * shape.hidden  # the score q · k
                flops += 2 * shape.hidden  # its weight times v
    return flops


@pytest.mark.parametrize(
    ("prompt", "cached", "decoded"), [(10, 0, 5), (1, 31, 7), (4, 16, 1), (20, 0, 0), (0, 12, 3), (1, 0, 1)]
)
def test_full_flops_of_a_sample_are_the_sum_over_its_tokens(prompt: int, cached: int, decoded: int) -> None:
    ledger = Ledger(GENERATOR)
    ledger.charge_sample(prompt, cached, decoded)
    # The last decoded token is sampled but never passed through the model.
    passed = list(range(cached, cached + prompt)) + [cached + prompt + i for i in range(decoded - 1)]
    assert ledger.flops().full == brute_force(GENERATOR, passed) + 2 * 150 * decoded


@pytest.mark.parametrize(("prompt", "cached"), [(12, 0), (3, 32), (0, 9)])
def test_full_flops_of_a_verifier_pass_are_the_sum_over_its_uncached_tokens(prompt: int, cached: int) -> None:
    ledger = Ledger(GENERATOR, VERIFIER)
    ledger.charge_score(prompt, cached)
    assert ledger.flops().full == brute_force(VERIFIER, list(range(cached, cached + prompt)))


def test_continuing_a_trace_step_by_step_costs_the_same_as_sampling_it_at_once() -> None:
    once, stepwise = Ledger(GENERATOR), Ledger(GENERATOR)
    once.charge_sample(prompt=10, cached=0, decoded=9)
    stepwise.charge_sample(prompt=10, cached=0, decoded=4)
    stepwise.charge_sample(prompt=1, cached=13, decoded=5)  # the last token of the first 4 was not passed yet
    assert stepwise.flops() == once.flops()


def test_cached_tokens_are_not_computed_but_are_attended_to() -> None:
    warm, cold, short = Ledger(GENERATOR), Ledger(GENERATOR), Ledger(GENERATOR)
    warm.charge_sample(prompt=2, cached=30, decoded=4)
    cold.charge_sample(prompt=32, cached=0, decoded=4)
    short.charge_sample(prompt=2, cached=0, decoded=4)
    assert short.full_flops < warm.full_flops < cold.full_flops
    assert warm.flops().paper == cold.flops().paper


def test_paper_flops_count_decoded_tokens_once_per_model_in_use() -> None:
    ledger = Ledger(GENERATOR, VERIFIER)
    ledger.charge_sample(prompt=10, cached=0, decoded=5)
    assert ledger.flops().paper == 2 * 1000 * 5
    ledger.charge_score(prompt=15, cached=0)
    assert ledger.flops().paper == 2 * (1000 + 4000) * 5


def test_flops_are_unknown_when_the_shape_of_a_model_in_use_is() -> None:
    ledger = Ledger(GENERATOR, None)
    ledger.charge_sample(1, 0, 1)
    assert ledger.flops().full is not None
    ledger.charge_score(1, 0)
    assert ledger.flops() == Flops()
    assert Ledger(None).flops() == Flops()


def test_the_ledgers_of_problems_add_up_to_the_ledger_of_the_run() -> None:
    run, whole = Ledger(GENERATOR, VERIFIER), Ledger(GENERATOR, VERIFIER)
    for decoded in (3, 8):
        part = Ledger(GENERATOR, VERIFIER)
        for ledger in (part, whole):
            ledger.charge_sample(10, 2, decoded)
            ledger.charge_score(6, 4)
        run.absorb(part)
    assert (run.tokens, run.flops()) == (whole.tokens, whole.flops())


def test_tokens_add_up_and_survive_json() -> None:
    parts = [Tokens(1, 2, 3), Tokens(10, prm=4, prm_cached=5)]
    total = sum(parts, Tokens())
    assert total == sum(parts) == Tokens(11, 2, 3, 4, 5)
    assert Tokens.from_json(json.loads(json.dumps(total.to_json()))) == total
    assert Tokens.from_json({"prompt": 1, "cached": 0, "decoded": 2, "prm": 3}) == Tokens(1, 0, 2, 3)


def checkpoint(directory: Path, shapes: dict[str, list[int]], **config: int) -> Path:
    """Write a config.json and a safetensors file of bfloat16 zeros."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    encoded = json.dumps(header).encode()
    content = struct.pack("<Q", len(encoded)) + encoded + bytes(end)
    (directory / "model.safetensors").write_bytes(content)
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 3, "vocab_size": 64}
    (directory / "config.json").write_text(json.dumps(sizes | config))
    return directory


def test_a_shape_is_read_from_a_checkpoints_headers(tmp_path: Path) -> None:
    tied = {
        "model.embed_tokens.weight": [64, 8],
        "model.layers.0.mlp.up_proj.weight": [20, 8],
        "model.norm.weight": [8],
    }
    assert ModelShape.of_checkpoint(checkpoint(tmp_path, tied)) == ModelShape(64 * 8 + 168, 168, 3, 8, 64 * 8)
    untied = tied | {"lm_head.weight": [64, 8]}
    assert ModelShape.of_checkpoint(checkpoint(tmp_path, untied)) == ModelShape(2 * 64 * 8 + 168, 168, 3, 8, 64 * 8)
    assert ModelShape.of_checkpoint(checkpoint(tmp_path, tied, head_dim=16)).hidden == 32


def test_a_directory_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a checkpoint"):
        ModelShape.of_checkpoint(tmp_path)
    checkpoint(tmp_path, {"a": [1]})
    for damage in (b"", b"\xff" * 40, struct.pack("<Q", 2) + b"[]"):
        (tmp_path / "model.safetensors").write_bytes(damage)
        with pytest.raises(UserError, match="not a checkpoint"):
            ModelShape.of_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"no \*\.safetensors"):
        ModelShape.of_checkpoint(tmp_path)
