"""A checkpoint whose facts are remembered is loaded when its first reply is computed, and keys do not change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ttc.engines.base import Draw
from ttc.engines.generator import VllmGenerator
from ttc.engines.late_loads import late_loads
from ttc.engines.stored import StoreMemory
from ttc.engines.verifier import VllmVerifier
from ttc.engines.vllm_model import Facts, facts_key, remembered_model
from ttc.errors import RunError
from ttc.pocket.problems import load_split
from ttc.store.database import Store
from ttc.types import FinishReason, Request, Sample, Score, Step, Trace

pytestmark = pytest.mark.usefixtures("small_caches")

START = Trace(load_split("validation")[0])
SCORED = START.extended((Step("1 + 1 = 2\n", (5, 6, 7)),), FinishReason.STEP)


@pytest.fixture
def memory(tmp_path: Path) -> StoreMemory:
    return StoreMemory(Store(tmp_path / "store.sqlite"), "pocket")


def test_the_second_start_loads_nothing_and_has_the_same_keys(memory: StoreMemory) -> None:
    generator, verifier = VllmGenerator(max_tokens=24), VllmVerifier()
    first = [config.engine_of(remembered_model(config, memory)) for config in (generator, verifier)]
    models = [remembered_model(config, memory) for config in (generator, verifier)]
    second = [config.engine_of(model) for config, model in zip((generator, verifier), models, strict=True)]
    requests: tuple[Request, ...] = Sample(START, 2), Score(SCORED)
    for before, after, request in zip(first, second, requests, strict=True):
        assert before.key(request, Draw(3, 1)) == after.key(request, Draw(3, 1))
        assert before.shape == after.shape
    assert not any(model.is_loaded for model in models)
    assert [engine.decoding_tokens for engine in second] == [0, 0]


def test_the_first_reply_loads_the_weights(memory: StoreMemory) -> None:
    config = VllmGenerator(max_tokens=24, temperature=0)
    remembered_model(config, memory)
    model = remembered_model(config, memory)
    engine, loads = config.engine_of(model), late_loads.count
    engine.submit(1, Sample(START), Draw())
    engine.poll()
    assert model.is_loaded and late_loads.count == loads + 1  # so that its seconds are those of loading
    found = []
    while engine.is_busy:
        found += engine.poll()
    assert [reply.ticket for reply in found] == [1]


def test_a_checkpoint_that_loads_in_another_way_than_before_is_refused_and_forgotten(memory: StoreMemory) -> None:
    config = VllmGenerator(max_tokens=24)
    facts = remembered_model(config, memory).facts
    memory.drop(facts_key(config))
    memory.keep(facts_key(config), replace(facts, max_model_len=7).dumped())
    with pytest.raises(RunError, match=r"^generator.model=pocket: vLLM loads it in another way than before"):
        _ = remembered_model(config, memory).engine
    assert memory.get(facts_key(config)) is None


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"max_model_len": "x", "end_marks": [], "tokenizer": null}'])
def test_facts_that_cannot_be_read_are_found_out_again(memory: StoreMemory, body: str) -> None:
    config = VllmVerifier()
    memory.keep(facts_key(config), body)
    model = remembered_model(config, memory)
    assert model.is_loaded and memory.get(facts_key(config)) == model.facts.dumped()


def test_settings_that_change_keys_change_what_is_remembered() -> None:
    keys = {facts_key(config) for config in (VllmGenerator(), VllmGenerator(max_model_len=64), VllmVerifier())}
    assert len(keys) == 3
    assert Facts.loaded(Facts(8, (1, 2), None).dumped()) == Facts(8, (1, 2), None)
