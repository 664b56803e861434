"""What a run shows in the terminal and leaves in its directory."""

from __future__ import annotations

import json
import math
import os
import textwrap
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ttc.analysis.accuracy import PASS1, summarize
from ttc.analysis.chains import told_of_chains
from ttc.analysis.records import read_records
from ttc.analysis.tables import run_table
from ttc.selection import Aggregation

DECIMALS = 6  # of every number in summary.json and accuracy.csv
_PLAIN_WIDTH = 80
_SWEEP_WIDTH = 200  # names must not be cut, however many columns differ
_GROUPS = {
    "quintile": "by quintile of difficulty (1 easiest, 5 hardest)",
    "level": "by level",
    "budget": "at smaller budgets, from subsets of the same samples",
    "attempt": "of the n-th attempt of a chain",
}


def headline(strategy: str, budget: int, data: str, n: int, total: int | None = None) -> str:
    """Return what was run, e.g. "beam, budget 64, pocket test (100 of 500 problems: data.limit=100)"."""
    size = f"{n} problem{'' if n == 1 else 's'}"
    if total is not None and total > n:
        size = f"{n} of {total} problems: data.limit={n}"
    return f"{strategy}, budget {budget}, {data} ({size})"


def show(title: str, table: pd.DataFrame, summary: Mapping[str, Any], console: Console | None = None) -> None:
    """Print a run's accuracy tables and its cost; 80 columns suffice, and plain text comes out of a pipe.

    `table` is `run_table`'s, `summary` what summary.json holds.
    """
    console = console or Console(highlight=False)
    width = None if console.is_terminal else _PLAIN_WIDTH
    selection = str(summary.get("selection", ""))
    console.print(Text(title, style="bold"), width=width, soft_wrap=True)
    console.print()
    console.print(_overall(_rows(table, "overall"), selection), width=width)
    for kind, caption in _GROUPS.items():
        if rows := [row for row in _rows(table, kind) if kind != "attempt" or _is_shown(int(row["group"]))]:
            console.print()
            console.print(f"accuracy {caption}, %")
            console.print(_grouped(rows, kind, selection), width=width)
    console.print()
    for line in footer(summary):
        console.print(Text(line, style="dim"), soft_wrap=True)
    for note in summary.get("notes", []):
        console.print(Text(_fold("note: ", str(note))), soft_wrap=True)


def show_sweep(
    directory: Path, jobs: Sequence[tuple[Mapping[str, str], Mapping[str, Any]]], console: Console | None = None
) -> None:
    """Print a line for each job of a sweep: the overrides in which jobs differ, accuracies, and what it spent."""
    console = console or Console(highlight=False)
    keys = dict.fromkeys(key for overrides, _ in jobs for key in overrides)
    differing = [key for key in keys if len({overrides.get(key) for overrides, _ in jobs}) > 1]
    names = list(dict.fromkeys(name for _, summary in jobs for name in summary["selections"]))
    grid = _grid("", *differing, *names, "95% of the chosen", "seconds")
    for number, (overrides, summary) in enumerate(jobs):
        chosen, found = summary["selection"], summary["selections"]
        accuracies = [
            Text(_percent(found[name]["accuracy"]) if name in found else "", style="bold" if name == chosen else "")
            for name in names
        ]
        interval = "[{}, {}]".format(*map(_percent, summary["ci95"]))
        swept = [overrides.get(key, "") for key in differing]
        grid.add_row(str(number), *swept, *accuracies, interval, f"{summary['seconds']['total']:.0f}")
    console.print()
    console.print(f"sweep of {len(jobs)} jobs, accuracy in %: {directory / 'sweep.csv'}", soft_wrap=True)
    if not console.is_terminal:
        console.width = _SWEEP_WIDTH
    console.print(grid)


