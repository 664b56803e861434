"""From the words of `ttc verifier` to a verifier: an option of the config group `prm`, or a checkpoint's directory."""

from __future__ import annotations

import contextlib
import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ttc.analysis.rated_steps import ScoredSteps
from ttc.analysis.step_quality import StepQuality, measure_steps
from ttc.app.composing import compose_run
from ttc.app.errors import quoted_override
from ttc.app.hydra_internals import config_loader
from ttc.app.registry import config_directory, register_run
from ttc.data.step_labels import StepLabels
from ttc.engines.base import Verifier
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.progress_bar import ProgressBar
from ttc.store.database import SqliteStore

GROUPS = ("prm", "generator", "store")


@dataclass(frozen=True)
class VerifierSetup:
    """A verifier, and the store of its values; None: keep none."""

    verifier: Verifier
    store: SqliteStore | None


def compose_verifier(name: str, overrides: Sequence[str] = ()) -> VerifierSetup:
    """Return the verifier that `ttc run` would use with prm=NAME and these overrides, checked.

    Args:
        name: an option of the group `prm`, or the directory of a checkpoint that reads the plain format.
        overrides: of the groups `prm`, `generator` (for a judge) and `store`.

    Raises:
        UserError: they do not compose, set something else, or the checkpoint is no verifier.
    """
    for override in overrides:
        key, equals, _ = override.partition("=")
        group = re.split(r"[.@]", key.lstrip("+~"))[0]
        if group not in GROUPS or not (equals or override.startswith("~")):
            raise UserError(
                f"{override}: must be KEY=VALUE with a key of {', '.join(GROUPS)}; use e.g. prm.format=plain."
            )
        if key == "prm":
            raise UserError(f"{override}: the first argument chooses the verifier; use ttc verifier {override[4:]}.")
    config = compose_run([*_chosen(name), *overrides])
    if config.prm is None:
        raise UserError(f"{name}: is no verifier; use e.g. ttc verifier pocket.")
    config.prm.check()
    if config.store is not None:
        config.store.check()
    return VerifierSetup(config.prm, config.store)


def _chosen(name: str) -> list[str]:
    """Return the overrides that choose the verifier."""
    register_run()
    if name in config_loader(str(config_directory())).get_group_options("prm"):
        return [f"prm={name}"]
    if Path(name).expanduser().is_dir():
        [model] = shlex.split(quoted_override("prm.model", name))  # Hydra's quotes are wanted, not the shell's
        return ["prm=pocket", model]
    if not re.fullmatch(r"[\w.-]+", name):
        raise UserError(f"{name}: no such directory; give a checkpoint's directory or an option of prm, e.g. pocket.")
    return [f"prm={name}"]  # which Hydra explains


@dataclass(frozen=True)
class Measured:
    """What `ttc verifier` found: the measures, the values they are made of, and what was measured."""

    quality: StepQuality
    scored: list[ScoredSteps]
    origin: dict[str, object]


def measure_verifier(setup: VerifierSetup, solutions: Sequence[StepLabels], limit: int | None, seed: int) -> Measured:
    """Score solutions, or `limit` of them, and measure the verifier.

    Raises:
        UserError: the verifier can be measured on none of them.
        RunError: the verifier died.
    """
    from ttc.execution.executor import start_stored
    from ttc.execution.step_scoring import choose, score_solutions

    chosen, scored = choose(solutions, limit, seed), []
    with setup.store.open() if setup.store else contextlib.nullcontext() as store:
        engine = start_stored(setup.verifier, store)
        with ProgressBar(f"{setup.verifier.name}: solutions", len(chosen), log_seconds=math.inf) as bar:
            for found in score_solutions(engine, chosen):
                scored.append(found)
                if bar.is_due:
                    bar.show(len(scored))
    if all(found.partial_scores for found in scored):
        raise UserError(
            f"{setup.verifier.name}: none of {len(scored)} solutions fits its context; raise prm.max_model_len."
        )
    origin: dict[str, object] = {
        "verifier": asdict(ModelId(setup.verifier.name, setup.verifier.fingerprint())),
        "notes": setup.verifier.notes,
        "limit": limit,
        "seed": seed,
    }
    return Measured(measure_steps(scored, seed=seed), scored, origin)
