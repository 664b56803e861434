"""The tables that runs and sweeps print when they are done."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ttc.terminal import WIDE, percent_with_error, plain_table, print_plain, printable_line

_PLAIN_WIDTH = 80
GROUPS = {
    "quintile": "by quintile of difficulty (1 easiest, 5 hardest)",
    "level": "by level",
    "budget": "at smaller budgets, from subsets of the same samples",
    "attempt": "of the n-th attempt of a chain",
}


def headline(summary: Mapping[str, Any], n: int, total: int | None = None) -> str:
    """Return what was run, e.g. "beam, budget 64, pocket (100 of 500 problems: data.limit=100)".

    `summary` is the content of summary.json, `n` how many of `total` problems were solved. The number of a shard's
    problems is that of `data.limit` and all shards: "13 of 100 problems: data.limit=100, data.shard=1/8".
    """
    return f"{summary['strategy']}, {_spent(summary)}, {summary.get('data')} ({problems_of(summary, n, total)})"


def problems_of(summary: Mapping[str, Any], n: int, total: int | None = None) -> str:
    """Return how many problems were solved, of how many, and which settings left the others out; see `headline`."""
    shard, chosen = summary.get("shard"), summary.get("n_problems_chosen")
    asked = chosen if shard is not None and isinstance(chosen, int) else n
    settings = [
        *([f"data.limit={asked}"] if total is not None and total > asked else []),
        *([f"data.shard={shard}"] if shard is not None else []),
    ]
    if settings:
        return f"{n} of {total if shard is None else asked} problems: {', '.join(settings)}"
    return f"{n} problem{'' if n == 1 else 's'}"


def _spent(summary: Mapping[str, Any]) -> str:
    """Return the budget, and what limited it, e.g. "flops 3e+09 (budget 27)"."""
    if plan := summary.get("plan"):
        convention = ", paper" if plan["convention"] == "paper" else ""
        return f"{plan['unit']} {_amount(plan['limit'], plan)} (budget {summary['budget']}{convention})"
    table = " on average (budget_table)" if summary.get("budget_table") else ""
    return f"budget {summary['budget']}{table}"


def _plan_line(plan: Mapping[str, Any]) -> str:
    """Return the planned and the real cost of a run that is limited by cost."""
    amounts = {name: _amount(plan[name], plan) for name in ("planned", "real", "limit")}
    kind = f"{plan['convention']} FLOPs" if plan["convention"] else "tokens"
    return "{planned} planned, {real} real, {limit} allowed ({kind} per problem)".format(**amounts, kind=kind)


def _amount(count: float, plan: Mapping[str, Any]) -> str:
    return f"{count:,.0f}" if plan["unit"] == "tokens" else _flops(count)


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
    for kind, caption in GROUPS.items():
        if rows := [row for row in _rows(table, kind) if kind != "attempt" or is_shown(int(row["group"]))]:
            console.print()
            console.print(f"accuracy {caption}, %")
            console.print(_grouped(rows, kind, selection), width=width)
    console.print()
    for line in cost_lines(summary):
        print_plain(console, line, style="dim")
    for note in summary.get("notes", []):
        start, text = (
            ("warning: ", note.removeprefix("warning: ")) if note.startswith("warning: ") else ("note: ", note)
        )
        print_plain(console, _fold(start, printable_line(text)))


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
    planned = any(summary.get("plan") for _, summary in jobs)
    costs = ("budget", "real cost") if planned else ()
    grid = plain_table("", right=(*differing, *costs, *names, "95% of the chosen", "seconds"))
    for number, (overrides, summary) in enumerate(jobs):
        chosen, found = summary["selection"], summary["selections"]
        accuracies = [
            Text(_percent(found[name]["accuracy"]) if name in found else "", style="bold" if name == chosen else "")
            for name in names
        ]
        interval = "[{}, {}]".format(*map(_percent, summary["ci95"]))
        swept = [overrides.get(key, "") for key in differing]
        swept += _planned_cells(summary) if planned else []
        grid.add_row(str(number), *swept, *accuracies, interval, f"{summary['seconds']['total']:.0f}")
    console.print()
    print_plain(console, f"sweep of {len(jobs)} jobs, accuracy in %: {directory / 'sweep.csv'}")
    if not console.is_terminal:
        console.width = WIDE
    console.print(grid)


def _planned_cells(summary: Mapping[str, Any]) -> list[str]:
    """Return a job's budget, and its cost per problem where that is limited."""
    plan = summary.get("plan")
    return [str(summary["budget"]), f"{_amount(plan['real'], plan)} {plan['unit']}" if plan else ""]


