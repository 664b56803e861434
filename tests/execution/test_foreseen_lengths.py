"""The lengths of prompts come from tokenizers, those of solutions from earlier runs, a flag or a limit."""

from __future__ import annotations

import json
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from wordy import Wordy, config, problems

from ttc.config import RunConfig
from ttc.data.datasets import PocketDataset
from ttc.engines.endings import Endings
from ttc.engines.ensemble import Ensemble
from ttc.engines.generator import VllmGenerator
from ttc.engines.pretrained import load_tokenizer
from ttc.engines.prompts import PromptWriter
from ttc.engines.server.generator import ServerGenerator
from ttc.engines.server.verifier import ServerVerifier
from ttc.engines.verifier import VllmVerifier
from ttc.execution.experiment import execute
from ttc.execution.foreseen_lengths import (
    Prompts,
    Solutions,
    generator_prompts,
    solutions_of,
    verifier_prompts,
)
from ttc.store.database import SqliteStore
from ttc.strategies.parallel import Majority
from ttc.types import Trace


@dataclass
class Bounded(Wordy):
    """A generator with a speed setting of its own."""

    max_num_seqs: int = 4


def stored(directory: Path, **settings: Any) -> RunConfig:
    parts = {"data": PocketDataset(limit=6), "generator": Bounded(), "budget": 3, **settings}
    return config(Majority(), store=SqliteStore(str(directory / "store.sqlite")), **parts)


def mean_of(summary: dict[str, Any]) -> int:
    return round(float(summary["tokens"]["decoded"] / summary["generations"]))


def test_the_flag_says_how_long_solutions_are(tmp_path: Path) -> None:
    run = stored(tmp_path)
    execute(run, tmp_path / "run")
    assert solutions_of(run, 77) == Solutions(77, "--tokens-per-generation")


def test_solutions_are_as_long_as_those_of_earlier_runs_of_the_generator(tmp_path: Path) -> None:
    run = stored(tmp_path)
    summary = execute(run, tmp_path / "run").summary
    other_part = replace(run, data=PocketDataset(limit=9, seed=3), budget=64, generator=Bounded(max_num_seqs=9))
    for later in (run, other_part):
        found = solutions_of(later, None)
        assert found.tokens == mean_of(summary) and not found.at_most
        assert found.source == "the mean of 18 earlier ones of this generator on these data, in the store"


def test_runs_on_the_same_data_count_before_those_on_others(tmp_path: Path) -> None:
    hard = stored(tmp_path, data=PocketDataset(split="validation", limit=6))
    first = execute(hard, tmp_path / "other").summary
    run = stored(tmp_path)
    found = solutions_of(run, None)
    assert found.tokens == mean_of(first) and "on other data" in found.source
    second = execute(run, tmp_path / "run").summary
    assert mean_of(second) != mean_of(first)
    assert solutions_of(run, None).tokens == mean_of(second)


def test_runs_of_other_generators_and_damaged_rows_do_not_count(tmp_path: Path) -> None:
    run = stored(tmp_path)
    assert run.store is not None
    execute(stored(tmp_path, generator=Bounded(length=40)), tmp_path / "run")
    with run.store.open() as store:
        settings = next(store.results())[0]
        ours = json.dumps(json.loads(settings.replace('"length": 40', '"length": 10')) | {"budget": 2})
        store.keep_results(json.loads(ours), [{"id": "a"}, {"id": "b", "tokens": {"decoded": "x"}, "generations": 1}])
        store.keep_results({"generator": 3}, [{"id": "a"}])
    assert solutions_of(run, None).tokens is None


def test_without_earlier_runs_the_limit_of_the_generator_bounds_solutions(tmp_path: Path) -> None:
    run = stored(tmp_path, generator=VllmGenerator(max_tokens=99))
    found = solutions_of(run, None)
    assert (found.tokens, found.at_most) == (99, True) and "generator.max_tokens=99" in found.source
    assert not (tmp_path / "store.sqlite").exists()
    assert solutions_of(replace(run, generator=Bounded()), None).tokens is None


