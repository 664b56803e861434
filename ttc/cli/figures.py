"""`ttc figures` and `ttc claims`: the paper's figures, and what they decide."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ttc.cli.choices import chosen

if TYPE_CHECKING:
    import pandas as pd

    from ttc.figures.catalogue import Figure
    from ttc.figures.measured import Measured
    from ttc.figures.settings import FigureSettings

From = Annotated[list[Path] | None, typer.Option("--from", help="Finished runs or sweeps; nothing is run. Repeatable.")]
DEFAULT_OUT = Path("outputs/figures")
_NUMBER = re.compile(r"\d+[LRlr]?")


def figures(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FIGURE...] [KEY=VALUE...]",
            help="Figures, e.g. 3 9 or 3L; all by default. Settings: generator, prm, orm, reviser, revision_verifier, "
            "rest_em_reviser, larger, data, max_budget, seeds; other keys, e.g. data.limit=100, reach every run.",
        ),
    ] = None,
    runs: From = None,
    out: Annotated[Path, typer.Option(help="Directory of the figures, and of the runs below it.")] = DEFAULT_OUT,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be run and how long it takes; run only short pilots.")
    ] = False,
) -> None:
    """Run what the paper's figures need, share all samples through the store, and draw them with their data."""
    from ttc.errors import UserError
    from ttc.figures.catalogue import chosen_figures
    from ttc.figures.settings import parse_settings

    given = arguments or []
    if runs and (dry_run or any("=" in argument for argument in given)):
        idle = "--dry-run" if dry_run else next(argument for argument in given if "=" in argument)
        raise UserError(f"{idle}: with --from nothing is run; leave it out, or leave --from out.")
    wanted = chosen_figures([argument for argument in given if _NUMBER.fullmatch(argument)])
    settings = parse_settings([argument for argument in given if not _NUMBER.fullmatch(argument)])
    _refuse_unusable(out)
    measured = _from_runs(runs) if runs else _from_settings(wanted, settings, out / "runs", dry_run)
    if measured is not None:
        _publish(wanted, measured, out, given, runs or [])


def claims(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="A directory of `ttc figures`, or finished runs and sweeps.")
    ] = None,
    table_format: Annotated[str, typer.Option("--format", help="text or md.")] = "text",
) -> None:
    """Print the paper's claims, each with the verdict that the intervals give."""
    from rich.console import Console

    from ttc.figures.claims import ClaimsFormat, judge, print_claims
    from ttc.figures.publishing import CLAIMS_DATA, claims_page

    chosen_format = chosen(ClaimsFormat, "--format", table_format)
    given = paths or [DEFAULT_OUT]
    if len(given) == 1 and (given[0] / CLAIMS_DATA).is_file():
        tests, source = _read_evidence(given[0] / CLAIMS_DATA), f"from {given[0] / CLAIMS_DATA}"
    else:
        from ttc.figures.evidence import evidence
        from ttc.figures.publishing import source_of

        measured = _from_runs(given)
        tests, source = evidence(measured), source_of(measured.runs)
    if chosen_format is ClaimsFormat.md:
        typer.echo(claims_page(tests, source), nl=False)
    else:
        print_claims(judge(tests), Console(highlight=False))


def _refuse_unusable(out: Path) -> None:
    from ttc.app.directories import Job, refuse_unusable

    refuse_unusable(Job(out.absolute(), (), "--out"))


def _from_runs(paths: list[Path]) -> Measured:
    from ttc.figures.measured import Measured
    from ttc.figures.roles import roles_of
    from ttc.figures.shared import on_shared_problems
    from ttc.runs.finding import find_runs

    shared = on_shared_problems(roles_of(find_runs(paths)))
    if shared.note:
        typer.echo(f"note: {shared.note}", err=True)
    return Measured(shared.runs)


def _from_settings(wanted: list[Figure], settings: FigureSettings, runs: Path, dry_run: bool) -> Measured | None:
    """Run what the figures need; a dry run only says what that is, and returns None."""
    from ttc.figures.estimate import estimate, problem_count, progress_weights, show_estimate
    from ttc.figures.measured import Measured
    from ttc.figures.recipes import recipes
    from ttc.figures.running import execute_runs, plan_runs

    roles = [role for figure in wanted for role in figure.roles]
    planned = plan_runs(recipes(roles, settings), runs)
    if dry_run:
        show_estimate(estimate(planned), problem_count(planned))
        return None
    return Measured(execute_runs(planned, progress_weights(planned)))


def _publish(wanted: list[Figure], measured: Measured, out: Path, given: list[str], runs: list[Path]) -> None:
    from rich.console import Console

    from ttc.figures.claims import judge, print_claims
    from ttc.figures.publishing import PAGE, publish, publish_claims
    from ttc.terminal import print_plain

    sources = [part for path in runs for part in ("--from", path.name)]
    command = shlex.join(["ttc", "figures", *given, *sources])
    drawn = publish(wanted, measured, out, command)
    console = Console(highlight=False)
    if not any(map(_NUMBER.fullmatch, given)):  # some figures' runs decide some claims only
        print_claims(judge(publish_claims(measured, out, command)), console)
    for one in drawn:
        if one.note:
            print_plain(console, f"not drawn: {one.note}", style="dim")
    console.print(f"{sum(not one.note for one in drawn)} figures with their data: {out / PAGE}")


def _read_evidence(file: Path) -> pd.DataFrame:
    """Read the evidence of a directory of figures; raises UserError where it is damaged."""
    from ttc.errors import UserError
    from ttc.figures.evidence import COLUMNS
    from ttc.files import read_csv

    try:
        table = read_csv(file)
        table = table[COLUMNS].astype({name: float for name in ("margin", "mean", "lo", "hi")})
    except (KeyError, ValueError) as error:
        raise UserError(f"{file} is not the evidence of `ttc figures` ({error}); run that again.") from None
    return table
