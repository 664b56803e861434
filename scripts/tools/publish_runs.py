"""Copy finished runs without texts and paths, so that they may be published and every table and figure made from them.

    python scripts/tools/publish_runs.py RUN... --out DIRECTORY

Each copy has the name of its run's directory. It keeps ids, answers, outcomes, values, token counts and settings. Left
out: the questions, the solutions, the search trees, and the directories of paths in settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from ttc.errors import RunError, UserError
from ttc.files import jsonl_row
from ttc.runs.directory import RunDirectory

DIGITS = 5  # of the values
_PATH = re.compile(r"""(^|[=\[,])(["']?)(?:~|(?=/))/(?:[^,\]"']*/)?(?=[^,\]"'/])""")


def main(
    runs: Annotated[list[Path], typer.Argument(help="Finished runs.", exists=True, file_okay=False)],
    out: Annotated[Path, typer.Option(help="Directory of the copies.", file_okay=False)],
) -> None:
    """Copy runs without texts and paths."""
    try:
        publish(runs, out)
    except (UserError, RunError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, UserError) else 1) from None


def publish(runs: Sequence[Path], out: Path) -> None:
    """Copy runs without texts and paths.

    Raises:
        UserError: a run is not finished, or damaged.
        RunError: the disk is full.
    """
    for run in runs:
        source, copy = RunDirectory(run), RunDirectory(out / run.resolve().name)
        summary = source.summary()
        source.refuse_mixture(summary)
        overrides = [f"{key}={value}" for key, value in source.overrides(summary).items()]
        copy.path.mkdir(parents=True, exist_ok=True)
        # A table of few rows is read as text, so that it is written as it was.
        table = pd.read_csv(source.accuracy_file, dtype=str, keep_default_na=False)
        entries = without_directories({**summary, "overrides": overrides})
        copy.write(entries, table, rows_without_texts(source), trees=[])
        typer.echo(f"{copy.path}: {copy.problems_file.stat().st_size:,} bytes of problems")


def rows_without_texts(run: RunDirectory) -> Iterator[str]:
    """Yield the lines of problems.jsonl without the question and the solutions."""
    for record in run.records():
        row = record.to_json() | {"question": None}
        for candidate in row["candidates"]:
            candidate["text"] = ""
            candidate["values"] = [round(value, DIGITS) for value in candidate["values"]]
        yield jsonl_row(row)


def without_directories(entries: Mapping[str, object]) -> dict[str, object]:
    """Return JSON values in which every absolute path is its last part, also in overrides, in quotes and in lists."""
    return {key: _shortened(value) for key, value in entries.items()}


def _shortened(value: object) -> object:
    if isinstance(value, dict):
        return without_directories(value)
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    return _PATH.sub(r"\1\2", value) if isinstance(value, str) else value


if __name__ == "__main__":
    typer.run(main)
