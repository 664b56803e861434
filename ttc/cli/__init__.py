"""The command line: one command, one short function. Heavy imports happen inside the commands that need them."""

from __future__ import annotations

from typing import Annotated

import typer

from ttc import __version__
from ttc.app.boundary import ErrorBoundary
from ttc.cli.allocate import allocate
from ttc.cli.difficulty import difficulty
from ttc.cli.figures import claims, figures
from ttc.cli.importing import import_samples
from ttc.cli.merging import merge
from ttc.cli.optimal import optimal
from ttc.cli.pushing import push
from ttc.cli.report import report, view
from ttc.cli.results import compare, grade, show
from ttc.cli.running import PASS_THROUGH, run, train
from ttc.cli.scale import scale
from ttc.cli.serving import serve_command
from ttc.cli.store import store
from ttc.cli.verifier import verifier

app = typer.Typer(
    cls=ErrorBoundary,
    help="Experiments in test-time compute: how best to spend N generations on a problem.",
    epilog="Try: ttc run strategy=beam budget=64",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(context_settings=PASS_THROUGH, add_help_option=False)(run)
for command in (show, grade, compare, difficulty, optimal, allocate, scale, figures, claims, report, view, verifier):
    app.command()(command)
app.command("import")(import_samples)
app.command()(merge)
app.command()(push)
app.command("serve-command")(serve_command)
app.add_typer(train, name="train")
app.add_typer(store, name="store")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ttc {__version__}")
        raise typer.Exit


VersionFlag = Annotated[
    bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
]


@app.callback()
def _root(version: VersionFlag = False) -> None:
    pass
