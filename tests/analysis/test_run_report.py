"""`ttc show`: the tables of finished runs in any format."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from rich.console import Console
from run_records import records, write_run

from ttc.analysis.formats import TableFormat
from ttc.analysis.run_report import print_runs
from ttc.errors import UserError
from ttc.runs.finding import Run, find_runs


def shown(runs: list[Run], table_format: TableFormat) -> str:
    console = Console(file=io.StringIO(), highlight=False)
    print_runs(runs, table_format, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def two(tmp_path: Path) -> list[Run]:
    for strategy in ("beam", "best_of_n"):
        write_run(tmp_path / strategy, strategy=strategy, n_problems_available=9, notes=["2 solutions were [cut]"])
    return find_runs([tmp_path])


def test_text_is_what_the_runs_printed(tmp_path: Path) -> None:
    text = shown(two(tmp_path), TableFormat.text)
    for strategy in ("beam", "best_of_n"):
        assert f"{strategy}, budget 4, pocket (4 of 9 problems: data.limit=4)\n" in text
    assert text.count("weighted*        75.0") == 2 and text.count("note: 2 solutions were [cut]") == 2


def test_markdown_has_a_table_for_every_kind_of_group_and_the_costs_as_notes(tmp_path: Path) -> None:
    [run, _] = two(tmp_path)
    lines = shown([run], TableFormat.md).splitlines()
    titles = [line for line in lines if line.startswith("**")]
    assert titles[0] == "**beam, budget 4, pocket (4 of 9 problems: data.limit=4)**"
    assert [title.partition("): ")[2].partition(",")[0].split(" (")[0] for title in titles[1:]] == [
        "accuracy by quintile of difficulty",
        "accuracy by level",
        "accuracy at smaller budgets",
    ]
    assert r"| weighted\* | 75.0 [25.0, 100.0] | 4 |" in lines
    assert "note: generations 16" in lines and r"note: 2 solutions were \[cut\]" in lines


def test_csv_is_one_table_of_all_runs(tmp_path: Path) -> None:
    runs = two(tmp_path)
    rows = [*csv.DictReader(io.StringIO(shown(runs, TableFormat.csv)))]
    assert [*dict.fromkeys(row["run"] for row in rows)] == [str(run.directory) for run in runs]
    [row] = [r for r in rows if r["run"].endswith("beam") and r["kind"] == "overall" and r["selection"] == "weighted"]
    assert (row["accuracy"], row["accuracy_lo"], row["accuracy_hi"], row["n"]) == ("0.75", "0.25", "1.0", "4")
    assert {row["kind"] for row in rows} == {"overall", "quintile", "level", "budget"}


def test_latex_has_one_tabular_per_table(tmp_path: Path) -> None:
    text = shown(two(tmp_path)[:1], TableFormat.latex)
    assert text.count(r"\begin{tabular}") == 4 and r"weighted{*} & $75.0\,[25.0, 100.0]$ & $4$ \\" in text


def test_a_damaged_table_is_one_line_and_nothing_is_printed(tmp_path: Path) -> None:
    run, other = two(tmp_path)
    (other.directory / "accuracy.csv").write_text("kind,group\noverall,all\n")
    with pytest.raises(UserError, match=r"accuracy\.csv is not the file that summary\.json was written with"):
        shown([run, other], TableFormat.md)
    write_run(other.directory, records()[:1], files=None)
    summary = {name: value for name, value in other.summary.items() if name != "files"}
    (other.directory / "accuracy.csv").write_text("kind,group\noverall,all\n")
    older = Run(other.directory, {}, summary)
    with pytest.raises(UserError, match=r"accuracy\.csv is damaged \(.*\); rebuild it: ttc grade "):
        shown([older], TableFormat.text)


@pytest.mark.parametrize("entries", [{"seconds": {"load": "x"}}, {"tokens": [1]}, {"n_problems": "many"}, {"notes": 3}])
def test_a_damaged_summary_is_one_line_and_nothing_is_printed(tmp_path: Path, entries: dict[str, object]) -> None:
    write_run(tmp_path, **entries)  # type: ignore[arg-type]
    console = Console(file=io.StringIO())
    with pytest.raises(UserError, match=r"summary\.json is damaged \(.*\); run the experiment again\."):
        print_runs(find_runs([tmp_path]), TableFormat.text, console)
    assert isinstance(console.file, io.StringIO) and not console.file.getvalue()
