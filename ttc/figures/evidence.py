"""What decides the paper's claims: differences that the runs show, each with its interval.

Every row is a test: a mean with its 95% interval, and the sign that the claim wants. Differences are paired by problem
and in points of accuracy. All rules are here and in `claims`; nothing depends on what came out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
import pandas as pd

from ttc.analysis.cross_validation import cross_validated_choices
from ttc.analysis.cross_validation import measured as measured_by
from ttc.analysis.intervals import Interval, paired_difference
from ttc.difficulty.table import DifficultyKind
from ttc.errors import UserError
from ttc.figures.larger_tables import matches, paired
from ttc.figures.measured import HIERARCHICAL, MAJORITY, WEIGHTED, ByProblem, Measured
from ttc.figures.recipes import Role
from ttc.selection import Aggregation

COLUMNS = ["claim", "test", "wanted", "margin", "mean", "lo", "hi", "n"]
SMALL_BUDGETS = (4, 16)
MIDDLE_BUDGET = 16
SHOWN_ATTEMPTS = 4
MATCH_MARGIN = 1.0  # points within which two accuracies count as equal
HOPELESS_MARGIN = 5.0  # points that a strategy may gain on problems on which "nothing helps"


@dataclass(frozen=True)
class Test:
    """One comparison.

    Attributes:
        claim: that it belongs to, e.g. C1.
        name: what is compared, in words.
        wanted: `above` or `below`: on which side of the margin the claim wants the interval.
        margin: in points.
        found: in points.
    """

    claim: str
    name: str
    wanted: str
    margin: float
    found: Interval

    def row(self) -> tuple[str, str, str, float, float, float, float, int]:
        """Return the test as a row of the evidence."""
        mean, lo, hi = (round(value, 4) for value in (self.found.mean, self.found.lo, self.found.hi))
        return self.claim, self.name, self.wanted, self.margin, mean, lo, hi, self.found.n


def evidence(measured: Measured) -> pd.DataFrame:
    """Return every test that the runs allow."""
    rows = [test.row() for roles, tests in _TESTS if measured.has(*roles) for test in _possible(tests, measured)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = table["claim"].str[1:].astype(int)
    return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def _possible(tests: Callable[[Measured], Iterator[Test]], measured: Measured) -> list[Test]:
    """Return the tests of a group; none where the runs do not allow them, e.g. with too few problems in a bin."""
    try:
        return list(tests(measured))
    except UserError:
        return []


def _difference(
    claim: str,
    name: str,
    a: ByProblem,
    b: ByProblem,
    wanted: str = "above",
    margin: float = 0.0,
    within: set[str] | None = None,
) -> Test:
    """Compare two outcomes, over all problems or those of some bins."""
    if within is not None:
        a, b = ({id_: value for id_, value in own.items() if id_ in within} for own in (a, b))
    if not a.keys() & b.keys():
        raise UserError(f"{claim}: no problem to compare on; give runs on more problems.")
    found = paired_difference(a, b)
    return Test(claim, name, wanted, margin, Interval(100 * found.mean, 100 * found.lo, 100 * found.hi, found.n))


def _bins(measured: Measured, *numbers: int) -> set[str]:
    return set().union(*(measured.members(number) for number in numbers))


def _curve(measured: Measured, role: Role, selection: str = WEIGHTED) -> dict[int, ByProblem]:
    return {budget: point.outcomes for budget, point in measured.curve(role, selection).points.items()}


def _largest_shared(*curves: Mapping[int, ByProblem]) -> int:
    """Return the largest budget that all curves have; 0 where there is none."""
    return max(set(curves[0]).intersection(*curves[1:]), default=0)


def _votes(measured: Measured) -> Iterator[Test]:
    weighted, majority = _curve(measured, Role.best_of_n), _curve(measured, Role.best_of_n, MAJORITY)
    n = max(weighted)
    yield _difference("C1", f"best-of-N weighted minus majority at {n}", weighted[n], majority[n])


def _searches(measured: Measured) -> Iterator[Test]:
    beam, weighted = _curve(measured, Role.beam), _curve(measured, Role.best_of_n)
    shared = set(beam) & set(weighted)
    for n in sorted(shared.intersection(SMALL_BUDGETS)):
        yield _difference("C2", f"beam minus best-of-N weighted at {n}", beam[n], weighted[n])
    smallest, largest = min(shared.intersection(SMALL_BUDGETS), default=max(beam)), max(beam)
    if smallest < largest:
        yield _difference(
            "C3", f"beam at {largest} minus beam at {smallest}, bins 1-2", beam[largest], beam[smallest], "below",
            within=_bins(measured, 1, 2),
        )  # fmt: skip
    middle = max((n for n in shared if n <= MIDDLE_BUDGET), default=0)
    for number in (3, 4) if middle else ():
        yield _difference(
            "C4", f"beam minus best-of-N weighted at {middle}, bin {number}", beam[middle], weighted[middle],
            within=_bins(measured, number),
        )  # fmt: skip
    hardest = _bins(measured, 5)
    for name, curve in (("beam", beam), ("best-of-N weighted", weighted)):
        n = max(curve)
        yield _difference(
            "C5", f"{name} at {n} minus one sample, bin 5", curve[n], weighted[1], "below", HOPELESS_MARGIN, hardest
        )


def _lookahead(measured: Measured) -> Iterator[Test]:
    beam = _curve(measured, Role.beam)
    for name, role in (("k = 1, M = √N", Role.lookahead_1_sqrt), ("k = 3, M = 4", Role.lookahead_3)):
        if measured.has(role):
            curve = _curve(measured, role)
            if n := _largest_shared(curve, beam):
                yield _difference("C6", f"lookahead {name} minus beam at {n}", curve[n], beam[n], "below")


def _aggregations(measured: Measured) -> Iterator[Test]:
    found = {how: measured.aggregated(how) for how in (Aggregation.last, Aggregation.min, Aggregation.prod)}
    n = max(found[Aggregation.last])
    for better, worse in ((Aggregation.last, Aggregation.min), (Aggregation.min, Aggregation.prod)):
        yield _difference("C7", f"{better} minus {worse} at {n}", found[better][n], found[worse][n])


def _verifiers(measured: Measured) -> Iterator[Test]:
    prm, orm = _curve(measured, Role.best_of_n), _curve(measured, Role.orm)
    majority = _curve(measured, Role.best_of_n, MAJORITY)
    if n := _largest_shared(prm, orm):
        yield _difference("C8", f"PRM minus ORM at {n}", prm[n], orm[n])
        yield _difference("C8", f"ORM minus majority at {n}", orm[n], majority[n])


def _revisions(measured: Measured) -> Iterator[Test]:
    attempts = measured.attempts(Role.revisions)
    late = attempts[len(attempts) // 2 :]
    if len(attempts) > 2 * SHOWN_ATTEMPTS:
        mean = {id_: float(np.mean([own[id_] for own in late])) for id_ in attempts[0]}
        yield _difference("C9", f"attempt {SHOWN_ATTEMPTS} minus attempt 1", attempts[SHOWN_ATTEMPTS - 1], attempts[0])
        yield _difference(
            "C9", f"attempts {len(attempts) - len(late) + 1}-{len(attempts)} minus attempt {SHOWN_ATTEMPTS + 1}", mean,
            attempts[SHOWN_ATTEMPTS],
        )  # fmt: skip
    for selection, judge in ((HIERARCHICAL, "verifier"), (MAJORITY, "majority")):
        sequential = measured.chains(selection, sequential=True)
        parallel = measured.chains(selection, sequential=False)
        if n := _largest_shared(sequential, parallel):
            yield _difference(
                "C10", f"sequential minus parallel at {n}, {judge}", sequential[n], parallel[n], margin=-MATCH_MARGIN
            )


def _ratios(measured: Measured) -> Iterator[Test]:
    ratios = measured.by_ratio(HIERARCHICAL)
    budget = max((n for n, at in ratios.items() if {log2(n), -log2(n)} < at.keys() and n > 1), default=0)
    if not budget:
        return
    at = ratios[budget]
    ends = {"sequential": at[max(at)], "parallel": at[min(at)]}
    interior = [at[place] for place in sorted(at)[1:-1]]
    easy, hard = _bins(measured, 1, 2), _bins(measured, 4, 5)
    yield _difference(
        "C11", f"sequential minus parallel at {budget}, bins 1-2", ends["sequential"], ends["parallel"],
        margin=-MATCH_MARGIN, within=easy,
    )  # fmt: skip
    for name, outcomes in ends.items():
        best = _chosen(interior, sorted(hard))
        yield _difference(
            "C11", f"best ratio in between minus {name} at {budget}, bins 4-5", best, outcomes, within=hard
        )


def _chosen(options: Sequence[ByProblem], ids: Sequence[str]) -> dict[str, float]:
    """Return the outcomes of the best option, chosen by cross-validation: on other problems than it is measured on."""
    outcomes = np.array([[own[id_] for id_ in ids] for own in options])
    choices = cross_validated_choices(outcomes, np.ones(len(ids), dtype=np.int64))
    return dict(zip(ids, measured_by(outcomes, choices).tolist(), strict=True))


def _optimal(which: str, baseline: str) -> Callable[[Measured], Iterator[Test]]:
    def tests(measured: Measured) -> Iterator[Test]:
        if which == "search":
            parallel = _curve(measured, Role.best_of_n)
        else:
            parallel = measured.chains(HIERARCHICAL, sequential=False)
        kinds = [DifficultyKind.oracle, *([DifficultyKind.predicted] if measured.has(Role.best_of_n) else [])]
        for kind in kinds:
            line = measured.optimal_outcomes(which, kind)
            shared = _largest_shared(line, parallel)
            n = max((budget for budget in parallel if budget <= shared and budget // 4 in line), default=0)
            if not n:
                continue
            yield _difference(
                "C12", f"compute-optimal {which} at {n // 4}, {kind} bins, minus {baseline} at {n}", line[n // 4],
                parallel[n], margin=-MATCH_MARGIN,
            )  # fmt: skip

    return tests


def _larger(measured: Measured) -> Iterator[Test]:
    bins = measured.bins()
    for match in matches(measured):
        beyond = f", measured to {match.reading.high} only" if match.reading.is_beyond else ""
        name = f"{match.which} minus larger model at R = {match.r:g} (budget {match.reading.budget:.0f}{beyond})"
        for claim, numbers, wanted in _LARGER_BINS[match.r]:
            if match.reading.is_beyond and wanted == "below":
                continue  # with less compute than it may spend, the small model would lose too easily
            label = f"bins {numbers[0]}-{numbers[-1]}"
            yield _difference(claim, f"{name}, {label}", *paired(match, bins, numbers), wanted)


_LARGER_BINS: Mapping[float, tuple[tuple[str, tuple[int, ...], str], ...]] = {
    0.16: (("C13", (2, 3), "above"),),
    0.79: (("C14", (4, 5), "below"),),
    22.0: (("C14", (3, 4, 5), "below"),),
}
"""Which bins decide about the larger model at each R, as in figure 1 right."""


_TESTS: tuple[tuple[tuple[Role, ...], Callable[[Measured], Iterator[Test]]], ...] = (
    ((Role.best_of_n,), _votes),
    ((Role.best_of_n, Role.beam), _searches),
    ((Role.beam,), _lookahead),
    ((Role.best_of_n,), _aggregations),
    ((Role.best_of_n, Role.orm), _verifiers),
    ((Role.revisions,), _revisions),
    ((Role.revisions,), _ratios),
    ((Role.best_of_n, Role.beam), _optimal("search", "best-of-N weighted")),
    ((Role.revisions,), _optimal("revisions", "parallel best-of-N weighted")),
    ((Role.best_of_n, Role.beam, Role.larger), _larger),
)
