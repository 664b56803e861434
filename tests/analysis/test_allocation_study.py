"""`ttc allocate` reads finished runs, and refuses those that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from run_records import write_run

from ttc.analysis.allocation_report import report
from ttc.analysis.allocation_study import Allocations, allocate_run
from ttc.analysis.intervals import Interval
from ttc.budget_table import load_budget_table
from ttc.cli import app
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.runs.records import CandidateRecord, ProblemRecord, SelectedAnswer

MODELS = {
    "generator": ModelId("small", "g1", 1000).to_json(),
    "prm": ModelId("judge", "v1", 500).to_json(),
}
CONFIG = {"_target_": "ttc.strategies.parallel.BestOfN", "step_values": False}


def problem(id_: str, right_after: int, samples: int = 16, quintile: int | None = None) -> ProblemRecord:
    """Return a problem whose samples are wrong up to `right_after`, then correct; the verifier knows."""
    candidates = tuple(
        CandidateRecord("…", "1" if right else "2", right, "stop", (0.9 if right else 0.1,), group=0 if right else 1)
        for right in (number >= right_after for number in range(samples))
    )
    selected = {name: SelectedAnswer("1", True) for name in ("majority", "best", "weighted")}
    return ProblemRecord(id_, "1", True, selected, True, candidates, quintile=quintile, generations=samples)


ROWS = [problem("easy", 0, quintile=1), problem("other", 0, quintile=1), problem("hard", 12, quintile=5)]


def run_of(directory: Path, rows: list[ProblemRecord], **entries: object) -> Path:
    budget = len(rows[0].candidates)
    written: dict[str, object] = {"models": MODELS, "strategy_config": CONFIG, "budget": budget, **entries}
    write_run(directory, rows, overrides=[], identity=None, **written)
    return directory


@pytest.fixture
def probes(tmp_path: Path) -> Path:
    return run_of(tmp_path / "run", ROWS)


def test_the_table_knows_its_models_and_spends_the_total(probes: Path) -> None:
    table = allocate_run(probes, [4], probes=2).table()
    assert (table.generator, table.verifier) == (ModelId("small", "g1", 1000), ModelId("judge", "v1", 500))
    assert (table.total, table.probes, table.method, table.data) == (4, 2, "beta", "pocket")
    assert sum(table.values()) == 12
    assert table["hard"] > table["easy"] == table["other"] >= 2


def test_without_probes_half_of_the_smallest_total_is_probed_and_at_most_four(probes: Path) -> None:
    assert [allocate_run(probes, totals).probes for totals in ([1], [16, 4], [64])] == [1, 2, 4]


def measured(allocations: Allocations) -> list[object]:
    [*_, last] = report(allocations)
    return [cell.mean if isinstance(cell, Interval) else cell for cell in last.rows[0]]


def test_the_evaluation_compares_with_uniform_spending_of_the_same_total(probes: Path) -> None:
    allocations = allocate_run(probes, [4], probes=2, evaluate=True)
    total, own, uniform, difference, as_good = measured(allocations)
    assert (total, as_good) == (4, allocations.table()["hard"])  # the other two are solved by any sample
    assert isinstance(own, float) and isinstance(uniform, float)
    assert own > uniform and difference == pytest.approx(own - uniform)


def test_every_total_is_a_row_and_quintiles_are_columns(probes: Path) -> None:
    budgets, quintiles = report(allocate_run(probes, [2, 4, 8], probes=2))
    assert [row[0] for row in budgets.rows] == [row[0] for row in quintiles.rows] == [2, 4, 8]
    assert [column.name for column in quintiles.columns] == ["total", "quintile 1", "quintile 5"]
    assert quintiles.rows[0][1:] == [2.0, 2.0]


def test_learned_curves_come_from_other_problems(probes: Path, tmp_path: Path) -> None:
    others = [problem(f"seen {number}", 12 if number % 2 else 0) for number in range(40)]
    teacher = run_of(tmp_path / "teacher", others)
    table = allocate_run(probes, [4], probes=2, learn_from=teacher).table()
    assert table.method == "learned"
    assert table["hard"] > 2 * table["easy"]


def unscored(row: ProblemRecord) -> ProblemRecord:
    return replace(row, candidates=[replace(one, values=()) for one in row.candidates])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda run: allocate_run(run, [4], probes=17), "--probes 17: {run} has 16 samples of each problem"),
        (lambda run: allocate_run(run, [8, 2], probes=4), "--total 2 is less than the 4 probes"),
        (lambda run: allocate_run(run, [20], probes=4, evaluate=True), "--total 20 is more than a problem can get (16"),
        (lambda run: allocate_run(run, [8], probes=4, most=6), "--total 8 is more than a problem can get (6: --max)"),
    ],
)
def test_what_cannot_be_spent_is_one_line(call: Callable[[Path], object], said: str, probes: Path) -> None:
    with pytest.raises(UserError) as caught:
        call(probes)
    assert said.format(run=probes) in str(caught.value) and "\n" not in str(caught.value)


def test_a_run_without_values_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", [unscored(row) for row in ROWS])
    with pytest.raises(UserError, match="has no verifier values; give the directory of a finished run of strategy=b"):
        allocate_run(run, [4])


def test_a_run_whose_samples_depend_on_each_other_is_refused(tmp_path: Path) -> None:
    selections = {"weighted": {"accuracy": 1.0, "ci95": [1.0, 1.0]}}
    run = run_of(tmp_path / "run", ROWS, selections=selections, strategy="beam")
    with pytest.raises(UserError, match="is not a run of independent samples"):
        allocate_run(run, [4])


def test_the_gold_answers_of_the_problems_themselves_are_not_learned_from(probes: Path, tmp_path: Path) -> None:
    teacher = run_of(tmp_path / "teacher", [problem("new", 3), problem("hard", 3)])
    with pytest.raises(UserError, match=r"has 1 of the problems to allocate \(e.g. 'hard'\)"):
        allocate_run(probes, [4], learn_from=teacher)


@pytest.mark.parametrize("kind", ["generator", "verifier"])
def test_a_run_of_another_model_is_not_learned_from(kind: str, probes: Path, tmp_path: Path) -> None:
    other = ModelId("other", "x").to_json()
    models = MODELS | {"generator" if kind == "generator" else "prm": other}
    teacher = run_of(tmp_path / "teacher", [problem("new", 3)], models=models)
    with pytest.raises(UserError, match=f"its {kind} is not that of"):
        allocate_run(probes, [4], learn_from=teacher)


def unscored_at_first(id_: str) -> ProblemRecord:
    """Return a problem whose first two samples were not scored."""
    record = problem(id_, 3)
    first, rest = record.candidates[:2], record.candidates[2:]
    return replace(record, candidates=(*(replace(candidate, values=()) for candidate in first), *rest))


def test_runs_of_which_no_probe_was_scored_are_refused(probes: Path, tmp_path: Path) -> None:
    late = run_of(tmp_path / "late", [unscored_at_first("new"), unscored_at_first("more")])
    with pytest.raises(UserError, match=r"late has no verifier values among the first 2 samples of any problem"):
        allocate_run(late, [4], probes=2)
    with pytest.raises(UserError, match=r"--learn-from .*late has no verifier values among the first 2"):
        allocate_run(probes, [4], probes=2, learn_from=late)
    assert allocate_run(late, [4], probes=3).table().total == 4


def test_a_run_to_learn_from_must_have_as_many_samples_as_the_total(probes: Path, tmp_path: Path) -> None:
    teacher = run_of(tmp_path / "teacher", [problem("new", 3, samples=6)])
    with pytest.raises(UserError, match=r"--total 8 is more than a problem can get \(6: the samples in --learn-from"):
        allocate_run(probes, [8], probes=2, learn_from=teacher)


class Command:
    """`ttc allocate ARGS...`: its exit code, output and errors."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as exit_:
            app(["allocate", *map(str, arguments)], prog_name="ttc")
        return exit_.value.code, *self._capsys.readouterr()


