"""`ttc run` and `ttc train`: the commands that Hydra composes configs for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ttc.app.directories import Job
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
