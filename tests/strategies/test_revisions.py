"""Chains of revisions, driven by hand (Snell et al. 2024, section 6)."""

from __future__ import annotations

import pytest
from flows import PROBLEM, drive, finish, grown, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.selection import SelectionRule, choose
from ttc.strategies.revisions import Revisions, ratios
from ttc.types import Candidate, FinishReason, Reply, Request, Sample, Score, Trace


def answered(number: int) -> Trace:
    return solved(Trace(PROBLEM), str(number))


def test_an_attempt_is_made_in_sight_of_the_four_latest_ones() -> None:
    flow = Revisions("sequential").solve(PROBLEM, 6)
    assert start(flow) == [Sample(Trace(PROBLEM))]
    attempts = [answered(n) for n in range(6)]
    for n in range(1, 6):
        assert flow.send([attempts[n - 1]]) == [Sample(Trace(PROBLEM, attempts=tuple(attempts[max(0, n - 4) : n])))]
    assert flow.send([attempts[5]]) == [Score(attempt) for attempt in attempts]
    candidates = finish(flow, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert [candidate.values for candidate in candidates] == [(0.1,), (0.2,), (0.3,), (0.4,), (0.5,), (0.6,)]
    assert {candidate.chain for candidate in candidates} == {0}


def test_what_the_verifier_judges_keeps_the_attempts_it_was_made_in_sight_of() -> None:
    flow = Revisions("sequential").solve(PROBLEM, 2)
    start(flow)
    [second] = flow.send([answered(1)])
    _, judged = flow.send([solved(second.trace)])
    assert isinstance(judged, Score) and judged.trace.attempts == (answered(1),)


def test_chains_run_side_by_side_and_never_see_each_other() -> None:
    flow = Revisions("1:1").solve(PROBLEM, 4)
    assert start(flow) == [Sample(Trace(PROBLEM))] * 2
    left, right = flow.send([answered(1), answered(2)])
    assert (left.trace.attempts, right.trace.attempts) == ((answered(1),), (answered(2),))
    flow.send([answered(3), answered(4)])
    candidates = finish(flow, [0.5] * 4)
    assert [(c.trace, c.chain) for c in candidates] == [
        (answered(1), 0),
        (answered(3), 0),
        (answered(2), 1),
        (answered(4), 1),
    ]


def test_an_attempt_that_was_cut_is_a_candidate_but_is_not_shown() -> None:
    flow = Revisions("sequential").solve(PROBLEM, 2)
    start(flow)
    cut = grown(Trace(PROBLEM), "endless", FinishReason.LENGTH)
    assert flow.send([cut]) == [Sample(Trace(PROBLEM))]


@pytest.mark.parametrize(
    ("ratio", "budget", "chains"),
    [
        ("8:1", 128, (32, 4)),
        ("easy", 128, (128, 1)),
        ("medium", 128, (32, 4)),
        ("hard", 128, (4, 32)),
        ("sequential", 10, (10, 1)),
        ("parallel", 10, (1, 10)),
        ("1:1", 1, (1, 1)),
    ],
)
def test_a_ratio_is_the_length_of_a_chain_over_the_number_of_chains(
    ratio: str, budget: int, chains: tuple[int, int]
) -> None:
    Revisions(ratio).check(budget)
    assert Revisions(ratio).chains(budget) == chains


PAPERS_TABLE = """
1 1:1; 2 1:2 2:1; 4 1:4 1:1 4:1; 8 1:8 1:2 2:1 8:1; 16 1:16 1:4 1:1 4:1 16:1; 32 1:32 1:8 1:2 2:1 8:1 32:1;
64 1:64 1:16 1:4 1:1 4:1 16:1 64:1; 128 1:128 1:32 1:8 1:2 2:1 8:1 32:1 128:1; 256 1:256 1:16 1:1 16:1 256:1
"""


def test_every_ratio_of_the_papers_table_can_be_spent_and_is_among_those_offered() -> None:
    for entry in PAPERS_TABLE.replace("\n", " ").split(";"):
        budget, *papers = entry.split()
        for ratio in papers:
            Revisions(ratio).check(int(budget))
        assert set(papers) <= set(ratios(int(budget)))


@given(budget=st.integers(1, 300), data=st.data())
def test_revisions_spend_exactly_their_budget(budget: int, data: st.DataObject) -> None:
    ratio = data.draw(st.sampled_from([*ratios(budget), "sequential", "parallel"]))
    strategy = Revisions(ratio)
    strategy.check(budget)

    def answer(request: Request) -> Reply:
        return 0.5 if isinstance(request, Score) else solved(request.trace)

    candidates, asked = drive(strategy.solve(PROBLEM, budget), answer)
    samples = [request for requests in asked for request in requests if isinstance(request, Sample)]
    assert len(samples) == len(candidates) == budget
    length, count = strategy.chains(budget)
    assert len({candidate.chain for candidate in candidates}) == count and length * count == budget


@pytest.mark.parametrize(
    ("ratio", "budget", "told"),
    [
        ("1:1", 8, "use budget=4 or 9, or a ratio of 1:8, 1:2, 2:1, 8:1"),
        ("easy", 64, "use budget=128, or a ratio of 1:64"),
        ("8", 64, "strategy.ratio=8 is no ratio"),
        ("0:1", 64, "strategy.ratio=0:1 is no ratio"),
        ("hasty", 64, "is no ratio; write sequential:parallel, e.g. 4:1, or easy, medium, hard"),
    ],
)
def test_a_ratio_that_makes_no_whole_chains_is_refused_with_ones_that_do(ratio: str, budget: int, told: str) -> None:
    with pytest.raises(UserError, match=told):
        Revisions(ratio).check(budget)


def candidate(answer: str, value: float, chain: int | None) -> Candidate:
    return Candidate(Trace(PROBLEM), (value,), answer, chain)


def test_hierarchical_selection_weighs_inside_each_chain_and_then_across_the_chains_choices() -> None:
    candidates = [
        *(candidate("7", 0.3, 0), candidate("7", 0.4, 0), candidate("5", 0.6, 0)),  # 7 wins with 0.7; its best has 0.4
        *(candidate("5", 0.35, 1), candidate("5", 0.2, 1), candidate("7", 0.1, 1)),  # 5 wins; its best has 0.35
        *(candidate("5", 0.1, 2), candidate("5", 0.05, 2)),
    ]
    chosen = choose(candidates, SelectionRule.hierarchical)
    assert chosen == candidates[3]  # 5: 0.35 + 0.1 across chains, against 0.4
    assert choose(candidates[:6], SelectionRule.hierarchical) == candidates[1]


def test_candidates_of_no_chain_are_chosen_among_as_weighted_does() -> None:
    alone = [candidate("7", 0.3, None), candidate("7", 0.4, None), candidate("5", 0.6, None)]
    assert choose(alone, SelectionRule.hierarchical) == choose(alone, SelectionRule.weighted) == alone[1]
