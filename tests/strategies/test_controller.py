"""What all controllers share: probes are kept and counted, and exactly the budget is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from flows import PROBLEM, RandomReplies, drive, finish, solved, start
from hypothesis import assume, given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.base import Strategy, config_of
from ttc.strategies.beam import Beam
from ttc.strategies.controller import Controller, in_chains
from ttc.strategies.dvts import Dvts
from ttc.strategies.lookahead import Lookahead
from ttc.strategies.mcts import Mcts
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.particles import Particles
from ttc.strategies.revisions import Revisions
from ttc.types import Candidate, Flow, Reply, Request, Sample, Score, Trace


@dataclass
class Always(Controller):
    """Sends every problem to one target."""

    target: Strategy = field(default_factory=BestOfN)

    @property
    def has_chains(self) -> bool:
        return self.target.has_chains

    def choose(self, value: float, budget: int) -> str:
        return "target"

    def targets(self, budget: int) -> Mapping[str, Strategy]:
        return {"target": self.target}


TARGETS: list[Strategy] = [
    *(BestOfN(), BestOfN(step_values=True), Majority(), Beam(), Beam(width=None), Beam(width=7), Dvts(), Dvts(width=3)),
    *(Lookahead(k=2), Lookahead(width=None, k=1), Particles(), Mcts()),
    *(Revisions(ratio) for ratio in ("sequential", "parallel", "1:1", "8:1", "1:4", "2:3", "hard")),
]


@given(st.sampled_from(TARGETS), st.integers(2, 150), st.integers(1, 9), st.integers(0, 2**32))
def test_exactly_the_budget_is_spent_whatever_the_target_and_the_replies(
    target: Strategy, budget: int, probes: int, seed: int
) -> None:
    strategy = Always(probes=probes, target=target)
    assume(accepts(strategy, budget))
    replies = RandomReplies(seed)
    candidates, batches = drive(strategy.solve(PROBLEM, budget), replies)
    assert sum(candidate.generations for candidate in candidates) == budget
    assert batches[0] == [Sample(Trace(PROBLEM))] * probes
    assert all(candidate.values and candidate.route == "target" for candidate in candidates)
    kinds = {candidate.chain is None for candidate in candidates}
    assert kinds == {not target.has_chains}


@given(st.sampled_from(TARGETS), st.integers(2, 150), st.integers(1, 9), st.integers(0, 2**32))
def test_each_probe_is_a_candidate_once_with_its_own_score(
    target: Strategy, budget: int, probes: int, seed: int
) -> None:
    strategy = Always(probes=probes, target=target)
    assume(accepts(strategy, budget))
    replies = RandomReplies(seed)
    flow = strategy.solve(PROBLEM, budget)
    traces = [replies(request) for request in start(flow)]
    scores = flow.send(traces)
    assert scores == [Score(trace) for trace in traces if isinstance(trace, Trace)]
    values = [replies(request) for request in scores]
    candidates = drive_on(flow, values, replies)
    expected = Counter((trace, (value,)) for trace, value in zip(traces, values, strict=True))
    found = Counter((candidate.trace, candidate.values) for candidate in candidates)
    assert expected <= found


def drive_on(flow: Flow, replies: list[Reply], answer: Callable[[Request], Reply]) -> list[Candidate]:
    """Send these replies, and continue the flow to its end."""
    try:
        while True:
            replies = [answer(request) for request in flow.send(replies)]
    except StopIteration as stop:
        candidates: list[Candidate] = stop.value
        return candidates


@pytest.mark.parametrize("target", TARGETS)
def test_the_largest_budget_that_can_be_spent_is_what_check_accepts(target: Strategy) -> None:
    for at_most in range(140):
        accepted = [n for n in range(1, at_most + 1) if accepts(target, n)]
        assert target.largest_spendable(at_most) == max(accepted, default=0)


def accepts(strategy: Strategy, budget: int) -> bool:
    try:
        strategy.check(budget)
    except UserError:
        return False
    return True


def test_large_budgets_take_no_search() -> None:
    for target in TARGETS:
        assert 2**20 - 2**15 < target.largest_spendable(2**20 - 1) < 2**20
    assert Beam(width=None).largest_spendable(2**20 - 1) == Revisions("1:1").largest_spendable(2**20 - 1) == 1023**2


def test_best_of_n_continues_the_probes() -> None:
    flow = Always(probes=2, target=BestOfN()).solve(PROBLEM, 5)
    assert start(flow) == [Sample(Trace(PROBLEM))] * 2
    probes = [solved(Trace(PROBLEM), str(n)) for n in range(2)]
    assert flow.send([*probes]) == [Score(trace) for trace in probes]
    assert flow.send([0.1, 0.2]) == [Sample(Trace(PROBLEM))] * 3
    others = [solved(Trace(PROBLEM), str(n)) for n in range(2, 5)]
    assert flow.send([*others]) == [Score(trace) for trace in others]
    candidates = finish(flow, [0.3, 0.4, 0.5])
    assert [(c.trace, c.values) for c in candidates] == [
        (trace, (value,)) for trace, value in zip([*probes, *others], [0.1, 0.2, 0.3, 0.4, 0.5], strict=True)
    ]


def test_each_chain_begins_with_a_probe_and_the_others_are_dealt_out() -> None:
    flow = Always(probes=3, target=Revisions("2:1")).solve(PROBLEM, 8)  # two chains of four
    start(flow)
    one, two, three = probes = [solved(Trace(PROBLEM), str(n)) for n in range(3)]
    flow.send([*probes])
    first, second = flow.send([0.1, 0.2, 0.3])
    assert (first.trace.attempts, second.trace.attempts) == ((one, three), (two,))


def test_probes_stay_alone_before_more_samples_do_so_where_chains_cannot_spend_the_budget() -> None:
    strategy = Always(probes=3, target=Revisions("1:1"))
    candidates, batches = drive(strategy.solve(PROBLEM, 6), RandomReplies(0))  # two chains of two, two samples alone
    assert Counter(candidate.chain for candidate in candidates) == {0: 2, 1: 2, 2: 1, 3: 1}
    assert [bool(candidate.trace.attempts) for candidate in candidates] == [False, True, False, True, False, False]
    assert len(batches[0]) == 3 and len(batches[2]) == 3  # two revisions and a sample


def test_a_chain_is_scored_once() -> None:
    replies = RandomReplies(0)
    drive(Always(probes=4, target=Revisions("sequential")).solve(PROBLEM, 9), replies)
    assert replies.counts == {"samples": 9, "scores": 9}


def test_a_search_gets_the_largest_budget_that_it_can_spend() -> None:
    replies = RandomReplies(1)
    candidates, batches = drive(Always(probes=3, target=Beam(width=4)).solve(PROBLEM, 17), replies)
    assert Counter(request.max_steps for request in batches[2] if isinstance(request, Sample)) == {1: 12, None: 2}
    assert len(candidates) == 17


def test_candidates_of_a_target_without_a_verifier_are_scored() -> None:
    replies = RandomReplies(2)
    candidates, _ = drive(Always(probes=2, target=Majority()).solve(PROBLEM, 6), replies)
    assert all(len(candidate.values) == 1 for candidate in candidates) and replies.counts["scores"] == 6


def test_with_step_values_every_candidate_has_a_value_for_each_step() -> None:
    strategy = Always(probes=2, step_values=True, target=BestOfN(step_values=True))
    strategy.check(5)
    candidates, _ = drive(strategy.solve(PROBLEM, 5), RandomReplies(3))
    assert strategy.scores_every_step and not Always().scores_every_step
    assert all(len(candidate.values) == len(candidate.trace.steps) for candidate in candidates)


def test_candidates_of_no_chain_become_chains_of_their_own() -> None:
    trace = Trace(PROBLEM)
    given = [Candidate(trace, chain=3), Candidate(trace), Candidate(trace, chain=0), Candidate(trace)]
    assert [candidate.chain for candidate in in_chains(given)] == [3, 4, 0, 5]
    assert [candidate.chain for candidate in in_chains([Candidate(trace)] * 2)] == [0, 1]


@pytest.mark.parametrize(
    ("strategy", "budget", "message"),
    [
        (Always(probes=0), 8, "strategy.probes=0 must be at least 1; use e.g. 4."),
        (
            Always(),
            4,
            "budget=4 leaves nothing after strategy.probes=4; use budget=5 or more, or fewer probes.",
        ),
        (Always(target=Always()), 8, "strategy.target: Always probes by itself; choose a strategy that does not."),
        (Always(target=Beam(width=0)), 8, "strategy.target: strategy.width=0 must be at least 1; use e.g. 4."),
        (
            Always(step_values=True),
            8,
            "strategy.step_values=true: BestOfN (strategy.target) scores only whole solutions; choose one that scores "
            "every step, or leave step_values out.",
        ),
        (
            Always(target=Lookahead(k=7)),
            10,
            "strategy.target: of budget=10, Lookahead can spend nothing after strategy.probes=4; use budget=12, fewer "
            "probes, or another strategy.",
        ),
    ],
)
def test_impossible_settings_and_budgets_are_refused_with_a_remedy(
    strategy: Strategy, budget: int, message: str
) -> None:
    with pytest.raises(UserError) as error:
        strategy.check(budget)
    assert str(error.value) == message


def test_the_config_of_a_controller_names_the_classes_of_its_targets() -> None:
    assert config_of(Always(target=Dvts(width=2)))["target"] == {
        "_target_": "ttc.strategies.dvts.Dvts",
        "width": 2,
        "rounds": 40,
    }
