"""What a finished run says about each problem under a selection, at its own budget or at a smaller one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ttc.analysis.accuracy import PASS1, outcomes_by_problem
from ttc.analysis.chains import attempt_outcomes, has_chains
from ttc.analysis.subsample import outcomes_at_budgets, pass_at_k
from ttc.analysis.subset_costs import Shapes, flops_of_subsets
from ttc.cost import FlopsConvention
from ttc.errors import UserError
from ttc.runs.finding import Run
from ttc.selection import Aggregation
from ttc.terminal import printable_line

ATTEMPT = re.compile(r"attempt-(\d{1,6})")
PASS = re.compile(r"pass@([1-9]\d{0,5})")


def is_independent(run: Run) -> bool:
    """Whether the run's candidates are independent samples, so that any k of them are what budget k gives."""
    return PASS1 in run.summary["selections"]


def run_outcomes(run: Run, selections: Iterable[str], budget: int | None = None) -> dict[str, dict[str, float]]:
    """Return by selection each problem's result in [0, 1].

    Args:
        run: finished.
        selections: majority, best, weighted, hierarchical, oracle; pass@K of independent samples, unbiased by their
            subsets; attempt-N of chains.
        budget: what to expect of so many of the run's independent samples, fewer than were drawn; None: of all.

    Raises:
        UserError: the run has no such selection, too few samples, or they are not independent.
    """
    expected = _expected(run, budget) if budget is not None else {}
    return {name: _outcomes(run, name, expected, budget) for name in selections}


def flops_at(run: Run, budget: int) -> dict[FlopsConvention, float]:
    """Return the mean FLOPs per problem of `budget` of the run's independent samples, by the known conventions."""
    found = flops_of_subsets(run.records, budget, Shapes.of(run))
    return {convention: sum(counts.values()) / len(counts) for convention, counts in found.items()}


def _outcomes(
    run: Run, selection: str, expected: Mapping[str, dict[str, float]], budget: int | None
) -> dict[str, float]:
    if passing := PASS.fullmatch(selection):
        return _pass_at(run, int(passing[1]), budget)
    if budget is not None:
        if selection not in expected:
            raise _missing(run, selection, [PASS1, *expected])
        return expected[selection]
    attempt = ATTEMPT.fullmatch(selection)
    try:
        if attempt:
            return attempt_outcomes(run.records, int(attempt[1]))
        return outcomes_by_problem(run.records, selection)
    except ValueError:
        raise UserError(f"{run.directory} has problems without chains; run the experiment again.") from None
    except KeyError:
        names = [*run.summary["selections"]]
        if has_chains(run.records):
            names.append("attempt-1 (pass@1 of the first attempt of a chain), attempt-2, .. to the end of its chains")
        raise _missing(run, selection, names) from None


def _missing(run: Run, selection: str, names: Iterable[str]) -> UserError:
    known = ", ".join(map(printable_line, names))
    return UserError(f"{run.directory} has no selection {selection}; use one of {known}.")


def _pass_at(run: Run, k: int, budget: int | None) -> dict[str, float]:
    if not is_independent(run):
        raise UserError(
            f"--selection pass@{k}: the samples of {run.directory} are not independent; use one of "
            f"{', '.join(map(printable_line, run.summary['selections']))}."
        )
    if budget is not None and k > budget:
        raise UserError(f"--selection pass@{k}: --budget is {budget}; use at most pass@{budget}.")
    if k > (most := _samples(run)):
        raise UserError(
            f"--selection pass@{k}: {run.directory} has {most} samples per problem; use at most pass@{most}."
        )
    return {
        record.id: float(pass_at_k(len(record.candidates), sum(c.correct for c in record.candidates), [k])[0])
        for record in run.records
    }


def _expected(run: Run, budget: int) -> dict[str, dict[str, float]]:
    if budget > (most := _samples(run)):
        raise UserError(f"--budget {budget}: {run.directory} has {most} samples per problem; give at most {most}.")
    found = outcomes_at_budgets(
        run.records,
        [budget],
        aggregation=Aggregation(run.summary.get("aggregation", "last")),
        seed=int(run.summary["seed"]),
    )
    ids = [record.id for record in run.records]
    return {name: dict(zip(ids, values[:, 0].tolist(), strict=True)) for name, values in found.items()}


def _samples(run: Run) -> int:
    return min(len(record.candidates) for record in run.records)
