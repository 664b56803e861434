"""A LoRA adapter changes the generator as merged weights do; one that cannot be applied is refused before they load."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ttc.engines.adapters import Adapter
from ttc.engines.base import Draw, start_engine
from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.vllm_setup import engine_arguments
from ttc.errors import UserError
from ttc.pocket.problems import load_split
from ttc.types import Sample, Trace

pytestmark = pytest.mark.usefixtures("small_caches")

RANK, ALPHA = 8, 48
LAYERS = [f"model.layers.{n}.{part}" for n in range(4) for part in ("self_attn.q_proj", "self_attn.v_proj")]
LAYERS += [f"model.layers.{n}.mlp.down_proj" for n in range(4)]
CONFIG = {
    **{"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "pocket", "bias": "none"},
    **{"r": RANK, "lora_alpha": ALPHA, "target_modules": ["q_proj", "v_proj", "down_proj"]},
}


def base_weights() -> dict[str, torch.Tensor]:
    return load_file(f"{resolve('pocket', 'generator')}/model.safetensors")


def adapter_weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """Random matrices A and B for the pocket generator."""
    generator, weights = torch.Generator().manual_seed(seed), base_weights()
    found = {}
    for layer in LAYERS:
        rows, columns = weights[f"{layer}.weight"].shape
        for part, size in (("lora_A", (RANK, columns)), ("lora_B", (rows, RANK))):
            found[f"base_model.model.{layer}.{part}.weight"] = 0.06 * torch.randn(size, generator=generator)
    return found


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """The directory of a random adapter of the pocket generator."""
    directory = tmp_path / "adapter"
    directory.mkdir()
    save_file(adapter_weights(), directory / "adapter_model.safetensors")
    (directory / "adapter_config.json").write_text(json.dumps(CONFIG))
    return directory


def merged(directory: Path) -> str:
    """Return a copy of the pocket generator into which the adapter's product is added: W + alpha/r B A."""
    shutil.copytree(resolve("pocket", "generator"), directory)
    weights, added = {name: weight.float() for name, weight in base_weights().items()}, adapter_weights()
    for layer in LAYERS:
        a, b = (added[f"base_model.model.{layer}.{part}.weight"] for part in ("lora_A", "lora_B"))
        weights[f"{layer}.weight"] += ALPHA / RANK * b @ a
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    return str(directory)


def greedy(config: VllmGenerator) -> list[tuple[int, ...]]:
    """Return the token ids of greedy solutions."""
    engine, problems = start_engine(config), load_split("validation")[:8]
    for ticket, problem in enumerate(problems):
        engine.submit(ticket, Sample(Trace(problem), temperature=0.0), Draw())
    found: dict[int, tuple[int, ...]] = {}
    while engine.is_busy:
        found |= {each.ticket: each.reply.token_ids for each in engine.poll() if isinstance(each.reply, Trace)}
    return [ids for _, ids in sorted(found.items())]


def test_an_adapter_changes_greedy_solutions_as_merged_weights_do(adapter: Path, tmp_path: Path) -> None:
    config = VllmGenerator(adapter=str(adapter), max_tokens=64)
    config.check()
    adapted, plain = greedy(config), greedy(VllmGenerator(max_tokens=64))
    assert adapted == greedy(VllmGenerator(model=merged(tmp_path / "merged"), max_tokens=64))
    assert sum(one != other for one, other in zip(adapted, plain, strict=True)) >= 4


def test_the_content_of_an_adapter_is_part_of_the_keys_of_the_store(adapter: Path, tmp_path: Path) -> None:
    config = VllmGenerator(adapter=str(adapter))
    copy = shutil.copytree(adapter, tmp_path / "copy")
    copied = VllmGenerator(adapter=str(copy))
    for identify in (VllmGenerator.identity, VllmGenerator.fingerprint):
        before: Any = identify(config)
        assert identify(copied) == before != identify(VllmGenerator())
    before = config.identity()
    save_file(adapter_weights(seed=1), copy / "adapter_model.safetensors")
    assert copied.identity() != before


def test_vllm_sets_memory_aside_for_the_largest_rank(adapter: Path) -> None:
    edit(adapter, r=12, rank_pattern={"q_proj": 33})
    arguments = engine_arguments(VllmGenerator(adapter=str(adapter)))
    assert (arguments["enable_lora"], arguments["max_lora_rank"]) == (True, 64)
    assert "enable_lora" not in engine_arguments(VllmGenerator())


def edit(adapter: Path, **values: object) -> None:
    (adapter / "adapter_config.json").write_text(json.dumps(CONFIG | values))


def shaped(name: str, *sizes: int) -> Callable[[Path], None]:
    """Replace the weights by one matrix."""
    weights = {f"base_model.model.{name}.weight": torch.zeros(sizes)}
    return lambda adapter: save_file(weights, adapter / "adapter_model.safetensors")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, r"generator.adapter=.*adapter is neither the directory of an adapter nor a hub id"),
        (lambda adapter: (adapter / "adapter_config.json").unlink(), r"directory without adapter_config.json"),
        (lambda adapter: (adapter / "adapter_model.safetensors").unlink(), r"holds no weights \(adapter_model.saf"),
        (lambda adapter: (adapter / "adapter_config.json").write_text("{"), r"adapter_config.json is not valid JSON"),
        (lambda adapter: edit(adapter, r="eight"), r"adapter_config.json says r='eight'; must be a rank from 1 to 512"),
        (lambda adapter: edit(adapter, r=0), r"says r=0; must be a rank"),
        (lambda adapter: edit(adapter, r=True), r"says r=True; must be a rank"),
        (lambda adapter: edit(adapter, r=1000), r"says r=1000; must be a rank"),
        (lambda adapter: edit(adapter, rank_pattern={"q_proj": "x"}), r"says r='x'; must be a rank"),
        (lambda adapter: edit(adapter, peft_type="IA3"), r"says peft_type=IA3; vLLM applies LORA alone: merge"),
        (lambda adapter: edit(adapter, use_dora=True), r"vLLM cannot apply it \(.*DoRA\); merge"),
        (
            shaped("model.layers.9.self_attn.q_proj.lora_A", 8, 128),
            r"it adapts model.layers.9.self_attn.q_proj, which generator.model=pocket does not have",
        ),
        (
            shaped("model.layers.0.self_attn.q_proj.lora_A", 8, 256),
            r"its model.layers.0.self_attn.q_proj has the size 256 where generator.model=pocket has 128: it belongs to",
        ),
        (shaped("model.layers.0.mlp.down_proj.lora_B", 352, 8), r"its model.layers.0.mlp.down_proj has the size 352"),
    ],
)
def test_an_adapter_that_cannot_be_applied_is_refused_before_weights_load(
    damage: Callable[[Path], None], message: str, adapter: Path
) -> None:
    damage(adapter)
    with pytest.raises(UserError, match=message) as error:
        VllmGenerator(adapter=str(adapter)).check()
    assert "\n" not in str(error.value)


def test_a_hub_id_is_looked_for_at_once_and_its_id_identifies_it_before_the_download() -> None:
    with pytest.raises(UserError, match=r"generator.adapter=someone/adapter: HF_HUB_OFFLINE is set, and it is not in"):
        VllmGenerator(adapter="someone/adapter").check()
    assert Adapter("generator.adapter=someone/adapter", "someone/adapter").fingerprint() == "someone/adapter"


@pytest.mark.parametrize("name", ["", "../absent", "no such", "~nobody/x", "a" * 5000, "a\0b"])
def test_a_name_that_can_be_no_adapter_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"generator.adapter="):
        VllmGenerator(adapter=name).check()
