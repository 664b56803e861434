"""The classes that configs are composed from: ttc's own, those that other packages announce, and those named by path.

A YAML file of a group begins with `defaults: [/Beam@_here_]`: the class, found under its name in Hydra's ConfigStore,
gives the keys, their types and their defaults. A class of another package joins in one of three ways:

- `ttc run strategy._target_=my_package.MyStrategy strategy.alpha=2` on the command line;
- `_target_: my_package.MyStrategy` and its keys in a YAML file of a `--config-dir`;
- an entry point in the package's own metadata, e.g. `mine = "my_package:MyStrategy"` in the group `ttc.strategies`:
  then `strategy=mine`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import dataclass, field, fields, make_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, get_type_hints

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from ttc.classes import checked_class, class_path, load_class
from ttc.config import RunConfig
from ttc.data.base import Dataset
from ttc.difficulty.base import Difficulty
from ttc.engines.base import Generator, Verifier
from ttc.errors import UserError
from ttc.grading import AnswerGrader, MathGrader
from ttc.strategies.base import Strategy
from ttc.terminal import printable_line
from ttc.tracking.base import Tracker

TARGET = "_target_"
_KIND = "_kind"  # of a schema: the class that a config of it becomes
THRESHOLD_TARGETS = ("sequential", "hybrid", "parallel", "beam")


@dataclass(frozen=True)
class Group:
    """A config group whose options may come from other packages."""

    base: type  # every option's class derives from it
    entry_points: str  # the group of entry points that announce more options


GROUPS = {
    "strategy": Group(Strategy, "ttc.strategies"),
    "generator": Group(Generator, "ttc.generators"),
    "prm": Group(Verifier, "ttc.verifiers"),
    "data": Group(Dataset, "ttc.datasets"),
    "difficulty": Group(Difficulty, "ttc.difficulties"),
    "grader": Group(AnswerGrader, "ttc.graders"),
    "tracker": Group(Tracker, "ttc.trackers"),
}


PARTS = (*GROUPS, "store")
OPTIONAL = ("prm", "tracker")  # groups that may be none


def config_directory() -> Path:
    """Return the directory of the YAML files: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for directory in (package / "configs", package.parent / "configs"):
        if (directory / "run.yaml").is_file():
            return directory
    raise UserError(f"{package / 'configs'} is missing; reinstall ttc.")


def register_run() -> None:
    """Register the classes that `ttc run` may compose."""
    _register(_schema_of(RunConfig))
    _register_parts()


def _register_parts() -> None:
    """Register the classes that the groups' options are made of."""
    from ttc.data.datasets import PocketDataset, TabularDataset
    from ttc.data.multiple_choice import ChoiceDataset
    from ttc.difficulty.learned import LearnedDifficulty
    from ttc.difficulty.measured import OracleDifficulty, PredictedDifficulty
    from ttc.engines.ensemble import Ensemble
    from ttc.engines.generator import VllmGenerator
    from ttc.engines.server.generator import ServerGenerator
    from ttc.engines.server.verifier import ServerVerifier
    from ttc.engines.verifier import VllmVerifier
    from ttc.grading.choice import ChoiceGrader
    from ttc.grading.exact import ExactGrader
    from ttc.grading.tolerance import NumericGrader
    from ttc.grading.unit_tests import UnitTestGrader
    from ttc.store.database import SqliteStore
    from ttc.strategies.adaptive import AdaptiveConsistency
    from ttc.strategies.beam import Beam
    from ttc.strategies.compute_optimal import ComputeOptimal
    from ttc.strategies.dvts import Dvts
    from ttc.strategies.lookahead import Lookahead
    from ttc.strategies.mcts import Mcts
    from ttc.strategies.parallel import BestOfN, Majority
    from ttc.strategies.particles import Particles
    from ttc.strategies.revisions import Revisions
    from ttc.tracking.mlflow import MlflowTracker
    from ttc.tracking.tensorboard import TensorboardTracker
    from ttc.tracking.wandb import WandbTracker

    _register(Majority, BestOfN, Beam, Lookahead, Revisions)
    _register(Dvts, Particles, AdaptiveConsistency, Mcts, ComputeOptimal)
    _register_threshold()
    _register(VllmGenerator, ServerGenerator, VllmVerifier, ServerVerifier, Ensemble)
    _register(TabularDataset, ChoiceDataset, PocketDataset, SqliteStore)
    _register(MathGrader, ExactGrader, NumericGrader, ChoiceGrader, UnitTestGrader)
    _register(OracleDifficulty, PredictedDifficulty, LearnedDifficulty)
    _register(WandbTracker, MlflowTracker, TensorboardTracker)
    for name, group in GROUPS.items():
        for announced in entry_points(group=group.entry_points):
            _register_entry_point(name, announced)


def _register_threshold() -> None:
    """Register Algorithm 6, and the group `target` of the strategies that it chooses among."""
    from ttc.strategies.beam import Beam
    from ttc.strategies.dvts import Dvts
    from ttc.strategies.lookahead import Lookahead
    from ttc.strategies.mcts import Mcts
    from ttc.strategies.parallel import BestOfN
    from ttc.strategies.particles import Particles
    from ttc.strategies.revisions import Revisions
    from ttc.strategies.threshold import Threshold

    targets: dict[str, Strategy] = {
        **{"sequential": Revisions("sequential"), "hybrid": Revisions("1:1"), "parallel": Revisions("parallel")},
        **{"best_of_n": BestOfN(), "beam": Beam(), "dvts": Dvts(), "lookahead": Lookahead()},
        **{"particles": Particles(), "mcts": Mcts()},
    }
    for name, target in targets.items():
        ConfigStore.instance().store(group="target", name=name, node=target)
    # Its targets are options of that group: a default of its own could not be replaced by one of another class.
    node = Threshold(sequential=MISSING, hybrid=MISSING, parallel=MISSING, beam=MISSING)
    ConfigStore.instance().store(name="Threshold", node=node)


