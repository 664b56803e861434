"""The table of answer classes agrees with the selections, and says what decided."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import candidate, problem

from ttc.report.answers import Answers, answers
from ttc.runs.records import CandidateRecord, ProblemRecord, SelectedAnswer
from ttc.selection import Aggregation, SelectionRule, choose, select
from ttc.types import Candidate, Problem, Trace

GROUPS = {"1": 0, "1.0": 0, "2": 1, "3": 2}
TRACE = Trace(Problem("p", "", "1"))


@st.composite
def candidate_lists(draw: st.DrawFn) -> list[CandidateRecord]:
    """Candidates in which ties are common."""
    answers = st.one_of(st.none(), st.sampled_from([*GROUPS]))
    values = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=2).map(tuple)
    chains = st.one_of(st.none(), st.integers(0, 2))
    one = st.builds(
        lambda answer, values, chain: CandidateRecord(
            "", answer, answer in ("1", "1.0"), "stop", values, 1, chain, None if answer is None else GROUPS[answer]
        ),
        *(answers, values, chains),
    )
    return draw(st.lists(one, min_size=1, max_size=8))


def recorded(candidates: list[CandidateRecord], aggregation: Aggregation) -> ProblemRecord:
    """Return the record that a run would write."""
    given_candidates = [Candidate(TRACE, c.values, c.answer, c.chain) for c in candidates]
    selected = {}
    for rule in SelectionRule:
        answer = select(given_candidates, rule, aggregation, GROUPS)
        selected[str(rule)] = SelectedAnswer(answer, answer in ("1", "1.0"))
    return problem("p", candidates, selected=selected)


@given(candidate_lists(), st.sampled_from([*Aggregation]))
def test_every_choice_is_the_class_that_leads(candidates: list[CandidateRecord], aggregation: Aggregation) -> None:
    record = recorded(candidates, aggregation)
    found = answers(record, aggregation)
    for choice in found.choices:
        objects = [Candidate(TRACE, c.values, c.answer, c.chain) for c in candidates]
        chosen = choose(objects, choice.rule, aggregation, GROUPS)
        if chosen is None or chosen.answer is None:
            assert choice.number is None
            continue
        assert choice.number == GROUPS[chosen.answer]
        own = next(one for one in found.classes if one.number == choice.number)
        if choice.rule is SelectionRule.majority:
            assert own.votes == max(one.votes for one in found.classes)
        if choice.rule is SelectionRule.weighted:
            assert own.weight == max(one.weight or 0.0 for one in found.classes)
        if choice.rule is SelectionRule.best:
            assert own.highest == max(one.highest or 0.0 for one in found.classes)
        if choice.rule is SelectionRule.hierarchical:
            assert own.chain_weight == max(one.chain_weight or 0.0 for one in found.classes)


@given(candidate_lists())
def test_a_tie_is_named_exactly_where_another_class_has_as_much(candidates: list[CandidateRecord]) -> None:
    found = answers(recorded(candidates, Aggregation.last), Aggregation.last)
    reasons = {choice.rule: choice.reason for choice in found.choices}
    votes = sorted((one.votes for one in found.classes), reverse=True)
    assert ("a tie" in reasons[SelectionRule.majority]) == (len(votes) > 1 and votes[0] == votes[1])
    weights = sorted((one.weight or 0.0 for one in found.classes), reverse=True)
    assert ("a tie" in reasons[SelectionRule.weighted]) == (len(weights) > 1 and weights[0] == weights[1])


def explained(*candidates: CandidateRecord) -> tuple[Answers, dict[str, str]]:
    found = answers(recorded([*candidates], Aggregation.last), Aggregation.last)
    return found, {str(choice.rule): choice.reason for choice in found.choices}


def one(answer: str, value: float, chain: int | None = None) -> CandidateRecord:
    return candidate("", answer, answer == "1", value, group=GROUPS[answer], chain=chain)


@pytest.mark.parametrize(
    ("candidates", "rule", "reason"),
    [
        ([one("1", 0.5), one("1", 0.5), one("2", 0.75)], "majority", "most votes: 2 of 3"),
        ([one("1", 0.5), one("2", 0.75)], "majority", "a tie at 1 of 2 votes: a fixed random order decides"),
        ([one("1", 0.5), one("2", 0.75)], "best", "highest single value: 0.750"),
        (
            [one("1", 0.75), one("2", 0.75), one("2", 0.75)],
            "best",
            "highest single value: 0.750, reached by more candidates",
        ),
        ([one("1", 0.5), one("2", 0.75)], "weighted", "highest sum of values: 0.750, before 0.500"),
        (
            [one("1", 0.25), one("1", 0.25), one("2", 0.5)],
            "weighted",
            "highest sum of values: 0.500, a tie: more votes decide",
        ),
        (
            [one("1", 0.25), one("1", 0.75), one("2", 0.5), one("2", 0.5)],
            "weighted",
            "highest sum of values: 1.000, a tie: the higher single value decides",
        ),
        (
            [one("1", 0.5, 0), one("1", 0.25, 0), one("2", 0.6, 1)],
            "hierarchical",
            "highest sum over what each chain chose: 0.600, before 0.500",
        ),
    ],
)
def test_the_reason_names_what_decided(candidates: list[CandidateRecord], rule: str, reason: str) -> None:
    assert explained(*candidates)[1][rule] == reason


def test_equal_answers_are_one_class_in_their_commonest_spelling() -> None:
    found, _ = explained(one("1.0", 0.5), one("1", 0.25), one("1", 0.25), one("2", 0.125))
    assert [(own.answer, own.votes, own.weight, own.highest) for own in found.classes] == [
        ("1", 3, 1.0, 0.5),
        ("2", 1, 0.125, 0.125),
    ]


def test_the_runs_of_older_versions_stored_no_classes() -> None:
    record = problem(
        "p", [candidate("", "0.5", True, 0.5, group=None), candidate("", r"\frac12", True, 0.5, group=None)]
    )
    assert [own.votes for own in answers(record, Aggregation.last).classes] == [2]


def test_without_values_only_the_majority_has_a_choice() -> None:
    record = problem(
        "p",
        [candidate("", "1", True)],
        selected={"majority": SelectedAnswer("1", True), "best": SelectedAnswer(None, False)},
    )
    majority, best = answers(record, Aggregation.last).choices
    assert (majority.number, best.number) == (1, None) and "no candidate" in best.reason
