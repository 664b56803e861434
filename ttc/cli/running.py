"""`ttc run` and `ttc train`: the commands that Hydra composes configs for."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ttc.app.directories import Job
    from ttc.app.launch import CheckedJob
    from ttc.config import RunConfig
    from ttc.training.base import Training

# Everything after these commands is Hydra's, its flags (--help, -m, --cfg job) included.
PASS_THROUGH = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}

train = typer.Typer(help="Train generators, revision models and verifiers.", no_args_is_help=True)


def _complete_run(ctx: typer.Context, incomplete: str) -> list[str]:
    return _complete(ctx, incomplete, "run")


def _complete_training(ctx: typer.Context, incomplete: str) -> list[str]:
    return _complete(ctx, incomplete, f"train/{ctx.info_name}")


RunOverrides = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", autocompletion=_complete_run)]
TrainOverrides = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", autocompletion=_complete_training)]


def run(
    overrides: RunOverrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the run would take; run nothing.")] = False,
    tokens_per_generation: Annotated[
        int | None, typer.Option(metavar="N", help="Of a dry run: decoded tokens of a generation, on average.")
    ] = None,
    tokens_per_second: Annotated[
        float | None, typer.Option(metavar="N", help="Of a dry run: decoded tokens per second, of all sequences.")
    ] = None,
) -> None:
    """Run an experiment, e.g. `ttc run strategy=beam budget=64`; `ttc run --help` lists the options."""
    from ttc.app.launch import launch
    from ttc.app.registry import register_run
    from ttc.config import RunConfig

    def forecast(jobs: Sequence[CheckedJob[RunConfig]]) -> None:
        from ttc.app.dry_run import DryJob, show_dry_run

        show_dry_run([DryJob(job.settings, job.overrides) for job in jobs], tokens_per_generation, tokens_per_second)

    _check_dry_run(dry_run, tokens_per_generation, tokens_per_second)
    register_run()
    instead = forecast if dry_run else None
    launch(_experiment, RunConfig, "run", overrides or [], "ttc run", _refuse_other_run, instead=instead)


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


def _check_dry_run(dry_run: bool, tokens_per_generation: int | None, tokens_per_second: float | None) -> None:
    """Refuse numbers that no run can have, and numbers without the flag that reads them; raises UserError."""
    from ttc.errors import UserError

    if tokens_per_generation is not None and tokens_per_generation < 1:
        raise UserError(
            f"--tokens-per-generation {tokens_per_generation}: must be at least 1 token; use e.g. 400, or leave it out."
        )
    if tokens_per_second is not None and not 0 < tokens_per_second < math.inf:  # NaN is not
        raise UserError(
            f"--tokens-per-second {tokens_per_second:g}: must be a number above 0, of decoded tokens; use e.g. 2000."
        )
    for flag, value in (("generation", tokens_per_generation), ("second", tokens_per_second)):
        if value is not None and not dry_run:
            raise UserError(f"--tokens-per-{flag} {value:g}: is read by --dry-run alone; add that, or leave it out.")


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
    from ttc.app.several import one_of_several
    from ttc.training.base import Training
    from ttc.training.processes import is_main

    register_training()
    with one_of_several(overrides or []) as arguments:
        launch(
            _run_training,
            Training,  # type: ignore[type-abstract]
            f"train/{name}",
            arguments,
            f"ttc train {name}",
            _refuse_other_training,
            alone=is_main(),
        )


def _run_training(training: Training, job: Job) -> None:
    from ttc.engines.environment import silence

    silence()
    from transformers.utils import logging

    logging.disable_progress_bar()  # ttc shows its own
    logging.set_verbosity_error()  # a new head is meant to be new: no table of what the checkpoint lacks
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
