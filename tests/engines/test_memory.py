"""The memory of a checkpoint that is not loaded: its weights, and the keys and values of its sequences."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from checkpoints import copied, set_json

from ttc.engines import memory
from ttc.engines.checkpoint import POCKET_WEIGHTS
from ttc.engines.ensemble import Ensemble
from ttc.engines.generator import VllmGenerator
from ttc.engines.memory import memory_of
from ttc.engines.shapes import checkpoints_of, foreseen_shape
from ttc.engines.verifier import VllmVerifier
from ttc.engines.vllm_setup import shape_of


@pytest.fixture(params=[True, False], ids=["on a CPU", "on a GPU"])
def on_cpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(memory, "prepare", lambda: request.param)
    return bool(request.param)


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "prepare", lambda: True)


def size_of(bytes_: int) -> int:
    """Return the keys and values of one token of the pocket generator, in values of so many bytes."""
    config = json.loads((POCKET_WEIGHTS / "generator" / "config.json").read_text())
    heads = config.get("num_key_value_heads") or config["num_attention_heads"]
    head_size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    return int(config["num_hidden_layers"] * heads * head_size * 2 * bytes_)


@pytest.mark.usefixtures("cpu")
def test_a_cpu_holds_weights_keys_and_values_in_32_bits() -> None:
    found = memory_of(VllmGenerator())
    shape = shape_of(str(POCKET_WEIGHTS / "generator"))
    assert shape is not None and found.parameters == shape.params
    assert (found.part, found.name, found.dtype) == ("generator", "pocket", "float32")
    assert found.weight_bytes == 4 * shape.params and found.cache_bytes == size_of(4)
    assert found.reserved == "1 GiB (generator.kv_cache_gib)" and found.on_cpu


def test_the_type_that_is_set_counts_and_otherwise_that_of_the_checkpoint(on_cpu: bool, tmp_path: Path) -> None:
    directory = copied("generator", tmp_path / "model")
    for given in (VllmGenerator(model=str(directory), dtype="bfloat16"), VllmGenerator(engine_args={"dtype": "half"})):
        assert memory_of(given).cache_bytes == size_of(2)
    for stored, on_gpu in (("bfloat16", "bfloat16"), ("float16", "float16"), ("float32", "bfloat16")):
        set_json(directory / "config.json", dtype=stored, torch_dtype=None)
        assert memory_of(VllmGenerator(model=str(directory))).dtype == ("float32" if on_cpu else on_gpu)


@pytest.mark.usefixtures("cpu")
def test_fewer_heads_of_keys_take_less_room(tmp_path: Path) -> None:
    directory = copied("generator", tmp_path / "model")
    set_json(directory / "config.json", num_key_value_heads=1, head_dim=24)
    layers = json.loads((directory / "config.json").read_text())["num_hidden_layers"]
    assert memory_of(VllmGenerator(model=str(directory))).cache_bytes == layers * 1 * 24 * 2 * 4


@pytest.mark.usefixtures("cpu")
def test_what_engine_args_say_takes_precedence() -> None:
    settings = {"kv_cache_dtype": "fp8", "max_model_len": 100, "max_num_seqs": 7, "kv_cache_memory_bytes": 2**29}
    found = memory_of(VllmGenerator(max_num_seqs=3, max_model_len=50, engine_args=settings))
    assert found.cache_bytes == size_of(1)
    assert (found.context_tokens, found.sequences) == (100, 7)
    assert found.reserved == "0.5 GiB (generator.engine_args.kv_cache_memory_bytes)"


def test_a_gpu_leaves_its_share_less_the_weights_to_keys_and_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "prepare", lambda: False)
    assert memory_of(VllmVerifier()).reserved == "what the weights leave of 0.4 of the GPU (prm.gpu_memory_utilization)"


@pytest.mark.usefixtures("cpu")
def test_the_cache_of_a_run_is_that_of_all_sequences_that_can_be_open_at_once() -> None:
    found = replace(memory_of(VllmVerifier()), cache_bytes=10, context_tokens=100, sequences=8)
    assert found.full_cache_bytes(1000) == found.full_cache_bytes(None) == 10 * 100 * 8
    assert found.full_cache_bytes(3) == 10 * 100 * 3


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("setting", [{"kv_lora_rank": 8}, {"layer_types": ["full_attention", "linear_attention"]}])
def test_attention_that_keeps_something_else_is_of_unknown_size(setting: dict[str, object], tmp_path: Path) -> None:
    directory = copied("generator", tmp_path / "model")
    set_json(directory / "config.json", **setting)
    found = memory_of(VllmGenerator(model=str(directory)))
    assert found.cache_bytes is None and found.full_cache_bytes(1) is None and found.weight_bytes is not None


@pytest.mark.usefixtures("cpu")
def test_packed_weights_take_what_their_files_do_and_hold_an_unknown_number(tmp_path: Path) -> None:
    directory = copied("generator", tmp_path / "model")
    set_json(directory / "config.json", quantization_config={"quant_method": "awq"})
    found = memory_of(VllmGenerator(model=str(directory)))
    assert found.parameters is None
    assert found.weight_bytes == (directory / "model.safetensors").stat().st_size


@pytest.mark.usefixtures("cpu")
def test_nothing_is_known_of_a_checkpoint_that_is_not_here() -> None:
    found = memory_of(VllmGenerator(model="some/model"))
    assert (found.parameters, found.weight_bytes, found.cache_bytes, found.context_tokens) == (None,) * 4
    assert foreseen_shape(VllmGenerator(model="some/model")) is None
    quantised_by_vllm = memory_of(VllmGenerator(engine_args={"quantization": "fp8"}))
    assert quantised_by_vllm.weight_bytes is None


def test_the_checkpoints_of_an_ensemble_are_those_of_its_members_each_once() -> None:
    members = {"one": VllmVerifier(), "two": VllmVerifier(model="pocket-orm"), "same": VllmVerifier()}
    assert checkpoints_of(VllmGenerator(), Ensemble(members=members), None) == [  # type: ignore[arg-type]
        VllmGenerator(),
        VllmVerifier(),
        VllmVerifier(model="pocket-orm"),
    ]


def test_the_shape_of_an_ensemble_is_unknown_where_that_of_a_member_is() -> None:
    known = Ensemble(members={"one": VllmVerifier(), "two": VllmVerifier(model="pocket-orm")})
    shape, part = foreseen_shape(known), foreseen_shape(VllmVerifier())
    assert shape is not None and part is not None and shape.params > part.params
    assert foreseen_shape(Ensemble(members={"one": VllmVerifier(), "two": VllmVerifier(model="a/b")})) is None
