"""The tables that runs, sweeps and comparisons print."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ttc.analysis.compare import ComparisonRow, differing_settings
from ttc.analysis.intervals import Interval
from ttc.terminal import WIDE, percent_with_error, plain_table, print_plain, printable_line

_PLAIN_WIDTH = 80
_GROUPS = {
    "quintile": "by quintile of difficulty (1 easiest, 5 hardest)",
    "level": "by level",
    "budget": "at smaller budgets, from subsets of the same samples",
    "attempt": "of the n-th attempt of a chain",
}


def headline(strategy: str, budget: int, data: str, n: int, total: int | None = None) -> str:
    """Return what was run, e.g. "beam, budget 64, pocket (100 of 500 problems: data.limit=100)"."""
    size = f"{n} problem{'' if n == 1 else 's'}"
    if total is not None and total > n:
        size = f"{n} of {total} problems: data.limit={n}"
    return f"{strategy}, budget {budget}, {data} ({size})"


def show_run(title: str, table: pd.DataFrame, summary: Mapping[str, Any], console: Console | None = None) -> None:
    """Print a run's accuracy tables and its cost, in 80 columns; plain text where the output is piped.

    `table` is `run_table`'s, `summary` the content of summary.json.
    """
    console = console or Console(highlight=False)
    width = None if console.is_terminal else _PLAIN_WIDTH
    selection = str(summary.get("selection", ""))
    print_plain(console, printable_line(title), style="bold", width=width)
    console.print()
    console.print(_overall(_rows(table, "overall"), selection), width=width)
    for kind, caption in _GROUPS.items():
        if rows := [row for row in _rows(table, kind) if kind != "attempt" or _is_shown(int(row["group"]))]:
            console.print()
            console.print(f"accuracy {caption}, %")
            console.print(_grouped(rows, kind, selection), width=width)
    console.print()
    for line in cost_lines(summary):
        print_plain(console, line, style="dim")
    for note in summary.get("notes", []):
        print_plain(console, _fold("note: ", printable_line(note)))


def show_sweep(
    directory: Path, jobs: Sequence[tuple[Mapping[str, str], Mapping[str, Any]]], console: Console | None = None
) -> None:
    """Print one line per job of a sweep: the overrides in which jobs differ, accuracies, and seconds.

    `jobs` are pairs of overrides and the content of summary.json.
    """
    console = console or Console(highlight=False)
    keys = dict.fromkeys(key for overrides, _ in jobs for key in overrides)
    differing = [key for key in keys if len({overrides.get(key) for overrides, _ in jobs}) > 1]
    names = list(dict.fromkeys(name for _, summary in jobs for name in summary["selections"]))
    grid = plain_table("", right=(*differing, *names, "95% of the chosen", "seconds"))
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
    print_plain(console, f"sweep of {len(jobs)} jobs, accuracy in %: {directory / 'sweep.csv'}")
    if not console.is_terminal:
        console.width = WIDE
    console.print(grid)


def show_comparison(rows: Sequence[ComparisonRow], console: Console | None = None) -> None:
    """Print accuracy and paired difference with 95% intervals, accuracy by quintile, and the cost per problem."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    differing = differing_settings(rows)
    quintiles = sorted({quintile for row in rows for quintile in row.quintiles})
    numbers = ("accuracy %", "difference", *(f"q{quintile}" for quintile in quintiles), "generations", "FLOPs")
    grid = plain_table("", *differing, "selection", "seeds", right=numbers)
    for number, row in enumerate(rows):
        by_quintile = [row.quintiles.get(quintile) for quintile in quintiles]
        grid.add_row(
            str(number),
            *(row.settings.get(key, "") for key in differing),
            *(row.selection, str(row.seeds)),
            _with_interval(row.accuracy),
            "reference" if row.difference is None else _with_interval(row.difference, sign="+"),
            *("" if cell is None else percent_with_error(cell.mean, cell.lo, cell.hi) for cell in by_quintile),
            *(f"{row.generations:.1f}", _flops(row.flops)),
        )
    console.print(grid)


def cost_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return the lines that report what the run cost."""
    tokens, flops, seconds = (summary.get(key) or {} for key in ("tokens", "flops", "seconds"))
    lines = [("generations", f"{summary.get('generations', 0):,}")]
    lines.append(("tokens", ", ".join(f"{name.replace('_', ' ')} {tokens[name]:,}" for name in tokens)))
    lines.append(("FLOPs", ", ".join(f"{_flops(flops[name])} ({name})" for name in ("paper", "full") if name in flops)))
    if turned := summary.get("turned"):
        shares = (f"{name.replace('_', ' ')} {_percent(found['share'])}%" for name, found in turned.items() if found)
        lines.append(("revisions", ", ".join(shares)))
    lines.append(("seconds", ", ".join(f"{name} {seconds[name]:.1f}" for name in seconds)))
    return [_fold(f"{label:<12} ", text) for label, text in lines if text]


def _rows(table: pd.DataFrame, kind: str) -> list[dict[Hashable, Any]]:
    return table[table["kind"] == kind].to_dict("records")


def _is_shown(position: int) -> bool:
    """Of a long chain only some positions: 1, 2, 3, 4, 8, 16, .."""
    return position <= 4 or position & (position - 1) == 0


def _overall(rows: list[dict[Hashable, Any]], selection: str) -> Table:
    grid = plain_table("selection", right=("accuracy %", "95% interval", "n"))
    for row in rows:
        interval = f"[{_percent(row['lo'])}, {_percent(row['hi'])}]"
        cells = (_name(row["selection"], selection), _percent(row["accuracy"]), interval, str(row["n"]))
        grid.add_row(*cells, style="bold" if row["selection"] == selection else None)
    return grid


def _grouped(rows: list[dict[Hashable, Any]], kind: str, selection: str) -> Table:
    names = list(dict.fromkeys(row["selection"] for row in rows))
    grid = plain_table(kind, right=("n", *(_name(name, selection) for name in names)))
    for group in dict.fromkeys(row["group"] for row in rows):
        by_name = {row["selection"]: row for row in rows if row["group"] == group}
        cells = [
            Text(percent_with_error(row["accuracy"], row["lo"], row["hi"]), style="bold" if name == selection else "")
            for name in names
            for row in [by_name[name]]
        ]
        grid.add_row(str(group), str(by_name[names[0]]["n"]), *cells)
    return grid


def _with_interval(cell: Interval, sign: str = "") -> str:
    mean, lo, hi = (f"{100 * value:{sign}.1f}" for value in (cell.mean, cell.lo, cell.hi))
    return f"{mean} [{lo}, {hi}]"


def _fold(label: str, text: str) -> str:
    return textwrap.fill(
        label + text,
        _PLAIN_WIDTH,
        subsequent_indent=" " * len(label),
        break_long_words=False,  # paths stay whole, to be copied
        break_on_hyphens=False,
    )


def _name(name: str, selection: str) -> str:
    """Mark the configured selection by a sign too: bold does not survive a pipe."""
    return f"{name}*" if name == selection else name


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _flops(count: float | None) -> str:
    return "unknown" if count is None else f"{count:.3g}"
