"""Calibration, ranking and best-of-N accuracy of a verifier."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random

import numpy as np
import pytest
from rich.console import Console

from ttc.analysis.verifier_quality import (
    ScoredSolution,
    draw_quality,
    measure_quality,
    problem_aucs,
    reliability,
    show_quality,
    within_problem_auc,
)


def solutions(score: Mapping[bool, float], problems: int = 40, samples: int = 8) -> list[ScoredSolution]:
    """Return solutions of which about half are correct, each scored by its outcome."""
    rng = Random(0)
    return [
        ScoredSolution(f"p{p}", "1" if correct else "2", correct, score[correct])
        for p in range(problems)
        for correct in (rng.random() < 0.5 for _ in range(samples))
    ]


def test_auc_within_problems_ignores_the_difficulty_of_a_problem() -> None:
    easy = [ScoredSolution("easy", "1", True, 0.9), ScoredSolution("easy", "2", False, 0.8)]
    hard = [
        ScoredSolution("hard", "1", True, 0.3),
        ScoredSolution("hard", "2", False, 0.1),
        ScoredSolution("hard", "3", False, 0.2),
    ]
    assert problem_aucs(easy + hard) == {"easy": 1.0, "hard": 1.0}
    tied = [ScoredSolution("hard", "1", True, 0.1), ScoredSolution("hard", "2", False, 0.1)]
    found = within_problem_auc(easy + tied)
    assert found is not None and (found.mean, found.n) == (0.75, 2) and 0.5 <= found.lo < 0.75 < found.hi <= 1
    assert within_problem_auc([ScoredSolution("all correct", "1", True, 0.5)]) is None


def test_reliability_compares_scores_with_outcomes_bin_by_bin() -> None:
    bins = reliability(np.array([0.0, 0.05, 0.62, 0.68, 1.0]), np.array([0.0, 1.0, 1.0, 1.0, 1.0]))
    assert [(b.low, b.n, b.score, b.correct) for b in bins] == [
        (0.0, 2, pytest.approx(0.025), 0.5),
        (0.6, 2, pytest.approx(0.65), 1.0),
        (0.9, 1, 1.0, 1.0),
    ]


def test_a_perfect_verifier_is_calibrated_and_reaches_the_oracle() -> None:
    found = measure_quality(solutions({True: 1.0, False: 0.0}), 8)
    assert found.calibration_error == 0.0 and found.bce < 1e-5
    assert found.auc is not None and found.auc.mean == 1.0
    assert list(found.curves["best"]) == [1, 2, 4, 8]
    for n, cell in found.curves["best"].items():
        assert cell == pytest.approx(found.curves["oracle"][n])


def test_a_verifier_that_prefers_wrong_solutions_gets_worse_with_more_of_them() -> None:
    curve = measure_quality(solutions({True: 0.1, False: 0.9}), 8).curves["best"]
    accuracies = [accuracy for accuracy, _, _ in curve.values()]
    assert accuracies == sorted(accuracies, reverse=True) and accuracies[0] > 0.4 > 0.05 > accuracies[-1]


def test_missing_solutions_count_as_samples_that_are_never_chosen() -> None:
    found = measure_quality([ScoredSolution("p", "1", True, 0.1)], 4)
    assert found.curves["best"][1][0] == pytest.approx(0.25) and found.curves["best"][4][0] == 1.0


def test_a_report_is_printed_and_drawn(tmp_path: Path) -> None:
    found = measure_quality(solutions({True: 0.8, False: 0.3}), 8)
    with (tmp_path / "out").open("w") as stream:
        console = Console(record=True, width=80, file=stream)
        show_quality(found, console)
    text = console.export_text()
    assert "320 solutions of 40 problems: BCE 0.292" in text and "±0.0" not in text
    assert "within-problem AUC 1.00 [0.91, 1.00], 40 problems" in text
    draw_quality(found, tmp_path / "report.png")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_becomes_json_and_one_line() -> None:
    found = measure_quality(solutions({True: 0.8, False: 0.3}), 8)
    report = json.loads(json.dumps(found.to_json()))
    assert report["n_solutions"] == 320 and len(report["reliability"]) == 2
    assert report["curves"]["best"]["8"]["accuracy"] == pytest.approx(found.curves["best"][8][0])
    assert found.line().startswith("auc 1.000, bce ")
