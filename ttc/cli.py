"""The command line: one command, one short function. Heavy imports happen inside the commands that need them."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ttc import __version__
from ttc.app import signals
from ttc.app.boundary import ErrorBoundary
from ttc.errors import UserError

if TYPE_CHECKING:
    from ttc.app.directories import Job
    from ttc.config import RunConfig
    from ttc.training.base import Training

# Everything after these commands is Hydra's, its flags (--help, -m, --cfg job) included.
PASS_THROUGH = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}

app = typer.Typer(
    cls=ErrorBoundary,
    help="Experiments in test-time compute: how best to spend N generations on a problem.",
    epilog="Try: ttc run strategy=beam budget=64",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
train = typer.Typer(help="Train generators, revision models and verifiers.", no_args_is_help=True)
app.add_typer(train, name="train")
store = typer.Typer(help="Show, export or prune the stored replies.")
app.add_typer(store, name="store")


def main() -> None:
    """Run the command line."""
    signals.run_interruptible(app)


def _complete_run(ctx: typer.Context, incomplete: str) -> list[str]:
    return _complete(ctx, incomplete, "run")


def _complete_training(ctx: typer.Context, incomplete: str) -> list[str]:
    return _complete(ctx, incomplete, f"train/{ctx.info_name}")


RunOverrides = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", autocompletion=_complete_run)]
TrainOverrides = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", autocompletion=_complete_training)]


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


@app.command(context_settings=PASS_THROUGH, add_help_option=False)
def run(overrides: RunOverrides = None) -> None:
    """Run an experiment, e.g. `ttc run strategy=beam budget=64`; `ttc run --help` lists the options."""
    from ttc.app.launch import launch
    from ttc.app.registry import register_run
    from ttc.config import RunConfig

    register_run()
    launch(_experiment, RunConfig, "run", overrides or [], "ttc run", _refuse_other_run)


@train.command("generator", context_settings=PASS_THROUGH, add_help_option=False)
def train_generator(overrides: TrainOverrides = None) -> None:
    """Train the pocket generator on the pocket's own solutions."""
    _train("generator", overrides)


@train.command("prm", context_settings=PASS_THROUGH, add_help_option=False)
def train_prm(overrides: TrainOverrides = None) -> None:
    """Train a process reward model on Monte-Carlo rollouts of the generator (Algorithm 1)."""
    _train("prm", overrides)


@train.command("orm", context_settings=PASS_THROUGH, add_help_option=False)
def train_orm(overrides: TrainOverrides = None) -> None:
    """Train an outcome reward model on the generator's solutions."""
    _train("orm", overrides)


@train.command("reviser", context_settings=PASS_THROUGH, add_help_option=False)
def train_reviser(overrides: TrainOverrides = None) -> None:
    """Finetune the generator to revise: wrong attempts, then a correct one (Algorithm 5)."""
    _train("reviser", overrides)


@train.command("revision_verifier", context_settings=PASS_THROUGH, add_help_option=False)
def train_revision_verifier(overrides: TrainOverrides = None) -> None:
    """Train a verifier on the revision model's chains."""
    _train("revision_verifier", overrides)


@app.command()
def grade(
    path: Annotated[Path, typer.Argument(help="A JSONL file with `gold` and `completion`, or a run directory.")],
    out: Annotated[Path | None, typer.Option(help="Write the rows here, with `extracted` and `correct`.")] = None,
    units: Annotated[bool, typer.Option("--units", help="Compare units, too: 5 km is wrong for 5 m.")] = False,
) -> None:
    """Grade completions against gold answers and print the accuracy; the tables of a run directory are rebuilt."""
    from rich.console import Console

    from ttc.analysis.grade import grade_path

    Console().print(grade_path(path, out, units=units))


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run directories, or directories of sweeps.")],
    selection: Annotated[
        list[str] | None,
        typer.Option(
            help="majority, best, weighted, hierarchical, oracle, pass@1, or attempt-N of chains; repeatable."
        ),
    ] = None,
    reference: Annotated[int, typer.Option(help="The row that the others are compared with.")] = 0,
    csv: Annotated[Path | None, typer.Option(help="Also write the table to this file.")] = None,
) -> None:
    """Compare finished runs: means over seeds, 95% intervals over problems, paired differences, cost per problem."""
    from ttc.analysis.compare import compare_runs, comparison_table
    from ttc.analysis.display import show_comparison
    from ttc.files import check_output, write_csv, written_for
    from ttc.runs.finding import find_runs

    if csv is not None:
        check_output(csv, "--csv")
    rows = compare_runs(find_runs(runs), selections=selection or (), reference=reference)
    show_comparison(rows)
    if csv is not None:
        with written_for(csv, "--csv"):
            write_csv(csv, comparison_table(rows))


