"""Accuracy by attempt, and the effect of a revision on a correct or a wrong attempt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ttc.analysis.chains import accuracy_by_attempt, attempt_outcomes, chain_summary, gains, has_chains, turns
from ttc.analysis.intervals import wilson
from ttc.runs.records import CandidateRecord, ProblemRecord


def record(id_: str, *chains: str) -> ProblemRecord:
    """Return a problem with chains of attempts; `+-` is a correct attempt followed by a wrong one."""
    candidates = [
        CandidateRecord("", "1", sign == "+", chain=number) for number, chain in enumerate(chains) for sign in chain
    ]
    return ProblemRecord(id_, "1", True, {}, True, tuple(candidates))


UNCHAINED = ProblemRecord("a", "1", True, {}, True, (CandidateRecord("", "1", True),))


def test_the_accuracy_of_the_nth_attempt_is_a_mean_over_chains_and_problems() -> None:
    found = accuracy_by_attempt([record("a", "-++", "--+"), record("b", "+-+")])
    assert [interval.mean for interval in found] == [0.5, 0.25, 1.0]


def test_the_outcomes_of_an_attempt_are_keyed_by_problem() -> None:
    rows = [record("b", "+-+"), record("a", "-++", "--+")]
    assert attempt_outcomes(rows, 2) == {"a": 0.5, "b": 0.0}
    for number in (0, 4):
        with pytest.raises(KeyError):
            attempt_outcomes(rows, number)
    with pytest.raises(KeyError):
        attempt_outcomes([UNCHAINED], 1)


def test_gains_are_paired_differences_between_attempts_a_power_of_four_apart() -> None:
    chain = "-++-" + "+" * 12
    found = gains([record("a", chain), record("b", "+---" + "-" * 12)])
    assert {name: gain.mean for name, gain in found.items()} == {"1 to 4": -0.5, "4 to 16": 0.5}
    assert gains([record("a", "-++")]) == {}


def test_a_gain_of_zero_on_every_problem_has_an_interval_of_some_width() -> None:
    [gain] = gains([record("a", "++++"), record("b", "----")]).values()
    assert gain.mean == 0.0 and gain.lo == -gain.hi and gain.hi == pytest.approx(wilson(0, 2)[1])


def test_turns_are_shares_of_the_revisions_of_correct_and_of_wrong_attempts() -> None:
    found = turns([record("a", "++-", "-+"), record("b", "+-")])
    right_to_wrong, wrong_to_right = found["right_to_wrong"], found["wrong_to_right"]
    assert right_to_wrong is not None and (right_to_wrong.mean, right_to_wrong.n) == (2 / 3, 3)
    assert wrong_to_right is not None and (wrong_to_right.mean, wrong_to_right.n) == (1.0, 1)


def test_a_share_of_all_or_no_revisions_has_an_interval_of_some_width() -> None:
    found = turns([record("a", "-+"), record("b", "-+"), record("c", "++")])
    corrected, broken = found["wrong_to_right"], found["right_to_wrong"]
    assert corrected is not None and (corrected.mean, corrected.hi, corrected.n) == (1.0, 1.0, 2)
    assert corrected.lo == pytest.approx(wilson(2, 2)[0])  # over the two problems that had wrong attempts
    assert broken is not None and (broken.mean, broken.lo, broken.n) == (0.0, 0.0, 1)
    assert broken.hi == pytest.approx(wilson(0, 1)[1])


def test_a_turn_that_no_attempt_could_take_has_no_share() -> None:
    assert turns([record("a", "++")])["wrong_to_right"] is None


def test_the_summary_of_a_run_with_chains_holds_turns_and_gains() -> None:
    found = chain_summary([record("a", "-+++"), record("b", "+-++")])
    assert found["turned"]["wrong_to_right"] == {"share": 1.0, "ci95": [pytest.approx(wilson(2, 2)[0]), 1.0], "n": 2}
    assert found["turned"]["right_to_wrong"]["n"] == 4
    assert found["gained"]["1 to 4"]["mean"] == 0.5
    assert chain_summary([UNCHAINED]) == {}


def test_a_run_has_chains_if_any_candidate_belongs_to_one() -> None:
    assert has_chains([UNCHAINED, record("b", "+")])
    assert not has_chains([UNCHAINED])


def test_chains_that_begin_with_a_controllers_probes_are_not_taken_for_revisions() -> None:
    assert not has_chains([replace(record("a", "+-"), route="sequential")])