@pytest.fixture
def allocate(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def test_the_command_writes_a_table_that_can_be_read(allocate: Command, probes: Path, tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    code, out, err = allocate(probes, "--total", 4, "--probes", 2, "--out", file)
    assert (code, err) == (0, "")
    assert "Budgets of 3 problems from 2 probes" in out
    assert dict(load_budget_table(file)) == dict(allocate_run(probes, [4], probes=2).table())


def test_the_command_prints_csv_on_request(allocate: Command, probes: Path) -> None:
    code, out, _ = allocate(probes, "--total", 4, "--total", 8, "--evaluate", "--format", "csv")
    assert code == 0
    assert sum(line.startswith("4,") for line in out.splitlines()) == 3  # budgets, quintiles, accuracy


def test_several_totals_do_not_fit_one_table(allocate: Command, probes: Path, tmp_path: Path) -> None:
    code, _, err = allocate(probes, "--total", 4, "--total", 8, "--out", tmp_path / "table.json")
    assert code == 2 and "a table holds one total, not 2" in err
    assert not (tmp_path / "table.json").exists()


def test_the_command_reports_a_run_that_is_absent_on_one_line(allocate: Command, tmp_path: Path) -> None:
    code, _, err = allocate(tmp_path / "none", "--total", 4)
    assert code == 2 and "Traceback" not in err and "none" in err