StorePath = Annotated[Path, typer.Option(help="The store, as in a run's store.path.")]
STORE = Path("outputs/store.sqlite")


@store.callback(invoke_without_command=True)
def store_show(ctx: typer.Context, path: StorePath = STORE) -> None:
    """Show the store's size and contents."""
    if ctx.invoked_subcommand is None:
        from ttc.store.report import open_existing, show_store

        with open_existing(path) as opened:
            show_store(opened)


@store.command("export")
def store_export(
    out: Annotated[Path, typer.Argument(help="The parquet file to write.")],
    results: Annotated[bool, typer.Option("--results", help="Write one row per problem of every run instead.")] = False,
    path: StorePath = STORE,
) -> None:
    """Write one row per reply to a parquet file, or every run's results."""
    from ttc.store.report import export_replies, export_results, open_existing
    from ttc.terminal import printable_line

    with open_existing(path) as opened:
        written, skipped = (export_results if results else export_replies)(opened, out)
    typer.echo(f"{written:,} {'results' if results else 'replies'} written to {printable_line(out)}")
    if skipped.count:
        typer.echo(str(skipped))


@store.command("prune")
def store_prune(
    engine: Annotated[str | None, typer.Option(help="Only this engine's replies, as `ttc store` names it.")] = None,
    before: Annotated[
        str | None,
        typer.Option(
            help="Only replies made before this date or moment, e.g. 2026-01-31: UTC, unless it names a zone."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    path: StorePath = STORE,
) -> None:
    """Delete replies: of an engine, or made before a moment, or both. Shows which, and asks first."""
    from ttc.store.pruning import choose, prune
    from ttc.store.report import open_existing

    with open_existing(path) as opened:
        deleted = prune(opened, choose(opened, engine, before), confirm=lambda shown: yes or _confirmed(shown))
    typer.echo(f"{deleted:,} {'reply' if deleted == 1 else 'replies'} deleted")


def _confirmed(shown: str) -> bool:
    from ttc.terminal import printable

    typer.echo(printable(shown))
    if not sys.stdin.isatty():
        raise UserError("nothing was deleted: there is no terminal to ask on; add --yes to delete these replies.")
    return typer.confirm("Delete them?")


def _experiment(config: RunConfig, job: Job) -> float | None:
    from ttc.execution.experiment import run_experiment

    accuracy: float | None = run_experiment(config, job.directory, job.overrides).get("accuracy")
    return accuracy


def _refuse_other_run(config: RunConfig, job: Job) -> None:
    from ttc.execution.identity import identity_of
    from ttc.runs.directory import RunDirectory
    from ttc.runs.identity import refuse_other_run

    refuse_other_run(RunDirectory(job.directory), identity_of(config, job.overrides), job.key)


def _train(name: str, overrides: list[str] | None) -> None:
    from ttc.app.launch import launch
    from ttc.app.registry import register_training
    from ttc.training.base import Training

    register_training()
    arguments = overrides or []
    launch(_run_training, Training, f"train/{name}", arguments, f"ttc train {name}", _refuse_other_training)  # type: ignore[type-abstract]


def _run_training(training: Training, job: Job) -> None:
    from ttc.engines.vllm_setup import silence

    silence()
    from transformers.utils import logging

    logging.disable_progress_bar()  # ttc shows its own
    training.run(job.directory)


def _refuse_other_training(training: Training, job: Job) -> None:
    training.refuse_directory(job.directory)


def _complete(ctx: typer.Context, incomplete: str, config_name: str) -> list[str]:
    with contextlib.suppress(Exception):  # a traceback while somebody is typing helps nobody
        from ttc.app.completion import complete
        from ttc.app.registry import register_run, register_training

        (register_run if config_name == "run" else register_training)()
        return complete(config_name, ctx.params.get("overrides") or [], incomplete)
    return []
