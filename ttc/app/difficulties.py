"""The difficulties of a finished run's problems; a learned one needs the run's generator, composed by Hydra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttc.analysis.agreement import Compared
from ttc.difficulty.learned import learned_difficulty, problems_of
from ttc.difficulty.learning import Learner
from ttc.difficulty.samples import read_samples
from ttc.difficulty.table import DifficultyKind, DifficultyTable, difficulty_of
from ttc.engines.base import Generator
from ttc.errors import UserError
from ttc.files import written_for
from ttc.models import ModelId
from ttc.runs.finding import Run

EVEN, ODD = slice(0, None, 2), slice(1, None, 2)


@dataclass(frozen=True)
class Difficulties:
    """What `ttc difficulty` found.

    Attributes:
        compared: beside the oracle's.
        tables: to be written, by the name of the file.
    """

    compared: Sequence[Compared]
    tables: Mapping[str, DifficultyTable]


def compare_difficulties(
    runs: Sequence[Run],
    learn_from: Sequence[Run],
    learner: Learner,
    samples: int | None = None,
    generator_overrides: Sequence[str] = (),
) -> Difficulties:
    """Return predicted and, if there are runs to learn from, learned difficulties beside the oracle's.

    Predicted and oracle difficulties of the same samples share their noise, so every other sample is also compared with
    the oracle of the rest: the predicted difficulty, and the oracle's own, which nothing can be expected to exceed.

    Raises:
        UserError: runs that do not fit, or a generator that is not theirs.
    """
    generator = _generator(runs[0], generator_overrides) if learn_from else None  # errors first: reading takes a while
    whole = read_samples(runs)
    tables = {"oracle": difficulty_of(DifficultyKind.oracle, whole)}
    if not whole.has_values and generator is None:
        raise UserError(
            f"{runs[0].directory} has no verifier values, so only its oracle difficulty is known; give a run of "
            "strategy=best_of_n, or add --learn-from RUN."
        )
    if whole.has_values:
        tables["predicted"] = difficulty_of(DifficultyKind.predicted, whole)
        if samples is not None:
            few = difficulty_of(DifficultyKind.predicted, read_samples(runs, samples))
            tables[f"predicted, {few.samples} samples"] = few
    if generator is not None:
        problems = [*problems_of(runs).values()]
        tables["learned"] = learned_difficulty(problems, learn_from, generator.embed, learner)
    compared = [Compared(name, table, tables["oracle"]) for name, table in tables.items() if name != "oracle"]
    return Difficulties([*compared, *_halves(runs)], tables)


def _halves(runs: Sequence[Run]) -> list[Compared]:
    """Compare difficulties of every other sample with the oracle of the rest; nothing where there is one sample."""
    even, odd = read_samples(runs, part=EVEN), read_samples(runs, part=ODD)
    if not odd.grades:
        return []
    truth = difficulty_of(DifficultyKind.oracle, odd)
    kinds = [DifficultyKind.oracle, *([DifficultyKind.predicted] if even.has_values else [])]
    return [Compared(f"{kind}, other half of the samples", difficulty_of(kind, even), truth) for kind in kinds]


def write_tables(directory: Path, found: Difficulties) -> None:
    """Write each difficulty into a directory as KIND.json, for difficulty.path and `ttc optimal --difficulty`.

    Raises:
        UserError: the directory cannot be written.
    """
    with written_for(directory, "--out"):
        for name, table in found.tables.items():
            kind, _, few = name.partition(", ")
            table.save(directory / (f"{kind}-{table.samples}.json" if few else f"{kind}.json"))


def _generator(run: Run, overrides: Sequence[str]) -> Generator:
    """Return the generator that made a run, by its own command line or by overrides.

    Raises:
        UserError: they do not compose, or they are those of another one.
    """
    own = [f"{key}={value}" for key, value in run.overrides.items() if key.partition(".")[0] == "generator"]
    given = list(overrides) or own
    remedy = "add e.g. --generator generator=NAME, with the settings of that run."
    imported = bool(run.summary.get("imported"))
    if imported and not overrides:
        raise UserError(f"{run.directory} was imported, and does not say how its generator is loaded; {remedy}")
    try:
        generator = compose_generator(given)
        generator.check()
    except UserError as error:
        if overrides:
            raise
        raise UserError(f"{run.directory}: its generator cannot be composed again ({error}); {remedy}") from None
    if imported:  # the run knows a name at most: the user is believed
        return generator
    expected = _made_by(run)
    if generator.fingerprint() != expected.fingerprint:
        raise UserError(
            f"{run.directory} was made by another generator than {' '.join(given) or 'the default one'}; {remedy}"
        )
    return generator


def _made_by(run: Run) -> ModelId:
    try:
        return ModelId.from_json(run.summary["models"]["generator"])
    except (KeyError, TypeError):
        raise UserError(
            f"{run.directory} does not say which model made it: an older ttc wrote it; run the experiment again (its "
            "stored replies make that quick)."
        ) from None


def compose_generator(overrides: Sequence[str]) -> Generator:
    """Return the generator of a `ttc run` with these overrides.

    Raises:
        UserError: they do not compose, or set something else.
    """
    from ttc.app.composing import compose_run

    for override in overrides:
        if override.lstrip("+").partition("=")[0].partition(".")[0] != "generator":
            raise UserError(f"--generator {override}: must be an override of the generator; use e.g. generator=pocket.")
    return compose_run(overrides).generator
