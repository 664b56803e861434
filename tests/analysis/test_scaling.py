"""`ttc scale` from finished runs, against a brute-force reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from menus import BEAM, finished_run, problem_record
from two_models import GREEDY, LARGE, PROBLEMS, RESULTS, SMALL, bin_of, id_of, rows_by_key, scaled

from ttc.analysis.flops_match import Formula
from ttc.analysis.scaling import ScaleSettings, scale
from ttc.analysis.scaling_report import scale_rows
from ttc.difficulty.table import DifficultyKind, DifficultyTable
from ttc.errors import UserError
from ttc.runs.finding import find_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return RESULTS.write(tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize(("formula", "slope"), [(Formula.arxiv, 3.0), (Formula.iclr, 1.5)])
def test_every_row_agrees_with_a_brute_force_reference(runs: Path, formula: Formula, slope: float) -> None:
    ratios = (0.9, 1.3, 7.0)
    rows = rows_by_key(scaled(runs, r=ratios, formula=formula, selections=["oracle"]))
    for strategy in ("best_of_n oracle", "beam oracle"):
        for r in ratios:
            budget = 3 + slope / r * (3 - 1)
            for number in (None, 1, 2, 3, 4, 5):
                row = rows[strategy, r, number]
                places = [place for place in range(PROBLEMS) if number in (None, bin_of(place))]
                small = np.mean([RESULTS.reference(strategy, budget, place) for place in places])
                large = np.mean([RESULTS.large[place] for place in places])
                assert row.reading.budget == pytest.approx(budget)
                assert [row.small.mean, row.large.mean] == pytest.approx([small, large])
                assert row.difference.mean == pytest.approx(small - large) and row.small.n == len(places)
                assert row.relative == pytest.approx((small - large) / large)


def test_the_compute_optimal_line_comes_first_and_takes_the_best_of_each_bin(tmp_path: Path) -> None:
    def write(name: str, solves: Callable[[int], bool], **entries: Any) -> None:
        rows = [problem_record(id_of(n), [solves(n)] * 8, quintile=bin_of(n)) for n in range(PROBLEMS)]
        finished_run(tmp_path / "small" / name, rows, generator=SMALL, **entries)

    write("bon", lambda place: bin_of(place) <= 2)
    write("beam", lambda place: bin_of(place) > 2, config=BEAM, independent=False)
    finished_run(tmp_path / "large", RESULTS.large_rows(), **GREEDY)
    found = scaled(tmp_path, r=[6 / 5])  # 3 + 6 / R: 8 generations
    means = {name: match.reading.outcomes.mean() for name, [match] in found.matches.items()}
    assert next(iter(means.items())) == ("compute-optimal, recorded", 1.0)
    assert (means["best_of_n weighted"], means["beam weighted"]) == (pytest.approx(0.4), pytest.approx(0.6))


def test_too_few_problems_to_choose_on_leave_the_single_strategies(tmp_path: Path, runs: Path) -> None:
    finished_run(tmp_path, RESULTS.large_rows()[:10], **GREEDY)  # two in each bin
    found = scaled(runs, tmp_path)
    assert {*found.matches} == {"best_of_n weighted", "beam weighted"}
    assert any(note.startswith("no compute-optimal line: bin 1 has 2 problems") for note in found.notes)


def test_a_large_run_of_several_generations_multiplies_the_matched_budget(runs: Path, tmp_path: Path) -> None:
    rows = [problem_record(id_of(place), [bool(RESULTS.large[place])] * 2) for place in range(PROBLEMS)]
    finished_run(tmp_path, rows, generator=LARGE)
    found = scaled(runs, tmp_path, r=[22.0])
    assert found.matches["beam weighted"][0].reading.budget == pytest.approx(2 * (3 + 3 / 22 * 2))
    assert "--large spends 2 generations per problem, which multiply the matched budgets" in found.notes


def test_a_sampled_large_run_is_noted(runs: Path, tmp_path: Path) -> None:
    finished_run(tmp_path, RESULTS.large_rows(), **{**GREEDY, "overrides": None})
    notes = scaled(runs, tmp_path).notes
    assert notes == [
        "--large: its command line does not set generator.temperature=0; the paper's large model is greedy"
    ]
    assert not scaled(runs).notes


def test_a_table_of_difficulties_makes_the_bins(runs: Path, tmp_path: Path) -> None:
    values = {id_of(place): place / PROBLEMS for place in range(PROBLEMS)}
    DifficultyTable(DifficultyKind.predicted, values).save(tmp_path / "table.json")
    found = scaled(runs, difficulty=tmp_path / "table.json")
    assert found.binning == "predicted" and found.bins is not None
    assert found.bins.tolist() == [5 - place * 5 // PROBLEMS for place in range(PROBLEMS)]


def test_runs_without_bins_are_compared_as_a_whole(runs: Path, tmp_path: Path) -> None:
    finished_run(tmp_path, [problem_record(id_of(place), [True] * 8) for place in range(PROBLEMS)], generator=SMALL)
    found = scale(find_runs([tmp_path]), find_runs([runs / "large"]), ScaleSettings())
    assert {row.bin for row in scale_rows(found)} == {None}
    assert "no bins: the small runs recorded none; give --difficulty TABLE" in found.notes


def test_only_common_problems_are_compared_and_that_is_noted(runs: Path, tmp_path: Path) -> None:
    finished_run(tmp_path, RESULTS.large_rows()[:40], **GREEDY)
    found = scaled(runs, tmp_path)
    assert len(found.ids) == 40 and "40 of 60 problems are in all runs; the others are left out" in found.notes


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"r": [0.0]}, "--r 0: must be above 0: "),
        ({"r": [-0.1]}, "--r -0.1: must be above 0: "),
        ({"size_ratio": 1.0}, "--size-ratio 1: must be above 1: "),
        ({"selections": ["hierarchical"]}, "--selection hierarchical: "),
        ({"r": [1e-6]}, "no matched budget (6e+06) is within the measured ones (the nearest: 8); give small runs of"),
        ({"difficulty": Path("/nowhere.json")}, "/nowhere.json cannot be read"),
    ],
)
def test_impossible_settings_are_one_line(runs: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        scaled(runs, **settings)
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)


def test_bins_that_differ_between_runs_are_noted(runs: Path, tmp_path: Path) -> None:
    rows = [problem_record(id_of(place), [True] * 8, quintile=5 - place % 5) for place in range(PROBLEMS)]
    finished_run(tmp_path, rows, config={**BEAM, "width": 2}, generator=SMALL, independent=False)
    found = scale(find_runs([runs / "small" / "bon", tmp_path]), find_runs([runs / "large"]), ScaleSettings(r=[1.3]))
    note = "the small runs recorded different bins of 48 problems; the last strategy's count"
    assert note in found.notes and note not in scaled(runs).notes