def test_prompts_are_counted_by_the_generators_tokenizer() -> None:
    generator, asked = VllmGenerator(prompt="Solve: {question}\n"), PocketDataset(limit=20).load()
    tokenizer = generator.tokenizer()
    assert tokenizer is not None
    writer = PromptWriter(generator, tokenizer, Endings())
    counts = [len(writer.prompt(Trace(problem), 1, 10_000).token_ids) for problem in asked]
    found = generator_prompts(generator, asked)
    assert found.is_counted and found.tokens - 1 < sum(counts) / 20 <= found.tokens
    longer = generator_prompts(replace(generator, prompt="Solve this, please: {question}\n"), asked)
    assert longer.tokens > found.tokens


def test_prompts_without_a_tokenizer_have_four_characters_to_a_token() -> None:
    asked = problems(10)  # "0?" to "9?"
    assert generator_prompts(Wordy(), asked) == Prompts(1)
    served = ServerGenerator(base_url="http://localhost:1/v1", model="gpt-4o-mini", prompt="x" * 38 + "{question}")
    assert generator_prompts(served, asked) == Prompts(10, block=16)
    in_chat = replace(served, chat=True, system="y" * 40)
    assert generator_prompts(in_chat, asked) == Prompts(20, block=16)


def test_a_verifiers_prompt_and_closing_are_counted_by_its_tokenizer() -> None:
    asked = PocketDataset(limit=20).load()
    verifier = VllmVerifier()
    tokenizer = load_tokenizer("prm", verifier.source, None, False)
    counts = [len(tokenizer(f"{problem.question}\n")["input_ids"]) for problem in asked]
    found = verifier_prompts(verifier, asked)
    assert found.is_counted and found.caches and not found.sees_attempts and found.closing == 0
    assert found.tokens - 1 < sum(counts) / 20 <= found.tokens
    assert not verifier_prompts(VllmVerifier(pooling="token"), asked).caches
    assert verifier_prompts(VllmVerifier(format="revisions"), asked).sees_attempts


@pytest.mark.parametrize(("on_cpu", "block"), [(True, 32), (False, 16)])
def test_the_blocks_of_a_prefix_cache_are_those_of_this_machine_unless_they_are_set(
    on_cpu: bool, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttc.execution.foreseen_lengths.prepare", lambda: on_cpu)
    asked = problems(3)
    assert generator_prompts(VllmGenerator(), asked).block == verifier_prompts(VllmVerifier(), asked).block == block
    assert generator_prompts(VllmGenerator(engine_args={"block_size": 64}), asked).block == 64


def test_a_judge_reads_its_question_after_every_solution() -> None:
    judge = ServerVerifier(
        base_url="http://localhost:1/v1", model="gpt", format="judge", label_tokens=["Yes", "No"], question="q" * 44
    )
    assert verifier_prompts(judge, problems(10)) == Prompts(1, closing=11, block=16)


def test_an_ensemble_reads_as_much_as_the_member_that_reads_most() -> None:
    asked = problems(10)
    members = {"small": Wordy(), "pocket": VllmVerifier(pooling="token")}
    found = verifier_prompts(Ensemble(members=members), asked)
    assert found.tokens == verifier_prompts(VllmVerifier(), asked).tokens > 1
    assert not found.is_counted and not found.caches


@pytest.mark.parametrize("broken", ["{{ raise_exception('no') }}", "{% for %}"])
def test_a_chat_template_that_fails_leaves_the_characters(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = VllmGenerator(chat=True, prompt="x" * 40 + "{question}")
    tokenizer = copy(generator.tokenizer())
    assert tokenizer is not None
    tokenizer.chat_template = broken
    monkeypatch.setattr(VllmGenerator, "tokenizer", lambda self: tokenizer)
    found = generator_prompts(generator, problems(4))
    assert (found.tokens, found.is_counted) == (11, False)
