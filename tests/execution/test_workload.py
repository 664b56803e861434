"""Work is counted by driving the strategies with made-up replies."""

from __future__ import annotations

from dataclasses import replace
from math import floor, log
from random import Random

import pytest

from ttc.app.composing import compose_run
from ttc.execution.workload import SOLUTION_STEPS, Rehearsal, Workload, expected_texts, measured_repetition


def counted(*runs: str, repetition: float = 0.0) -> list[Workload]:
    """Return the work of runs, one after another: the words are overrides."""
    rehearsal = Rehearsal(repetition)
    found = []
    for run in runs:
        config = compose_run(run.split())
        assert config.budget is not None
        found.append(rehearsal.count(config, config.budget))
    return found


def test_independent_samples_are_whole_solutions() -> None:
    [work] = counted("strategy=best_of_n budget=8")
    steps = 8 * SOLUTION_STEPS
    assert work == Workload(generations=8, samples=8, steps=steps, new_steps=steps, scores=8) and not work.is_stepwise


def test_a_search_samples_and_scores_every_step() -> None:
    [work] = counted("strategy=beam budget=16")
    steps = 16 * SOLUTION_STEPS
    assert work == Workload(generations=16, samples=steps, steps=steps, new_steps=steps, scores=steps)
    assert work.is_stepwise


def test_lookahead_spends_its_budget_on_fewer_beams() -> None:
    [work] = counted("strategy=lookahead strategy.k=3 budget=16")
    assert work.generations == 16 and work.scores == 4 * SOLUTION_STEPS


def test_smaller_budgets_are_part_of_larger_ones() -> None:
    large, small = counted("strategy=best_of_n budget=8", "strategy=best_of_n budget=4")
    assert large.new_steps == large.steps and small.new_steps == 0 and small.samples == 4


def test_other_seeds_and_other_generators_share_nothing() -> None:
    base = "strategy=majority budget=4"
    found = counted(base, f"{base} seed=1", f"{base} generator=pocket_reviser", base)
    assert [work.new_steps // SOLUTION_STEPS for work in found] == [4, 4, 4, 0]


def test_another_verifier_scores_the_same_samples() -> None:
    first, second = counted("strategy=best_of_n budget=4", "strategy=best_of_n budget=4 prm=pocket_orm")
    assert first.new_steps and second.new_steps == 0 and second.scores == 4


def test_shorter_chains_are_the_beginnings_of_longer_ones() -> None:
    long, short = (f"strategy=revisions strategy.ratio=sequential budget={n}" for n in (8, 4))
    assert [work.new_steps // SOLUTION_STEPS for work in counted(long, short)] == [8, 0]


def test_beam_search_with_the_square_root_as_its_width_shares_where_that_is_four() -> None:
    found = counted("strategy=beam budget=16", "strategy=beam strategy.width=null budget=16")
    assert found[1].new_steps == 0 and replace(found[1], new_steps=found[0].new_steps) == found[0]


def test_searches_of_a_generator_that_repeats_itself_share_more() -> None:
    runs = ("strategy=beam budget=64", "strategy=beam strategy.width=null budget=64")
    shared = {repetition: counted(*runs, repetition=repetition)[1].new_steps for repetition in (0.0, 0.9)}
    assert shared[0.9] < shared[0.0] / 2


@pytest.mark.parametrize("repetition", [0.05, 0.3, 0.8])
@pytest.mark.parametrize("samples", [2, 16, 64])
def test_repetition_is_measured_from_how_many_texts_differ(repetition: float, samples: int) -> None:
    texts = expected_texts(repetition, samples)
    assert 1 < texts < samples and measured_repetition(texts, samples) == pytest.approx(repetition, rel=1e-3)
    rng = Random(0)
    drawn = [len({floor(log(1 - rng.random()) / log(1 - repetition)) for _ in range(samples)}) for _ in range(4000)]
    assert texts == pytest.approx(sum(drawn) / len(drawn), rel=0.03)


@pytest.mark.parametrize("strategy", ["beam", "dvts", "particles", "mcts", "revisions", "adaptive_consistency"])
def test_the_work_of_a_run_does_not_depend_on_when_it_is_counted(strategy: str) -> None:
    run = f"strategy={strategy} budget=16"
    assert counted(run, repetition=0.3) == counted(run, repetition=0.3)
