"""The data of a figure: one row per plotted point, as it is written to CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ttc.analysis.curves import Curve
from ttc.figures.measured import ByProblem, summarized

COLUMNS = ["panel", "series", "x", "y", "lo", "hi", "n"]


@dataclass
class Points:
    """Collects the points of a figure: accuracies in percent with their 95% intervals over n problems."""

    rows: list[tuple[str, str, float, float, float, float, int]] = field(default_factory=list)

    def add(
        self,
        panel: str,
        series: str,
        outcomes: Mapping[float, ByProblem] | Mapping[int, ByProblem],
        within: set[str] | None = None,
    ) -> None:
        """Add a series: outcomes by problem at each x; `within`: over these problems only."""
        if outcomes:
            cells = summarized([*outcomes.values()], within)
            for x, cell in zip(outcomes, cells, strict=bool(cells)):
                self.put(panel, series, x, 100 * cell.mean, 100 * cell.lo, 100 * cell.hi, cell.n)

    def put(self, panel: str, series: str, x: float, y: float, lo: float, hi: float, n: int) -> None:
        """Add one point."""
        self.rows.append((panel, series, float(x), round(y, 4), round(lo, 4), round(hi, 4), n))

    def table(self) -> pd.DataFrame:
        """Return all points as a frame."""
        return pd.DataFrame(self.rows, columns=COLUMNS)


def by_budget(curve: Curve, budgets: Iterable[int] | None = None) -> dict[int, ByProblem]:
    """Return a curve's outcomes by budget and problem; optionally at some budgets only."""
    wanted: Sequence[int] = [*curve.points] if budgets is None else [n for n in budgets if n in curve.points]
    return {budget: curve.points[budget].outcomes for budget in wanted}
