"""Verdicts follow from the intervals alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from figure_runs import even, write_all

from ttc.figures.claims import CLAIMS, Verdict, claims_markdown, judge
from ttc.figures.evidence import COLUMNS, evidence
from ttc.figures.measured import Measured
from ttc.figures.recipes import Role
from ttc.figures.roles import roles_of
from ttc.runs.finding import find_runs


def verdict(*tests: tuple[str, float, float, float]) -> Verdict:
    """Return the verdict on C1 from (wanted, margin, lo, hi)."""
    rows = [("C1", "a minus b", wanted, margin, (lo + hi) / 2, lo, hi, 100) for wanted, margin, lo, hi in tests]
    return judge(pd.DataFrame(rows, columns=COLUMNS))[0].verdict


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ([("above", 0, 1, 3)], Verdict.holds),
        ([("above", 0, -3, -1)], Verdict.fails),
        ([("above", 0, -1, 3)], Verdict.undecided),
        ([("above", 0, 0, 3)], Verdict.undecided),
        ([("below", 0, -3, -1)], Verdict.holds),
        ([("below", 0, 1, 3)], Verdict.fails),
        ([("above", -1, -0.5, 3)], Verdict.holds),
        ([("above", -1, -5, -2)], Verdict.fails),
        ([("below", 5, -2, 4)], Verdict.holds),
        ([("above", 0, 1, 3), ("above", 0, 2, 4)], Verdict.holds),
        ([("above", 0, 1, 3), ("above", 0, -2, 4)], Verdict.undecided),
        ([("above", 0, -1, 3), ("below", 0, 2, 4)], Verdict.fails),
        ([], Verdict.untestable),
    ],
)
def test_a_claim_holds_if_every_interval_is_where_it_wants_it(
    tests: list[tuple[str, float, float, float]], expected: Verdict
) -> None:
    assert verdict(*tests) is expected


def measured(directory: Path, **options: object) -> Measured:
    return Measured(roles_of(find_runs([write_all(directory, **options)])))  # type: ignore[arg-type]


def test_every_claim_is_tested_where_all_runs_exist(tmp_path: Path) -> None:
    tests = evidence(measured(tmp_path))
    # C14 is tested at R = 22 only: the budgets of other R are beyond what was run, which would favour it.
    assert set(tests["claim"]) == {claim.name for claim in CLAIMS}
    assert not tests[tests["claim"] == "C14"]["test"].str.contains("measured to").any()
    assert (tests["lo"] <= tests["mean"]).all() and (tests["mean"] <= tests["hi"]).all()


def test_a_claim_without_runs_is_not_testable_and_says_what_it_needs(tmp_path: Path) -> None:
    judgements = judge(evidence(measured(tmp_path, without=(Role.orm, Role.larger))))
    missing = {j.claim.name: j.explanation for j in judgements if j.verdict is Verdict.untestable}
    assert missing == {
        "C8": "It needs runs of best_of_n with a PRM and with an ORM.",
        "C13": "It needs a greedy run of a larger model.",
        "C14": "It needs a greedy run of a larger model.",
    }


def test_a_search_that_is_made_better_makes_its_claims_hold(tmp_path: Path) -> None:
    def chance(role: Role, quintile: int, budget: int) -> float:
        if role is Role.beam:
            return 0.95 if quintile > 2 else 1 - 0.05 * budget
        return 0.3 if role is Role.best_of_n else even(role, quintile, budget)

    found = {j.claim.name: j.verdict for j in judge(evidence(measured(tmp_path, chance=chance)))}
    assert found["C3"] is Verdict.holds and found["C4"] is Verdict.holds and found["C5"] is Verdict.fails


def test_what_does_not_hold_is_explained_with_its_numbers() -> None:
    rows = [("C1", "weighted minus majority at 64", "above", 0.0, -2.0, -3.0, -1.0, 100)]
    judgements = judge(pd.DataFrame(rows, columns=COLUMNS))
    page = claims_markdown(judgements, "Made here.")
    assert "weighted minus majority at 64: -2.0 [-3.0, -1.0] (the claim wants it above 0)" in judgements[0].explanation
    assert "| C1 |" in page and "**does not hold**" in page and "0 of 14 claims hold here, 1 are decided" in page
