"""The tables that runs, sweeps and comparisons print."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from run_records import record, records, write_run

from ttc.analysis.accuracy import accuracy_table, summarize
from ttc.analysis.compare import compare_runs
from ttc.analysis.comparison_report import comparison_report
from ttc.analysis.display import cost_lines, headline, show_run, show_sweep
from ttc.analysis.formats import print_tables
from ttc.runs.finding import find_runs
from ttc.terminal import printable


def summary() -> dict[str, Any]:
    return summarize(accuracy_table(records(), independent=True), "weighted") | {
        "generations": 6400,
        "tokens": {"prompt": 12345678, "cached": 12345678, "decoded": 89, "prm": 12345678, "prm_cached": 12345678},
        "flops": {"paper": 1.5e12, "full": None},
        "seconds": {"load": 13.24, "total": 99.0},
        "notes": ["quintiles [come] from elsewhere"],
    }


def terminal() -> Console:
    return Console(file=io.StringIO(), highlight=False, force_terminal=True, width=80, color_system="standard")


def pipe() -> Console:
    return Console(file=io.StringIO(), highlight=False)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def run_output(console: Console) -> str:
    show_run("beam, budget 64, pocket test", accuracy_table(records(), independent=True), summary(), console)
    return printed(console)


def test_piped_output_is_plain_text_of_at_most_80_columns() -> None:
    text = run_output(pipe())
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    for line in ("weighted*        75.0", "6,400", "decoded 89", "1.5e+12 (paper), unknown (full)", "load 13.2"):
        assert line in text
    assert "note: quintiles [come] from elsewhere" in text


def test_a_terminal_shows_the_configured_selection_in_bold() -> None:
    lines = run_output(terminal()).splitlines()
    (line,) = [line for line in lines if "weighted*" in line and "[" in line and "75.0" in line]
    assert "\x1b[1m" in line
    assert not any("\x1b[1m" in line for line in lines if "majority" in line and "75" in line)


def test_the_widest_table_fits_80_columns() -> None:
    wide = accuracy_table(records(), independent=True).assign(accuracy=0.555, lo=0.1, hi=1.0, n=500)
    console = Console(file=io.StringIO(), width=80)
    show_run("x", wide, summary(), console)
    rows = [line for line in printed(console).splitlines() if "55.5 ±45.0" in line]
    assert len(rows) == 4 and all(line.count("55.5 ±45.0") == 5 for line in rows)


def test_a_group_whose_problems_all_agree_is_shown_with_a_one_sided_error() -> None:
    text = run_output(pipe())
    assert "±0.0" not in text
    [row] = [line.split() for line in text.splitlines() if line.startswith("1 ")]  # quintile 1: problem a
    assert row == ["1", "1", "100.0", "-79.3", "100.0", "-79.3", "0.0", "+79.3", "100.0", "-79.3", "100.0", "-79.3"]


def run(strategy: str, budget: int, data: str, **entries: object) -> dict[str, object]:
    return {"strategy": strategy, "budget": budget, "data": data, **entries}


def test_the_headline_states_when_only_some_problems_were_run() -> None:
    title = "beam, budget 64, pocket test (100 of 500 problems: data.limit=100)"
    assert headline(run("beam", 64, "pocket test"), 100, 500) == title
    assert headline(run("majority", 4, "math500"), 500, 500) == "majority, budget 4, math500 (500 problems)"
    assert headline(run("majority", 4, "math500"), 1) == "majority, budget 4, math500 (1 problem)"


def test_the_headline_and_the_costs_of_a_run_limited_by_cost_state_the_limit() -> None:
    plan = {"unit": "flops", "limit": 3e9, "convention": "paper", "planned": 2.8e9, "real": 2.9e9}
    assert (
        headline(run("beam", 27, "pocket", plan=plan), 5) == "beam, flops 3e+09 (budget 27, paper), pocket (5 problems)"
    )
    [line] = [line for line in cost_lines({"plan": plan}) if line.startswith("plan")]
    assert line.split()[:5] == ["plan", "2.8e+09", "planned,", "2.9e+09", "real,"]
    tokens = {**plan, "unit": "tokens", "limit": 5000, "convention": None}
    assert headline(run("beam", 27, "pocket", plan=tokens), 5).startswith("beam, tokens 5,000 (budget 27), ")


def test_a_sweep_is_printed_as_one_line_per_job_with_the_overrides_that_differ(tmp_path: Path) -> None:
    jobs = [({"strategy": name, "budget": "4"}, summary()) for name in ("best_of_n", "beam")]
    console = pipe()
    show_sweep(tmp_path, jobs, console)
    _, title, header, *rows = printed(console).splitlines()
    assert title == f"sweep of 2 jobs, accuracy in %: {tmp_path / 'sweep.csv'}"
    assert "strategy" in header and "budget" not in header
    assert [row.split()[:2] for row in rows] == [["0", "best_of_n"], ["1", "beam"]]
    assert rows[0].split()[2:7] == ["56.2", "50.0", "0.0", "75.0", "75.0"] and rows[0].endswith(" 99")


HOSTILE = ["[/red]x", "[a,b]", "[bold]", "\x1b[31mred", "\u202eabc"]


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_values_are_shown_as_they_are(tmp_path: Path, text: str) -> None:
    console = pipe()
    show_run(f"beam, {text}", accuracy_table(records(), independent=True), summary() | {"notes": [text]}, console)
    show_sweep(tmp_path, [({"data.name": name}, summary()) for name in (text, "other")], console)
    for name in (text, "other"):
        write_run(tmp_path / name.encode().hex(), [record("a", {"weighted": True})], data=name)
    print_tables([comparison_report(compare_runs(find_runs([tmp_path])))], console=console)
    assert printed(console).count(printable(text)) == 4
    assert text.isprintable() or text not in printed(console)


def test_costs_are_listed_as_they_arise_although_summaries_are_sorted_by_name() -> None:
    lines = cost_lines(
        {"tokens": {"cached": 2, "decoded": 3, "prm": 4, "prompt": 1}, "seconds": {"grade": 2, "load": 1}}
    )
    assert [line.split("  ")[-1].strip() for line in lines[1:]] == [
        "prompt 1, cached 2, decoded 3, prm 4",
        "load 1.0, grade 2.0",
    ]


def test_the_routes_of_a_controller_are_among_the_costs() -> None:
    lines = cost_lines({"generations": 320, "routes": {"beam": 1200, "best_of_n\x1b[2J": 9}})
    [routes] = [line for line in lines if line.startswith("routes")]
    assert routes.startswith("routes       beam 1,200, best_of_n") and "\x1b" not in routes and routes.endswith(" 9")
