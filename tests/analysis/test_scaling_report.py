"""The tables of `ttc scale`."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from menus import finished_run, problem_record
from two_models import GREEDY, PROBLEMS, RESULTS, id_of, rows_by_key, scaled
from typer.testing import CliRunner

from ttc.analysis.formats import comma_separated
from ttc.analysis.scaling_report import scaling_tables
from ttc.cli import app


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return RESULTS.write(tmp_path_factory.mktemp("runs"))


def test_the_winner_is_whose_interval_excludes_0(runs: Path, tmp_path: Path) -> None:
    def winner(solved: Callable[[int], bool]) -> str:
        rows = [problem_record(id_of(place), [solved(place)]) for place in range(PROBLEMS)]
        directory = tmp_path / f"large{len([*tmp_path.iterdir()])}"
        finished_run(directory, rows, **GREEDY)
        return rows_by_key(scaled(runs, directory, r=[1.3]))["beam weighted", 1.3, None].winner

    assert winner(lambda place: False) == "small" and winner(lambda place: True) == "large"
    assert winner(lambda place: bool(RESULTS.beam[8, 0][place])) == "tie"


def test_intervals_are_paired(runs: Path) -> None:
    rows = rows_by_key(scaled(runs, r=[7.0], selections=["oracle"]))
    row = rows["beam oracle", 7.0, None]
    differences = [RESULTS.reference("beam oracle", 3 + 6 / 7, place) - RESULTS.large[place] for place in range(60)]
    error = float(np.std(differences)) / math.sqrt(PROBLEMS)
    assert (row.difference.hi - row.difference.lo) / 2 == pytest.approx(1.96 * error, rel=0.08)


def test_where_the_large_model_solves_nothing_there_is_no_relative_change(runs: Path, tmp_path: Path) -> None:
    finished_run(tmp_path, [problem_record(id_of(place), [False]) for place in range(PROBLEMS)], **GREEDY)
    tables = scaling_tables(scaled(runs, tmp_path, r=[1.3]))
    assert {row[9] for row in tables[0].rows} == {None}
    assert "empty: the large model solves no problem of bin 3" in tables[-1].notes


def test_a_budget_beyond_the_measured_ones_is_clamped_marked_and_noted(runs: Path) -> None:
    found = scaled(runs, selections=["oracle"])  # 0.16, 0.79 and 22: matched budgets 40.5, 10.6 and 3.27
    rows = rows_by_key(found)
    at_most = np.mean([RESULTS.reference("beam oracle", 8, place) for place in range(PROBLEMS)])
    assert rows["beam oracle", 0.16, None].small.mean == pytest.approx(at_most)
    first, *_, last = scaling_tables(found)
    assert {row[5] for row in first.rows} == {"! 8"} and {row[2] for row in last.rows} == {"! 8", "2 to 4"}
    assert (
        "! beam oracle: measured up to 8; the matched budget is 40.5, so the small model gets fewer generations here "
        "than it may have"
    ) in first.notes


def test_a_budget_below_the_measured_ones_is_not_passed_off_as_theirs(runs: Path, tmp_path: Path) -> None:
    found = scaled(runs, size_ratio=1.05, r=[1.0], selections=["oracle"])  # 1.2 generations; beam: from 2
    [table, _] = scaling_tables(found)
    assert {row[1]: row[5] for row in table.rows}["beam oracle"] == "! 2"
    assert any(
        note.startswith("! beam oracle: measured from 2; ") and "more generations" in note for note in table.notes
    )


def test_the_command_prints_every_r_and_the_relative_changes(runs: Path) -> None:
    arguments = ["scale", str(runs / "small"), "--large", str(runs / "large"), "--r", "22", "--r", "1.3"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "R = 22: 3.273 generations of the small model for the large model's FLOPs" in result.output
    assert "M = 3: full (3,000 parameters) against half (1,000 parameters); 60 problems" in result.output
    assert "3 medium" in result.output and "relative change, (small - large) / large in %, by bin" in result.output


def test_the_csv_holds_budgets_and_bounds_in_full_precision(runs: Path) -> None:
    [table, _] = scaling_tables(scaled(runs, r=[1.3], selections=["oracle"]))
    rows = [*csv.DictReader(io.StringIO(comma_separated(table)))]
    assert {float(row["matched budget"]) for row in rows} == {3 + 3 / 1.3 * 2}
    assert all(float(row["small - large_lo"]) <= float(row["small - large"]) for row in rows)
