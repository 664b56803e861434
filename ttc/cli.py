"""The command line: one command, one short function."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ttc import __version__
from ttc.errors import RunError, UserError

# What follows these commands belongs to Hydra, its flags (--help, -m, --cfg job) included.
PASS_THROUGH = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}

app = typer.Typer(
    help="Experiments in test-time compute: how best to spend N generations on a problem.",
    epilog="Try: ttc run strategy=beam budget=64",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
train = typer.Typer(help="Train the pocket's models.", no_args_is_help=True)
app.add_typer(train, name="train")
store = typer.Typer(help="Show, export or prune the replies that runs keep.")
app.add_typer(store, name="store")


def main() -> None:
    """Run the command line."""
    app()


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
    """Run an experiment, e.g. `ttc run strategy=beam budget=64`; `ttc run --help` lists the choices."""
    with _told_in_one_line():
        from ttc.config import register_run
        from ttc.launch import launch

        register_run()
        launch(_experiment, "run", overrides or [], "ttc run")


@train.command("generator", context_settings=PASS_THROUGH, add_help_option=False)
def train_generator(overrides: TrainOverrides = None) -> None:
    """Train the pocket generator on the pocket's own solutions."""
    _train("generator", overrides)


@train.command("prm", context_settings=PASS_THROUGH, add_help_option=False)
def train_prm(overrides: TrainOverrides = None) -> None:
    """Train the process reward model by Monte-Carlo rollouts of the generator."""
    _train("prm", overrides)


@train.command("orm", context_settings=PASS_THROUGH, add_help_option=False)
def train_orm(overrides: TrainOverrides = None) -> None:
    """Train an outcome reward model on the generator's solutions."""
    _train("orm", overrides)


@train.command("reviser", context_settings=PASS_THROUGH, add_help_option=False)
def train_reviser(overrides: TrainOverrides = None) -> None:
    """Finetune the generator to revise: wrong attempts, then a right one (Algorithm 5)."""
    _train("reviser", overrides)


@train.command("revision_verifier", context_settings=PASS_THROUGH, add_help_option=False)
def train_revision_verifier(overrides: TrainOverrides = None) -> None:
    """Train a verifier on the revision model's chains."""
    _train("revision_verifier", overrides)


@app.command()
def grade(
    path: Annotated[Path, typer.Argument(help="A JSONL file with `gold` and `completion`, or a run directory.")],
    out: Annotated[Path | None, typer.Option(help="Write the rows here, with `extracted` and `correct`.")] = None,
) -> None:
    """Grade completions against gold answers and print the accuracy; a run directory gets its tables anew."""
    with _told_in_one_line():
        from rich.console import Console

        from ttc.grading import grade_file

        Console().print(grade_file(path, out))
        if path.is_dir() and out is None:
            from ttc.analysis.report import rewrite_tables

            rewrite_tables(path)


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
    csv: Annotated[Path | None, typer.Option(help="Write the table here too.")] = None,
) -> None:
    """Compare finished runs: seeds averaged, 95% intervals over problems, paired differences, what a problem cost."""
    with _told_in_one_line():
        from ttc.analysis.compare import compare as compared
        from ttc.analysis.compare import comparison_table, find_runs, show_comparison
        from ttc.analysis.report import write_csv

        found = compared(find_runs(runs), selections=selection or (), reference=reference)
        show_comparison(found)
        if csv is not None:
            write_csv(csv, comparison_table(found))


StorePath = Annotated[Path, typer.Option(help="The store, as a run's store.path.")]
STORE = Path("outputs/store.sqlite")


@store.callback(invoke_without_command=True)
def store_show(ctx: typer.Context, path: StorePath = STORE) -> None:
    """Show the store's size and what it holds."""
    if ctx.invoked_subcommand is None:
        with _told_in_one_line():
            from ttc.store_report import existing, show

            with existing(path) as opened:
                show(opened)


@store.command("export")
def store_export(
    out: Annotated[Path, typer.Argument(help="The parquet file to write.")],
    results: Annotated[bool, typer.Option("--results", help="Write a row a problem of every run instead.")] = False,
    path: StorePath = STORE,
) -> None:
    """Write every reply as a row of a parquet file, or every run's results."""
    with _told_in_one_line():
        from ttc.store_report import existing, export, export_results

        with existing(path) as opened:
            if results:
                typer.echo(f"{export_results(opened, out):,} results written to {out}")
            else:
                typer.echo(f"{export(opened, out):,} replies written to {out}")


@store.command("prune")
def store_prune(
    engine: Annotated[str | None, typer.Option(help="Only this engine's replies, as `ttc store` names it.")] = None,
    before: Annotated[str | None, typer.Option(help="Only replies made before this day, e.g. 2026-01-31.")] = None,
    path: StorePath = STORE,
) -> None:
    """Delete replies: of an engine, or older than a day, or both."""
    with _told_in_one_line():
        from ttc.store_report import existing, prune

        with existing(path) as opened:
            typer.echo(f"{prune(opened, engine, before):,} replies deleted")


def _experiment(config: Any, directory: Path) -> float | None:
    from ttc.experiment import run

    accuracy: float | None = run(config, directory).get("accuracy")
    return accuracy


def _train(name: str, overrides: list[str] | None) -> None:
    with _told_in_one_line():
        from ttc.config import register_training
        from ttc.launch import launch

        register_training()
        launch(_training, f"train/{name}", overrides or [], f"ttc train {name}")


def _training(training: Any, directory: Path) -> None:
    from ttc.engines.launch import silence

    silence()
    from transformers.utils import logging

    logging.disable_progress_bar()  # one bar is enough
    training.run(directory)


def _complete(ctx: typer.Context, incomplete: str, config_name: str) -> list[str]:
    with contextlib.suppress(Exception):  # a traceback in the middle of typing helps nobody
        from ttc.completion import complete
        from ttc.config import register_run, register_training

        (register_run if config_name == "run" else register_training)()
        return complete(config_name, ctx.params.get("overrides") or [], incomplete)
    return []


@contextlib.contextmanager
def _told_in_one_line() -> Iterator[None]:
    """Tell a user's mistake in one line and exit with 2, a run that had to stop with 1, Ctrl-C with 130.

    Bugs keep their traceback.
    """
    try:
        yield
    except UserError as error:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from None
    except RunError as error:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; run the same command again: it goes on from what it has stored", err=True)
        raise typer.Exit(130) from None