def register_training() -> None:
    """Register the trainings of `ttc train`."""
    from ttc.training.generator import GeneratorTraining
    from ttc.training.orm import OrmTraining, RevisionVerifierTraining
    from ttc.training.prm import PrmTraining
    from ttc.training.reviser import ReviserTraining

    _register_parts()
    _register(GeneratorTraining)
    for kind in (PrmTraining, OrmTraining, ReviserTraining, RevisionVerifierTraining):
        _register(_schema_of(kind))


def _register(*schemas: Callable[..., object]) -> None:
    for schema in schemas:
        ConfigStore.instance().store(name=schema.__name__, node=schema)


def _register_entry_point(group: str, announced: EntryPoint) -> None:
    """Add an option to a group. A package that is broken must not keep others from working: it is only reported."""
    try:
        schema = checked_class(announced.load(), GROUPS[group].base, f"{group}={announced.name}")
    except Exception as error:
        package = announced.dist.name if announced.dist else announced.value
        reason = printable_line(f"{group}={announced.name} of the package {package} is not available: {error}")
        print(f"warning: {reason}", file=sys.stderr)
        return
    if f"{schema.__name__}.yaml" not in ConfigStore.instance().repo:  # ttc's own classes keep their names
        _register(schema)
    for option_of in (group, "target") if group == "strategy" else (group,):
        ConfigStore.instance().store(group=option_of, name=announced.name, node=schema)


def with_targets(overrides: Sequence[str]) -> list[str]:
    """Turn `strategy._target_=my_package.MyStrategy` into an option of the group, with the class's own keys.

    Strategies within one are options of the group `target`: `strategy.beam=dvts` chooses, for strategy=threshold.

    Raises:
        UserError: the class cannot be imported, or does not fit the group.
    """
    return [_with_target(override) for override in overrides]


def _with_target(override: str) -> str:
    key, _, value = override.partition("=")
    group, _, last = key.lstrip("+").partition(".")
    if group == "strategy" and last in THRESHOLD_TARGETS and all(map(str.isidentifier, value.split(","))):
        return f"target@{key}={value}"
    setting, dot, last = last.rpartition(".")  # strategy.beam._target_=... is one of Threshold's strategies
    if last != TARGET or group not in GROUPS or (dot and group != "strategy"):
        return override
    paths = [path.strip(" '\"") for path in value.split(",")]  # several make a sweep
    for path in paths:
        ConfigStore.instance().store(group="target" if dot else group, name=path, node=_load(group, path))
    return f"target@{group}.{setting}={','.join(paths)}" if dot else f"{group}={','.join(paths)}"


def _load(group: str, path: str) -> type:
    """Import the class at a dotted path."""
    return load_class(path, GROUPS[group].base, f"{group}.{TARGET}={path}")


@cache
def _schema_of(kind: type) -> type:
    """Return a class as Hydra composes it: its parts untyped, so that a YAML file may name any class by `_target_`."""
    hints = get_type_hints(kind)
    specified: list[Any] = []
    for setting in fields(kind):
        type_, factory = hints[setting.name], setting.default_factory
        if setting.name in PARTS:
            type_, factory = Any, (NO_DEFAULT if factory is NO_DEFAULT else lambda: None)
        if factory is not NO_DEFAULT:
            specified.append((setting.name, type_, field(default_factory=factory)))
        elif setting.default is not NO_DEFAULT:
            specified.append((setting.name, type_, setting.default))
        else:
            specified.append((setting.name, type_))
    return make_dataclass(kind.__name__, specified, namespace={_KIND: kind})  # which other processes get with it


def instantiate(config: DictConfig) -> object:
    """Turn a composed config into the object that its schema describes: a RunConfig, or a training.

    Raises:
        UserError: a part that does not fit its group.
        OmegaConfBaseException: a value of the wrong type, or one that is missing.
    """
    schema = OmegaConf.get_type(config)
    kind = getattr(schema, _KIND, None)
    if kind is None:
        return OmegaConf.to_object(config)
    OmegaConf.set_struct(config, False)
    for name in GROUPS:
        node = config.get(name)
        if isinstance(node, DictConfig) and TARGET in node:
            path = node.pop(TARGET)
            config[name] = OmegaConf.structured(_load(name, path))
            config[name].merge_with(node)
    parts_with_default = {part.name for part in fields(kind) if part.default_factory is not NO_DEFAULT} & GROUPS.keys()
    settings = vars(OmegaConf.to_object(config))
    for name in [name for name in parts_with_default if settings.get(name) is None]:
        del settings[name]  # a config of one's own need not choose it
    for name, group in GROUPS.items():
        if name in settings and not isinstance(settings[name], group.base):
            if name in OPTIONAL and settings[name] is None:
                continue
            raise UserError(
                f"{name}: must be a {class_path(group.base)}, not {type(settings[name]).__name__}; choose one of the "
                "group's options."
            )
    return kind(**settings)
