"""`ttc optimal` from finished runs: bins, choices, tables, and the policy."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from menus import BEAM, GENERATOR, VERIFIER, finished_run, problem_record
from rich.console import Console
from typer.testing import CliRunner

from ttc.analysis.formats import AtLeast, TableFormat, print_tables
from ttc.analysis.intervals import Interval
from ttc.analysis.menu import CostUnit, MenuKind
from ttc.analysis.optimal_plot import draw_study
from ttc.analysis.optimal_report import headlines, make_policy, study_tables
from ttc.analysis.study import RunSets, Study, StudySettings, study
from ttc.cli import app
from ttc.difficulty.table import DifficultyKind, DifficultyTable
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.policy import Policy
from ttc.runs.finding import find_runs
from ttc.runs.records import ProblemRecord

PROBLEMS = 60


def is_easy(place: int) -> bool:
    return place % 5 < 2  # two of the five bins


def sampled(place: int, prefix: str = "p") -> ProblemRecord:
    """Best-of-N solves easy problems; the verifier's values say which they are."""
    grade, value = is_easy(place), 0.9 if is_easy(place) else 0.1
    spread = [min(1.0, max(0.0, value + 0.001 * place + 0.01 * draw)) for draw in range(8)]
    return problem_record(f"{prefix}{place:02}", [grade] * 8, values=spread, quintile=1 if grade else 5)


def searched(place: int, budget: int, prefix: str = "p") -> ProblemRecord:
    """Beam search solves hard problems."""
    return problem_record(f"{prefix}{place:02}", [not is_easy(place)] * budget, quintile=1 if is_easy(place) else 5)


def write_runs(directory: Path, prefix: str = "p", seeds: int = 2) -> Path:
    for seed in range(seeds):
        finished_run(directory / f"bon{seed}", [sampled(place, prefix) for place in range(PROBLEMS)], seed=seed)
        for budget in (4, 8):
            rows = [searched(place, budget, prefix) for place in range(PROBLEMS)]
            finished_run(directory / f"beam{budget}-{seed}", rows, config=BEAM, independent=False, seed=seed)
    return directory


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield write_runs(tmp_path_factory.mktemp("runs"))


def studied(runs: Path, held_out: Path | None = None, **settings: Any) -> Study:
    sets = RunSets(find_runs([runs]), find_runs([held_out]) if held_out else ())
    return study(sets, StudySettings(**{"splits": 5, **settings}))


def accuracies(found: Study, budget: int) -> dict[str, float]:
    return {line.name: float(line.points[budget].outcomes.mean()) for line in found.optimal}


def test_both_difficulties_find_the_best_of_each_bin(runs: Path) -> None:
    found = studied(runs)
    assert accuracies(found, 8) == {
        "compute-optimal, oracle": 1,
        "compute-optimal, predicted": 1,
        "compute-optimal, predicted, 4 probes": 1,
    }
    assert found.baseline.name == "best_of_n weighted" and found.best.points[8].outcomes.mean() <= 0.6
    assert found.notes == ["60 problems, 2 seeds averaged within each problem"]


def test_probing_is_charged_where_the_difficulty_needs_it(runs: Path) -> None:
    found = studied(runs, probes=2)
    spent = {line.name: line.points[8].costs[CostUnit.generations].mean() for line in found.optimal}
    assert [*spent.values()] == [8, 8, 10]


def test_a_table_of_difficulties_is_charged_what_it_cost(runs: Path, tmp_path: Path) -> None:
    values = {f"p{place:02}": 0.8 + 0.001 * place if is_easy(place) else 0.001 * place for place in range(PROBLEMS)}
    DifficultyTable(DifficultyKind.learned, values, generations=0.0).save(tmp_path / "learned.json")
    found = studied(runs, difficulties=[str(tmp_path / "learned.json")])
    assert accuracies(found, 8) == {"compute-optimal, learned": 1}


def test_held_out_runs_make_the_choices(runs: Path, tmp_path: Path) -> None:
    found = studied(runs, write_runs(tmp_path, "q"))
    assert set(accuracies(found, 8).values()) == {1.0}
    assert "choices were made on the 60 problems of the held-out runs" in found.notes


def test_a_split_chooses_on_some_problems_and_measures_the_others(runs: Path) -> None:
    found = studied(runs, split=0.5)
    assert len(found.menu.ids) == 30 == len(found.chooser.menu.ids) and not {*found.menu.ids} & {
        *found.chooser.menu.ids
    }
    assert set(accuracies(found, 8).values()) == {1.0}


def test_the_policy_holds_the_choice_of_each_bin_and_its_models(runs: Path, tmp_path: Path) -> None:
    made = make_policy(studied(runs), probes=4)
    assert (made.generator, made.verifier) == (GENERATOR, VERIFIER)
    labels = [choice.strategy for choice in made.choices[8]]
    assert labels[:2] == ["best_of_n"] * 2 and labels[2:] == ["beam"] * 3
    assert 0.9 > made.edges[1] > 0.2
    assert [*made.choices] == [4, 8]  # at 1 and 2, best-of-N alone was run
    made.save(tmp_path / "policy.yaml", "a comment")
    assert Policy.load(tmp_path / "policy.yaml") == made


