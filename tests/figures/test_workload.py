"""Work is counted by driving the strategies with made-up replies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ttc.app.composing import compose_run
from ttc.figures.workload import SOLUTION_STEPS, Rehearsal, Workload


def counted(*runs: str) -> list[Workload]:
    """Return the work of runs, one after another: the words are overrides."""
    rehearsal = Rehearsal()
    found = []
    for run in runs:
        config = compose_run(run.split())
        assert config.budget is not None
        found.append(rehearsal.count(config, config.budget))
    return found


def test_independent_samples_are_whole_solutions() -> None:
    [work] = counted("strategy=best_of_n budget=8")
    assert work == Workload(generations=8, samples=8, new_samples=8, steps=8 * SOLUTION_STEPS, scores=8)


def test_a_search_samples_and_scores_every_step() -> None:
    [work] = counted("strategy=beam budget=16")
    assert work == Workload(16, 16 * SOLUTION_STEPS, 16 * SOLUTION_STEPS, 16 * SOLUTION_STEPS, 16 * SOLUTION_STEPS)


def test_lookahead_spends_its_budget_on_fewer_beams() -> None:
    [work] = counted("strategy=lookahead strategy.k=3 budget=16")
    assert work.generations == 16 and work.scores == 4 * SOLUTION_STEPS


def test_smaller_budgets_are_part_of_larger_ones() -> None:
    large, small = counted("strategy=best_of_n budget=8", "strategy=best_of_n budget=4")
    assert large.new_samples == 8 and small.new_samples == 0 and small.samples == 4


def test_other_seeds_and_other_generators_share_nothing() -> None:
    base = "strategy=majority budget=4"
    found = counted(base, f"{base} seed=1", f"{base} generator=pocket_reviser", base)
    assert [work.new_samples for work in found] == [4, 4, 4, 0]


def test_another_verifier_scores_the_same_samples() -> None:
    first, second = counted("strategy=best_of_n budget=4", "strategy=best_of_n budget=4 prm=pocket_orm")
    assert first.new_samples == 4 and second.new_samples == 0 and second.scores == 4


def test_shorter_chains_are_the_beginnings_of_longer_ones() -> None:
    long, short = (f"strategy=revisions strategy.ratio=sequential budget={n}" for n in (8, 4))
    assert [work.new_samples for work in counted(long, short)] == [8, 0]


def test_beam_search_with_the_square_root_as_its_width_shares_where_that_is_four() -> None:
    found = counted("strategy=beam budget=16", "strategy=beam strategy.width=null budget=16")
    assert found[1].new_samples == 0 and replace(found[1], new_samples=found[0].new_samples) == found[0]


@pytest.mark.parametrize("strategy", ["beam", "dvts", "particles", "mcts", "revisions", "adaptive_consistency"])
def test_the_work_of_a_run_does_not_depend_on_when_it_is_counted(strategy: str) -> None:
    assert counted(f"strategy={strategy} budget=16") == counted(f"strategy={strategy} budget=16")