def cost_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return the lines that report what the run cost."""
    tokens, flops, seconds = (_in_order(summary.get(key) or {}) for key in ("tokens", "flops", "seconds"))
    lines = [("generations", f"{summary.get('generations', 0):,}")]
    lines.append(("tokens", ", ".join(f"{name.replace('_', ' ')} {tokens[name]:,}" for name in tokens)))
    lines.append(("FLOPs", ", ".join(f"{_flops(flops[name])} ({name})" for name in ("paper", "full") if name in flops)))
    if plan := summary.get("plan"):
        lines.append(("plan", _plan_line(plan)))
    if routes := summary.get("routes"):
        lines.append(("routes", ", ".join(f"{printable_line(name)} {n:,}" for name, n in routes.items())))
    if turned := summary.get("turned"):
        shares = (f"{name.replace('_', ' ')} {_percent(found['share'])}%" for name, found in turned.items() if found)
        lines.append(("revisions", ", ".join(shares)))
    if ranking := summary.get("ranking"):
        low, high = ranking["ci95"]
        text = f"within-problem AUC {ranking['auc']:.2f} [{low:.2f}, {high:.2f}], {ranking['problems']} problems"
        lines.append(("verifier", text))
    lines.append(("seconds", ", ".join(f"{name} {seconds[name]:.1f}" for name in seconds)))
    return [_fold(f"{label:<12} ", text) for label, text in lines if text]


def _in_order(costs: Mapping[str, Any]) -> dict[str, Any]:
    """Return costs as they arise; in summary.json they are sorted by name."""
    order = ("load", "generate", "score", "grade", "prompt", "cached", "decoded", "prm", "prm_cached")
    return {name: costs[name] for name in dict.fromkeys((*order, *costs)) if name in costs}


def _rows(table: pd.DataFrame, kind: str) -> list[dict[Hashable, Any]]:
    return table[table["kind"] == kind].to_dict("records")


def is_shown(position: int) -> bool:
    """Of a long chain only some positions: 1, 2, 3, 4, 8, 16, .."""
    return position <= 4 or position & (position - 1) == 0


def _overall(rows: list[dict[Hashable, Any]], selection: str) -> Table:
    grid = plain_table("selection", right=("accuracy %", "95% interval", "n"))
    for row in rows:
        interval = f"[{_percent(row['lo'])}, {_percent(row['hi'])}]"
        cells = (marked(row["selection"], selection), _percent(row["accuracy"]), interval, str(row["n"]))
        grid.add_row(*cells, style="bold" if row["selection"] == selection else None)
    return grid


def _grouped(rows: list[dict[Hashable, Any]], kind: str, selection: str) -> Table:
    names = list(dict.fromkeys(row["selection"] for row in rows))
    grid = plain_table(kind, right=("n", *(marked(name, selection) for name in names)))
    for group in dict.fromkeys(row["group"] for row in rows):
        by_name = {row["selection"]: row for row in rows if row["group"] == group}
        cells = [
            Text(percent_with_error(row["accuracy"], row["lo"], row["hi"]), style="bold" if name == selection else "")
            for name in names
            for row in [by_name[name]]
        ]
        grid.add_row(str(group), str(by_name[names[0]]["n"]), *cells)
    return grid


def _fold(label: str, text: str) -> str:
    return textwrap.fill(
        label + text,
        _PLAIN_WIDTH,
        subsequent_indent=" " * len(label),
        break_long_words=False,  # paths stay whole, to be copied
        break_on_hyphens=False,
    )


def marked(name: str, selection: str) -> str:
    """Mark the configured selection by a sign too: bold does not survive a pipe."""
    return f"{name}*" if name == selection else name


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _flops(count: float | None) -> str:
    return "unknown" if count is None else f"{count:.3g}"
