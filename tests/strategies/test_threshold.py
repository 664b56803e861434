"""Algorithm 6: thresholds on the mean score of a few probes."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence

import pytest
from flows import PROBLEM, RandomReplies, drive, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.beam import Beam
from ttc.strategies.parallel import BestOfN
from ttc.strategies.revisions import Revisions
from ttc.strategies.threshold import Threshold
from ttc.types import Request, Sample, Trace


def after_probes(strategy: Threshold, values: Sequence[float], budget: int = 16) -> list[Request]:
    """Return what is requested once the probes have these values."""
    flow = strategy.solve(PROBLEM, budget)
    probes = [solved(Trace(PROBLEM), str(n)) for n, _ in enumerate(start(flow))]
    flow.send([*probes])
    return flow.send([*values])


@pytest.mark.parametrize(
    ("mean", "route"),
    [
        *((1.0, "sequential"), (0.61, "sequential"), (0.6, "hybrid"), (0.36, "hybrid"), (0.35, "parallel")),
        *((0.16, "parallel"), (0.15, "beam"), (0.0, "beam"), (math.nan, "beam")),
    ],
)
def test_the_thresholds_are_those_of_algorithm_6_and_exclusive(mean: float, route: str) -> None:
    assert Threshold().choose(mean, 64) == route


def test_by_default_four_probes_are_sampled_and_scored() -> None:
    assert start(Threshold().solve(PROBLEM, 16)) == [Sample(Trace(PROBLEM))] * 4


def test_above_0_6_one_chain_continues_all_the_probes() -> None:
    [request] = after_probes(Threshold(), [1.0, 0.5, 0.5, 0.5])
    assert len(request.trace.attempts) == 4


def test_above_0_35_one_probe_begins_each_of_four_chains() -> None:
    requests = after_probes(Threshold(), [1.0, 0.2, 0.2, 0.1])
    assert [len(request.trace.attempts) for request in requests] == [1] * 4


def test_above_0_15_the_rest_is_sampled_in_parallel() -> None:
    assert after_probes(Threshold(), [0.5, 0.1, 0.1, 0.1]) == [Sample(Trace(PROBLEM))] * 12


def test_at_0_15_and_below_beams_are_searched() -> None:
    assert after_probes(Threshold(), [0.1] * 4) == [Sample(Trace(PROBLEM), max_steps=1)] * 12


def test_thresholds_probes_and_targets_are_settings() -> None:
    strategy = Threshold(probes=1, sequential_above=0.9, hybrid_above=0.9, parallel_above=0.5, beam=BestOfN())
    assert [strategy.choose(value, 8) for value in (0.95, 0.9, 0.5)] == ["sequential", "parallel", "beam"]
    assert after_probes(strategy, [0.5], budget=8) == [Sample(Trace(PROBLEM))] * 7


@given(st.integers(5, 200), st.integers(0, 2**32))
def test_exactly_the_budget_is_spent_on_one_of_the_four(budget: int, seed: int) -> None:
    strategy = Threshold()
    strategy.check(budget)
    candidates, _ = drive(strategy.solve(PROBLEM, budget), RandomReplies(seed))
    assert sum(candidate.generations for candidate in candidates) == budget
    [route] = {candidate.route for candidate in candidates}
    assert route in {"sequential", "hybrid", "parallel", "beam"}
    assert all(candidate.chain is not None for candidate in candidates)  # selection=hierarchical always applies


def test_it_has_chains_where_a_target_has() -> None:
    assert Threshold().has_chains
    others = {name: Beam() for name in ("sequential", "hybrid", "parallel")}
    assert not Threshold(**others).has_chains  # type: ignore[arg-type]


@pytest.mark.parametrize("thresholds", [(0.3, 0.35, 0.15), (0.6, 0.1, 0.15), (1.1, 0.3, 0.1), (math.nan, 0.3, 0.1)])
def test_thresholds_must_fall(thresholds: tuple[float, float, float]) -> None:
    with pytest.raises(UserError, match=r"must fall, within \[0, 1\]; use e\.g\. 0\.6, 0\.35, 0\.15\.$"):
        Threshold(4, False, *thresholds).check(16)


def test_an_error_of_a_target_names_it() -> None:
    with pytest.raises(UserError, match=r"^strategy\.hybrid: strategy\.ratio=x is not a ratio"):
        Threshold(hybrid=Revisions("x")).check(16)


def test_it_travels_to_worker_processes() -> None:
    strategy = Threshold(beam=Beam(width=2))
    assert pickle.loads(pickle.dumps(strategy)) == strategy
