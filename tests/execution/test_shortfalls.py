"""What falls short is counted once, and said in one line that names the remedy."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from flows import PROBLEM, grown, solved

from ttc.engines.base import EngineReply, Usage
from ttc.execution.shortfalls import Shortfalls
from ttc.types import Candidate, FinishReason, Sample, Score, Trace

START = Trace(PROBLEM)
FULL = Trace(PROBLEM, (), FinishReason.LENGTH)


def sampled(attempts: int, hidden: int) -> Shortfalls:
    request = Sample(Trace(PROBLEM, attempts=(solved(START),) * attempts))
    return Shortfalls.of_reply(request, EngineReply(1, solved(START), Usage(), hidden_attempts=hidden))


def test_truncated_and_unfinished_solutions_are_different_counts() -> None:
    traces = [solved(START), grown(START, "a", FinishReason.LENGTH), grown(START, "a"), grown(START, "b")]
    found = Shortfalls.of_candidates([Candidate(trace) for trace in traces])
    assert found == Shortfalls(problems=1, solutions=4, truncated=1, unfinished=2)


def test_a_problem_without_room_is_counted_as_a_problem() -> None:
    assert Shortfalls.of_candidates([Candidate(FULL)] * 3) == Shortfalls(problems=1, without_room=1, solutions=3)


def test_revisions_are_counted_by_what_they_saw() -> None:
    assert sampled(0, 0) == Shortfalls()
    assert sampled(3, 0) == Shortfalls(revisions=1)
    assert sampled(3, 1) == Shortfalls(revisions=1, revisions_short=1)
    assert sampled(3, 3) == Shortfalls(revisions=1, revisions_short=1, revisions_blind=1)


def test_partial_scores_are_counted() -> None:
    replies = [EngineReply(1, 0.5, Usage(), partial=partial) for partial in (False, True)]
    found = sum((Shortfalls.of_reply(Score(solved(START)), reply) for reply in replies), Shortfalls())
    assert found == Shortfalls(scores=2, scores_partial=1)


def test_a_run_that_did_all_it_was_asked_for_has_no_notes() -> None:
    whole = Shortfalls(problems=5, solutions=20, scores=20, revisions=15)
    assert whole.notes("generator.max_tokens=8") == []


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("without_room", "2 of 9 problems fill the generator's context .* raise generator.max_model_len"),
        (
            "truncated",
            r"^warning: 2 of 9 solutions \(22.2%\) were cut at generator.max_tokens=8: .*; raise it",
        ),
        ("unfinished", "2 of 9 solutions were still open .* raise strategy.rounds"),
        ("revisions_short", "2 of 9 revisions saw fewer earlier attempts than asked for, 0 of them none"),
        (
            "scores_partial",
            r"^warning: 2 of 9 scores \(22.2%\) are of solutions longer .* prm.max_model_len",
        ),
    ],
)
def test_each_shortfall_has_one_note(name: str, note: str) -> None:
    [found] = Shortfalls(**{"problems": 9, "solutions": 9, "revisions": 9, "scores": 9, name: 2}).notes(
        "generator.max_tokens=8"
    )
    assert re.search(note, found)


@pytest.mark.parametrize(("part", "whole"), [("truncated", "solutions"), ("scores_partial", "scores")])
def test_few_cut_solutions_or_scores_are_noted_and_more_than_a_twentieth_are_a_warning(part: str, whole: str) -> None:
    for count, warns in {1: False, 5: False, 6: True, 100: True}.items():
        [note] = Shortfalls(**{whole: 100, part: count}).notes("generator.max_tokens=8")
        assert note.startswith("warning: ") is warns and f"{count} of 100" in note
        assert ("raise" in note) is warns and (f"({count}%)" in note) is warns


def test_counts_add_up_and_are_written_by_name() -> None:
    ones = Shortfalls(*(1 for _ in fields(Shortfalls)))
    assert set((ones + ones).to_json().values()) == {2}
    assert sum([ones, ones, ones], Shortfalls()).truncated == 3
