"""What a run of revisions tells about its chains."""

from __future__ import annotations

from ttc.analysis.chains import accuracy_by_attempt, gains, has_chains, turns
from ttc.analysis.tables import run_table
from ttc.runs.records import CandidateRecord, ProblemRecord


def record(id_: str, *chains: str) -> ProblemRecord:
    """`+-` is a chain of a right and a wrong attempt."""
    candidates = [
        CandidateRecord("", "1", sign == "+", chain=number) for number, chain in enumerate(chains) for sign in chain
    ]
    return ProblemRecord(id_, "1", True, {}, True, tuple(candidates))


def test_the_accuracy_of_the_nth_attempt_is_a_mean_over_chains_and_problems() -> None:
    found = accuracy_by_attempt([record("a", "-++", "--+"), record("b", "+-+")])
    assert [interval.mean for interval in found] == [0.5, 0.25, 1.0]


def test_gains_are_paired_differences_between_attempts_a_power_of_four_apart() -> None:
    chain = "-++-" + "+" * 12
    found = gains([record("a", chain), record("b", "+---" + "-" * 12)])
    assert {name: gain.mean for name, gain in found.items()} == {"1 to 4": -0.5, "4 to 16": 0.5}
    assert gains([record("a", "-++")]) == {}


def test_turns_are_shares_of_the_revisions_of_right_and_of_wrong_attempts() -> None:
    found = turns([record("a", "++-", "-+"), record("b", "+-")])
    right_to_wrong, wrong_to_right = found["right_to_wrong"], found["wrong_to_right"]
    assert right_to_wrong is not None and (right_to_wrong.mean, right_to_wrong.n) == (2 / 3, 3)
    assert wrong_to_right is not None and (wrong_to_right.mean, wrong_to_right.n) == (1.0, 1)


def test_what_never_happened_has_no_share() -> None:
    assert turns([record("a", "++")])["wrong_to_right"] is None


def test_a_run_with_chains_gets_a_row_for_each_attempt() -> None:
    table = run_table([record("a", "-+"), record("b", "++")], independent=False)
    rows = table[table["kind"] == "attempt"]
    assert [*zip(rows["group"], rows["accuracy"], strict=True)] == [("1", 0.5), ("2", 1.0)]
    assert not has_chains([ProblemRecord("a", "1", True, {}, True, (CandidateRecord("", "1", True),))])
