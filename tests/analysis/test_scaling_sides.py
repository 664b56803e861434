"""What makes the runs of two models comparable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from menus import finished_run, problem_record
from two_models import GREEDY, LARGE, PROBLEMS, RESULTS, SMALL, id_of, scaled

from ttc.analysis.scaling import ScaleSettings, scale
from ttc.analysis.scaling_sides import TokenCount
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.runs.finding import find_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return RESULTS.write(tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"generator": SMALL}, "the small runs and --large have the same generator (half); give runs of two models."),
        (
            {"generator": replace(SMALL, fingerprint="at another temperature")},
            "the small runs and --large have the same generator (half); give runs of two models.",
        ),
        (
            {"generator": replace(LARGE, parameters=1000)},
            "--large: full (1,000 parameters) is not larger than half (1,000); exchange the runs, or give --size-ratio",
        ),
        (
            {"generator": replace(LARGE, parameters=None)},
            "the runs do not say how many parameters full has; give --size-ratio M.",
        ),
        ({"models": None}, "{large} does not say which strategy and models made it: an older ttc wrote it; "),
    ],
)
def test_a_large_run_of_no_larger_model_is_one_line(
    runs: Path, tmp_path: Path, entries: dict[str, Any], words: str
) -> None:
    finished_run(tmp_path, RESULTS.large_rows(), **{**GREEDY, **entries})
    with pytest.raises(UserError) as caught:
        scaled(runs, tmp_path)
    assert str(caught.value).startswith(words.format(large=tmp_path)) and "\n" not in str(caught.value)


def test_a_given_size_ratio_needs_no_parameters(runs: Path, tmp_path: Path) -> None:
    finished_run(tmp_path, RESULTS.large_rows(), **{**GREEDY, "generator": replace(LARGE, parameters=None)})
    assert scaled(runs, tmp_path, size_ratio=3.0).matches["beam weighted"][2].reading.budget == pytest.approx(
        3.2727, 1e-4
    )


def test_runs_that_do_not_fit_together_are_one_line(runs: Path, tmp_path: Path) -> None:
    def refused(small: list[Path], large: list[Path]) -> str:
        with pytest.raises(UserError) as caught:
            scale(find_runs(small), find_runs(large), ScaleSettings())
        assert "\n" not in str(caught.value)
        return str(caught.value)

    small, greedy, rows = runs / "small", runs / "large", RESULTS.large_rows()
    finished_run(tmp_path / "ids", [replace(row, id=f"other-{row.id}") for row in rows], **GREEDY)
    finished_run(tmp_path / "golds", [replace(row, gold="3") for row in rows], **GREEDY)
    finished_run(tmp_path / "two", [problem_record(row.id, [True] * 2) for row in rows], **GREEDY)
    finished_run(tmp_path / "reviser", rows, **{**GREEDY, "generator": ModelId("reviser", "g3", 1000)})
    assert refused([small], [tmp_path / "ids"]).startswith("the small runs and --large share no problem; ")
    assert refused([small], [tmp_path / "golds"]).startswith("the gold answer of problem 'p00' is '1' in ")
    assert refused([small], [greedy, tmp_path / "two"]) == (
        "--large: the runs have the budgets 1, 2; give runs of one budget."
    )
    assert refused([small], [greedy, small / "bon"]).startswith("--large: the runs are of several kinds (")
    assert refused([small, tmp_path / "reviser"], [greedy]) == (
        "the small runs are of 2 generators (half, reviser); give runs of one of them."
    )
    easy = [problem_record(row.id, [True] * 8, quintile=1) for row in rows]
    finished_run(tmp_path / "easy", easy, generator=SMALL)
    assert refused([tmp_path / "easy"], [greedy]).startswith("bin 2 of recorded difficulty holds none of the 60 ")


def test_measured_lengths_take_part_in_the_match(runs: Path) -> None:
    small = find_runs([runs / "small" / "bon"])  # 20 tokens a generation; the large run: 10
    found = scale(small, find_runs([runs / "large"]), ScaleSettings(r=[22.0], tokens=TokenCount.measured))
    assert found.matches["best_of_n weighted"][0].reading.budget == pytest.approx((3 + 6 / 22) / 2)
    assert "a generation has 20.0 tokens in the small runs, 10.0 in --large" in found.notes


def test_several_seeds_of_the_large_model_are_averaged(runs: Path, tmp_path: Path) -> None:
    finished_run(tmp_path / "0", RESULTS.large_rows(), **GREEDY)
    opposite = [problem_record(id_of(place), [not RESULTS.large[place]]) for place in range(PROBLEMS)]
    finished_run(tmp_path / "1", opposite, **GREEDY, seed=1)
    assert (scaled(runs, tmp_path).outcomes == 0.5).all()
