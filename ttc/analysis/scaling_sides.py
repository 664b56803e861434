"""The two sides of `ttc scale`: the runs of a small model and of a larger one, and what makes them comparable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ttc.analysis.curves import Curve, read_curves
from ttc.analysis.menu import Menu, name_of
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import Run
from ttc.terminal import printable_line


class TokenCount(StrEnum):
    """How long a generation is taken to be: equally long for both models, or as long as the runs' were."""

    equal = "equal"
    measured = "measured"


@dataclass(frozen=True)
class LargeModel:
    """What the larger model achieves.

    Attributes:
        model: its name and size.
        outcomes: by problem id, means over seeds.
        generations: per problem.
    """

    model: ModelId
    outcomes: Mapping[str, float]
    generations: float


def one_generator(curves: Sequence[Curve]) -> ModelId:
    """Return the generator of the small runs; raises UserError where there are several."""
    found = {curve.generator.fingerprint: curve.generator for curve in curves}
    if len(found) > 1:
        names = sorted({printable_line(model.name, 80) for model in found.values()})
        which = f"{', '.join(names)}{', settings differ' * (len(names) < len(found))}"
        raise UserError(f"the small runs are of {len(found)} generators ({which}); give runs of one of them.")
    return curves[0].generator


def large_model(runs: Sequence[Run], on_run: Callable[[Run], None]) -> LargeModel:
    """Read the larger model's runs, under their own selection.

    Raises:
        UserError: they differ in more than their seeds.
    """
    curves, budgets = read_curves(runs, on_run=on_run), sorted({int(run.summary["budget"]) for run in runs})
    if len(curves) > 1:
        names = ", ".join(f"{name_of(curve)} of {printable_line(curve.generator.name, 80)}" for curve in curves)
        raise UserError(f"--large: the runs are of several kinds ({names}); give one run, or its seeds.")
    if len(budgets) > 1:
        raise UserError(f"--large: the runs have the budgets {', '.join(map(str, budgets))}; give runs of one budget.")
    point = curves[0].points[max(curves[0].points)]
    spent = [*point.generations.values()]
    return LargeModel(curves[0].generator, point.outcomes, sum(spent) / len(spent))


def size_ratio(small: ModelId, large: ModelId, given: float | None) -> float:
    """Return M, or what was given in its place.

    Raises:
        UserError: one model on both sides, unknown sizes, or a larger model that is not larger.
    """
    names = [printable_line(model.name, 80) for model in (small, large)]
    same = small.name == large.name and small.parameters is not None and small.parameters == large.parameters
    if same or small.fingerprint == large.fingerprint:
        raise UserError(f"the small runs and --large have the same generator ({names[0]}); give runs of two models.")
    if given is not None:
        return given
    if small.parameters is None or large.parameters is None:
        unknown = names[0] if small.parameters is None else names[1]
        raise UserError(f"the runs do not say how many parameters {unknown} has; give --size-ratio M.")
    if large.parameters <= small.parameters:
        raise UserError(
            f"--large: {names[1]} ({large.parameters:,} parameters) is not larger than {names[0]} "
            f"({small.parameters:,}); exchange the runs, or give --size-ratio M."
        )
    return large.parameters / small.parameters


def shared_problems(menu: Menu, large: LargeModel) -> Menu:
    """Return the menu over the problems that the larger model solved too; raises UserError where there are none."""
    shared = menu.restricted(large.outcomes)
    if not shared.ids:
        raise UserError("the small runs and --large share no problem; give runs on the same data.")
    return shared


def refuse_other_golds(small: Run, large: Run) -> None:
    """Refuse runs of data sets whose ids coincide; within either side `read_curves` has checked it.

    Raises:
        UserError: naming the first problem whose gold answers differ.
    """
    theirs = _golds(large)
    for id_, gold in _golds(small).items():
        if theirs.get(id_, gold) != gold:
            shown = [printable_line(repr(text), 80) for text in (id_, gold, theirs[id_])]
            raise UserError(
                f"the gold answer of problem {shown[0]} is {shown[1]} in {small.directory} but {shown[2]} in "
                f"{large.directory}; give runs on the same data."
            )


def _golds(run: Run) -> dict[str, str]:
    return {record.id: record.gold for record in RunDirectory(run.directory).records()}


def length_ratio(small: Sequence[Run], large: Sequence[Run], tokens: TokenCount) -> float:
    """Return how many generations of the small model are as long as one of the larger model.

    Raises:
        UserError: they are to be measured, and a run does not say how long its generations are.
    """
    if tokens is TokenCount.equal:
        return 1.0
    return tokens_per_generation(large) / tokens_per_generation(small)


def tokens_per_generation(runs: Sequence[Run]) -> float:
    """Return the mean number of tokens that a generation of these runs decoded; raises UserError where unknown."""
    decoded = spent = 0.0
    for run in runs:
        tokens = run.summary.get("tokens")
        count = tokens.get("decoded") if isinstance(tokens, dict) else None
        if type(count) is not int or count < 1:
            raise UserError(f"--tokens measured: {run.directory} does not say how many it decoded; use --tokens equal.")
        decoded, spent = decoded + count, spent + float(run.summary["generations"])
    return decoded / spent
