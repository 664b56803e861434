"""`ttc push`: a finished run goes to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def push(
    run: Annotated[Path, typer.Argument(help="The directory of a finished run.")],
    repo: Annotated[str, typer.Option(help="The dataset repository, as OWNER/NAME; created where there is none.")],
    with_problems: Annotated[
        bool,
        typer.Option(
            "--with-problems", help="Upload every problem and solution, too: the licence of the data must allow it."
        ),
    ] = False,
    private: Annotated[bool, typer.Option("--private", help="Create a repository that others cannot see.")] = False,
) -> None:
    """Upload a finished run to a dataset repository on the Hugging Face hub: card, summary, tables, config."""
    from ttc.app.pushing import push_run
    from ttc.terminal import printable_line

    typer.echo(printable_line(f"pushed to {push_run(run, repo, with_problems=with_problems, private=private)}"))
