"""How shares and their intervals are printed."""

from __future__ import annotations

import pytest

from ttc.analysis.intervals import unanimous_interval
from ttc.terminal import percent_with_error


def test_an_interval_is_printed_as_half_its_width() -> None:
    assert percent_with_error(0.571, 0.532, 0.61) == "57.1 ±3.9"


def test_an_interval_that_ends_at_its_mean_is_printed_one_sided() -> None:
    assert percent_with_error(1.0, 0.963, 1.0) == "100.0 -3.7"
    assert percent_with_error(0.0, 0.0, 0.037) == "0.0 +3.7"


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n", [1, 5, 100, 500])
def test_unanimous_problems_are_never_printed_with_an_error_of_zero(value: float, n: int) -> None:
    cell = unanimous_interval(value, n)
    text = percent_with_error(cell.mean, cell.lo, cell.hi)
    assert not text.endswith(("±0.0", "+0.0", "-0.0"))