def test_no_policy_mixes_generators(runs: Path, tmp_path: Path) -> None:
    rows = [problem_record(f"p{place:02}", [True] * 4, chains=True, quintile=1) for place in range(PROBLEMS)]
    config = {"_target_": "ttc.strategies.revisions.Revisions", "ratio": "1:1"}
    other = ModelId("reviser", "g2", 7)
    finished_run(tmp_path, rows, config=config, generator=other, independent=False, selection="hierarchical")
    found = study(RunSets(find_runs([runs, tmp_path])), StudySettings(splits=2, menu=MenuKind.joint))
    with pytest.raises(UserError, match=r"^--policy: the menu's strategies use pocket and reviser, and a run"):
        make_policy(found, probes=4)


def test_all_tables_are_written_in_all_formats(runs: Path) -> None:
    tables = study_tables(studied(runs))
    for table_format in TableFormat:
        stream = io.StringIO()
        print_tables(tables, table_format, Console(file=stream, width=300))
        assert "beam weighted" in stream.getvalue().replace("\\_", "_")


def test_the_csv_holds_ratios_with_bounds(runs: Path) -> None:
    [_, gains, *_] = study_tables(studied(runs))
    stream = io.StringIO()
    print_tables([gains], TableFormat.csv, Console(file=stream, width=300))
    rows = list(csv.DictReader(io.StringIO(stream.getvalue())))
    [row] = [row for row in rows if (row["difficulty"], row["budget"]) == ("oracle", "8")]
    assert float(row["minus best_of_n weighted"]) == pytest.approx(0.6)
    assert (row["baseline matches at"], row["ratio in generations_hi"]) == ("8.0", "inf")
    assert row["reached in generations"] == "false" and float(row["ratio in generations"]) == 1.0


def test_every_single_strategy_is_held_against_the_baseline_too(runs: Path) -> None:
    [*_, table] = study_tables(studied(runs))
    assert {row[0] for row in table.rows} == {"beam weighted"}
    [(*_, ahead, matched, ratio, reached)] = [row[:7] for row in table.rows if row[1] == 4]
    assert isinstance(ahead, Interval) and ahead.mean == pytest.approx(0.2)  # 60% to 40%, at every budget
    assert (matched, reached) == (AtLeast(8.0), "false")
    assert isinstance(ratio, AtLeast) and isinstance(ratio.value, Interval) and ratio.value.mean == 2.0


def test_headlines_say_what_matches_the_largest_baseline(runs: Path) -> None:
    [line, *_] = headlines(studied(runs))
    assert line == "compute-optimal, oracle: best_of_n weighted at 8 is matched with 4 generations, 2.0x fewer"


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_figure_is_an_image(runs: Path, tmp_path: Path, suffix: str) -> None:
    draw_study(studied(runs), tmp_path / f"figure{suffix}", suffix)
    assert (tmp_path / f"figure{suffix}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"selections": ["oracle"]}, "--selection oracle: it reads the gold answers, so no policy can run it;"),
        ({"probes": 0}, "--probes 0: must be at least 1 sample per problem; use e.g. 4."),
        ({"probes": 9, "difficulties": ["predicted"]}, "samples=9: "),
        ({"splits": 0}, "--splits 0: must be at least 1; use e.g. 50."),
        ({"split": 1.5}, "--split 1.5: must lie between 0 and 1; use e.g. 0.5."),
        ({"split": 0.05}, "bin "),
        ({"baseline": "beem"}, "--baseline beem: names no curve; use one of "),
        ({"menu": MenuKind.revisions}, "--menu revisions: there are no runs of revisions; give some, or choose"),
        ({"difficulties": ["/nowhere.json"]}, "/nowhere.json cannot be read"),
    ],
)
def test_what_cannot_work_is_one_line(runs: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        studied(runs, **settings)
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)


def test_one_strategy_alone_is_no_menu(tmp_path: Path) -> None:
    finished_run(tmp_path, [sampled(place) for place in range(PROBLEMS)])
    with pytest.raises(UserError, match=r"^there is no budget at which several strategies were run; give"):
        studied(tmp_path)


def test_without_independent_samples_only_recorded_bins_are_used(runs: Path) -> None:
    searches = [directory for directory in runs.iterdir() if directory.name.startswith("beam")]
    found_runs = find_runs(searches)
    with pytest.raises(UserError, match=r"^there is no budget at which several strategies were run"):
        study(RunSets(found_runs), StudySettings())
    with pytest.raises(UserError, match=r"^--difficulty predicted: there is no run of independent samples"):
        study(RunSets(found_runs), StudySettings(difficulties=["predicted"]))


def test_the_command_prints_tables_and_writes_policy_and_figure(runs: Path, tmp_path: Path) -> None:
    policy, plot = tmp_path / "policy.yaml", tmp_path / "figure.svg"
    arguments = ["optimal", str(runs), "--splits", "3", "--policy", str(policy), "--plot", str(plot), "--format", "md"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "**accuracy by budget, %**" in result.output and Policy.load(policy).budget_for(100) == 8
    assert policy.read_text().startswith("# Compute-optimal policy, chosen on 60 problems. Measure it on others:\n")
    assert "<svg" in plot.read_text()


def test_means_over_seeds_do_not_depend_on_the_order_of_the_runs(runs: Path) -> None:
    forward = study(RunSets(find_runs([runs])), StudySettings(splits=3))
    backward = study(RunSets(find_runs([runs])[::-1]), StudySettings(splits=3))
    by_name = {line.name: line for line in backward.singles}
    for line in forward.singles:
        for budget, point in line.points.items():
            assert np.allclose(point.outcomes, by_name[line.name].points[budget].outcomes)
