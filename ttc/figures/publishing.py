"""Writes the figures with their data, an index, and the claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ttc.errors import UserError
from ttc.figures.catalogue import FIGURES, Figure
from ttc.figures.claims import claims_markdown, judge
from ttc.figures.drawing import draw
from ttc.figures.evidence import evidence
from ttc.figures.measured import Measured
from ttc.figures.recipes import Role
from ttc.files import read_json, write_csv, write_json, write_text
from ttc.progress_bar import track_progress
from ttc.runs.finding import Run
from ttc.terminal import printable_line

if TYPE_CHECKING:
    import pandas as pd

CLAIMS_DATA, CLAIMS, INDEX, PAGE = "claims.csv", "claims.md", "index.json", "README.md"


@dataclass(frozen=True)
class Drawn:
    """A figure, and why there is none: the note is empty where it was drawn."""

    figure: Figure
    note: str = ""


def publish(figures: Sequence[Figure], measured: Measured, directory: Path, command: str) -> list[Drawn]:
    """Write every figure that there are runs for, with its data, and the index of all that the directory has.

    Args:
        figures: in order.
        measured: the runs.
        directory: created.
        command: that makes them, for the captions.
    """
    directory.mkdir(parents=True, exist_ok=True)
    source = source_of(measured.runs)
    brief = source.partition(", models")[0]
    drawn = [
        _drawn(figure, measured, directory, f"{brief} · {command}")
        for figure in track_progress(figures, "drawing", len(figures))
    ]
    entries = _known_entries(directory)
    entries |= {one.figure.name: _entry(one.figure, source, command) for one in drawn if not one.note}
    ordered = [entries[figure.name] for figure in FIGURES if figure.name in entries]
    write_json(directory / INDEX, {"figures": ordered})
    write_text(directory / PAGE, _page(ordered, [one for one in drawn if one.note]))
    return drawn


def publish_claims(measured: Measured, directory: Path, command: str) -> pd.DataFrame:
    """Write the evidence and the claims; return the evidence."""
    tests = evidence(measured)
    write_csv(directory / CLAIMS_DATA, tests)
    write_text(directory / CLAIMS, claims_page(tests, source_of(measured.runs), command))
    return tests


def claims_page(tests: pd.DataFrame, source: str, command: str = "") -> str:
    """Return the page of the claims."""
    made = f"Made by `{command}`: {source}." if command else f"{source[:1].upper()}{source[1:]}."
    return f"# The paper's claims\n\n{claims_markdown(judge(tests), made)}"


def source_of(runs: Mapping[Role, Sequence[Run]]) -> str:
    """Say what was run: the data, the problems, the seeds and the models."""
    every = [run for members in runs.values() for run in members]
    first = next(iter(runs.values()))[0]
    seeds = sorted(
        {int(run.summary["seed"]) for role, members in runs.items() if role != Role.larger for run in members}
    )
    problems = max(int(run.summary.get("n_problems", 0)) for run in every)
    names = {str(run.summary[key]) for key in ("generator", "prm") for run in every if run.summary.get(key)}
    named = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"
    return printable_line(
        f"{problems} problems of {first.summary['data']}, {named}, models {', '.join(sorted(names))}", 200
    )


def _drawn(figure: Figure, measured: Measured, directory: Path, footer: str) -> Drawn:
    missing = tuple(role for role in figure.needs if not measured.has(role))
    if missing:
        return Drawn(figure, f"figure {figure.number} needs runs of {', '.join(missing)}")
    try:
        table = figure.table(measured)
    except UserError as error:  # the other figures can be drawn all the same
        return Drawn(figure, f"figure {figure.number}: {error}")
    if table.empty:
        needed = ", ".join(figure.needs)
        return Drawn(figure, f"figure {figure.number} has no point: it needs runs of {needed} at several budgets")
    stem = directory / figure.name
    draw(figure, table, stem, footer)
    write_csv(stem.with_suffix(".csv"), table)
    return Drawn(figure)


def _known_entries(directory: Path) -> dict[str, dict[str, str]]:
    """Return the entries of an earlier index whose figures are still there."""
    try:
        known = read_json(directory / INDEX, hint="")["figures"]
        return {entry["name"]: entry for entry in known if (directory / f"{entry['name']}.csv").is_file()}
    except (UserError, KeyError, TypeError):
        return {}


def _entry(figure: Figure, source: str, command: str) -> dict[str, str]:
    named = {"name": figure.name, "number": figure.number, "title": figure.title, "caption": figure.caption}
    return named | {"source": source, "command": command}


def _page(entries: Sequence[Mapping[str, str]], missing: Sequence[Drawn]) -> str:
    """Return the index of all figures as Markdown."""
    lines = [
        "# Figures",
        "",
        "The figures of Snell et al. 2024 from runs of one's own. Bands and whiskers are 95% bootstrap intervals over",
        "problems. Faint marks are the paper's own numbers, with its models.",
    ]
    made = {(entry["command"], entry["source"]) for entry in entries}
    if len(made) == 1:
        command, source = next(iter(made))
        lines += ["", f"Made by `{command}`: {source}."]
    for entry in entries:
        lines += ["", f"## Figure {entry['number']}: {entry['title']}", ""]
        lines += [f"![{entry['title']}]({entry['name']}.svg)", "", f"{entry['caption']} ([data]({entry['name']}.csv))"]
        if len(made) > 1:
            lines += ["", f"Made by `{entry['command']}`: {entry['source']}."]
    if missing:
        lines += ["", "## Not drawn", "", *(f"- {one.note}" for one in missing)]
    return "\n".join(lines) + "\n"
