"""`ttc report` and `ttc view`: finished runs, problem by problem, in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories, or directories of sweeps.")],
    out: Annotated[Path, typer.Option(help="Write the page here, e.g. report.html.")],
    figures: Annotated[
        Path | None, typer.Option(help="Also show the figures of this directory, e.g. of `ttc figures`.")
    ] = None,
) -> None:
    """Write one self-contained HTML file about finished runs: tables, charts, every problem with its search tree."""
    from ttc.files import check_output, write_text, written_for
    from ttc.report.figures import read_figures
    from ttc.report.page import report_page
    from ttc.runs.finding import find_runs

    check_output(out, "--out")
    shown = read_figures(figures) if figures is not None else []
    page = report_page(find_runs(runs), shown)
    with written_for(out, "--out"):
        write_text(out, page.html)
    typer.echo(f"{out}: {len(page.html.encode()) / 1e6:.1f} MB")


def view(
    paths: Annotated[list[Path] | None, typer.Argument(help="Directories that hold runs; default: outputs.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Of 127.0.0.1; default: 8421, or the next free one.")
    ] = None,
) -> None:
    """Serve the reports of all runs below some directories to this machine's browser, with running ones' progress."""
    from ttc.report.server import open_server

    with open_server(paths or [Path("outputs")], port) as server:
        typer.echo(f"{server.url} shows the runs; Ctrl-C ends it.")
        server.serve_forever()