def footer(summary: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell what the run cost."""
    tokens, flops, seconds = (summary.get(key) or {} for key in ("tokens", "flops", "seconds"))
    lines = [("generations", f"{summary.get('generations', 0):,}")]
    lines.append(("tokens", ", ".join(f"{name.replace('_', ' ')} {tokens[name]:,}" for name in tokens)))
    lines.append(("FLOPs", ", ".join(f"{_flops(flops[name])} ({name})" for name in ("paper", "full") if name in flops)))
    if turned := summary.get("turned"):
        shares = (f"{name.replace('_', ' ')} {_percent(found['share'])}%" for name, found in turned.items() if found)
        lines.append(("revisions", ", ".join(shares)))
    lines.append(("seconds", ", ".join(f"{name} {seconds[name]:.1f}" for name in seconds)))
    return [_fold(f"{label:<12} ", text) for label, text in lines if text]


def write_run(directory: Path, summary: Mapping[str, Any], table: pd.DataFrame, rows: Iterable[str]) -> None:
    """Write summary.json, accuracy.csv and problems.jsonl into `directory`, the summary last: it marks a whole run.

    `rows` are lines of problems.jsonl, as `jsonl_row` makes them, and best sorted by id.
    """
    write_lines(directory / "problems.jsonl", rows)
    write_csv(directory / "accuracy.csv", table)
    write_json(directory / "summary.json", summary)


def rewrite_tables(directory: Path) -> None:
    """Make accuracy.csv and the accuracies of summary.json anew from a run's problems.jsonl, which was graded again."""
    summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    records = read_records(directory)
    table = run_table(
        records,
        parallel=PASS1 in summary["selections"],
        aggregation=Aggregation(summary.get("aggregation", Aggregation.LAST)),
        seed=summary.get("seed", 0),
    )
    write_csv(directory / "accuracy.csv", table)
    write_json(directory / "summary.json", summary | summarize(table, summary["selection"]) | told_of_chains(records))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write indented JSON atomically: sorted keys, floats rounded to six decimals, nan and infinity as null."""
    write_text(path, json.dumps(_tidy(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV atomically, floats with six decimals."""
    write_text(path, table.to_csv(index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n"))


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step: neither a reader nor a run killed half-way leaves half of it."""
    write_lines(path, [text.removesuffix("\n")])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Replace a file in one step by these lines, which are never all in memory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # same folder: os.replace is atomic only within a disk
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"{line}\n" for line in lines)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _rows(table: pd.DataFrame, kind: str) -> list[dict[Hashable, Any]]:
    return table[table["kind"] == kind].to_dict("records")


def _is_shown(place: int) -> bool:
    """Of a long chain only some places: 1, 2, 3, 4, 8, 16, .."""
    return place <= 4 or place & (place - 1) == 0


def _overall(rows: list[dict[Hashable, Any]], selection: str) -> Table:
    grid = _grid("selection", "accuracy %", "95% interval", "n")
    for row in rows:
        interval = f"[{_percent(row['lo'])}, {_percent(row['hi'])}]"
        cells = (_name(row["selection"], selection), _percent(row["accuracy"]), interval, str(row["n"]))
        grid.add_row(*cells, style="bold" if row["selection"] == selection else None)
    return grid


def _grouped(rows: list[dict[Hashable, Any]], kind: str, selection: str) -> Table:
    names = list(dict.fromkeys(row["selection"] for row in rows))
    grid = _grid(kind, "n", *(_name(name, selection) for name in names))
    for group in dict.fromkeys(row["group"] for row in rows):
        mine = {row["selection"]: row for row in rows if row["group"] == group}
        cells = [_with_error(mine[name], bold=name == selection) for name in names]
        grid.add_row(str(group), str(mine[names[0]]["n"]), *cells)
    return grid


def _with_error(row: dict[Hashable, Any], *, bold: bool) -> Text:
    """Half the interval's width stands for it where columns are many."""
    text = f"{_percent(row['accuracy'])} ±{_percent((row['hi'] - row['lo']) / 2)}"
    return Text(text, style="bold" if bold else "")


def _grid(first: str, *rest: str) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    grid.add_column(first, no_wrap=True)
    for name in rest:
        grid.add_column(name, justify="right", no_wrap=True)
    return grid


def _fold(label: str, text: str) -> str:
    return textwrap.fill(
        label + text,
        _PLAIN_WIDTH,
        subsequent_indent=" " * len(label),
        break_long_words=False,  # a path is to be copied whole
        break_on_hyphens=False,
    )


def _name(name: str, selection: str) -> str:
    """Mark the configured selection by a sign too: bold does not survive a pipe."""
    return f"{name}*" if name == selection else name


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _flops(count: float | None) -> str:
    return "unknown" if count is None else f"{count:.3g}"


def _tidy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tidy(item) for item in value]
    if isinstance(value, float):
        return round(float(value), DECIMALS) if math.isfinite(value) else None
    return value


def jsonl_row(row: Mapping[str, Any]) -> str:
    """A row of a JSONL file: sorted keys, floats in their shortest exact form, nan as null.

    Exact, because selections computed again from the file must agree with the run's own.
    """
    try:
        return json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:  # a nan or infinity somewhere, which JSON does not have
        finite = json.loads(json.dumps(row), parse_constant=lambda _: None)
        return json.dumps(finite, sort_keys=True, ensure_ascii=False)
