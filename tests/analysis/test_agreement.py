"""How well a difficulty agrees with the oracle's."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ttc.analysis.agreement import Compared, agreement, calibration, confusion
from ttc.analysis.agreement_report import agreement_report
from ttc.analysis.formats import TableFormat, print_tables
from ttc.cost import Flops
from ttc.difficulty.table import DifficultyKind, DifficultyTable
from ttc.errors import UserError

RISING = {f"p{n}": n / 10 for n in range(10)}


def compared(values: dict[str, float], oracle: dict[str, float] | None = None) -> Compared:
    known = oracle or RISING
    return Compared(
        "predicted",
        DifficultyTable(DifficultyKind.predicted, values, 4, 4.0, Flops(100, 200)),
        DifficultyTable(DifficultyKind.oracle, known, 256, 256.0, Flops(6400, 12800)),
    )


def test_a_difficulty_that_is_the_oracles_agrees_with_it_in_everything() -> None:
    found = agreement(compared(RISING), thresholds=[0.8, 0.6, 0.4, 0.2])
    assert found.correlation is not None and found.correlation.mean == pytest.approx(1)
    assert [[row[n] for n in range(5)] for row in found.confusion] == [
        [2 if row == column else 0 for column in range(5)] for row in range(5)
    ]
    assert (found.same.mean, found.within_one.mean) == (1, 1)
    assert found.calibration_error == pytest.approx(0) and found.bias == pytest.approx(0)
    assert found.absolute is not None and sum(map(sum, found.absolute)) == 10


def test_a_difficulty_upside_down_agrees_in_nothing_but_the_middle() -> None:
    found = agreement(compared({id_: 0.9 - value for id_, value in RISING.items()}))
    assert found.correlation is not None and found.correlation.mean == pytest.approx(-1)
    assert [row.index(2) for row in found.confusion] == [4, 3, 2, 1, 0]
    assert (found.same.mean, found.within_one.mean) == (0.2, 0.2)
    assert found.absolute is None


def test_values_that_are_too_high_are_ranked_well_and_calibrated_badly() -> None:
    oracle = {id_: value / 2 for id_, value in RISING.items()}
    found = agreement(compared(RISING, oracle))
    assert found.correlation is not None and found.correlation.mean == pytest.approx(1)
    assert found.bias == pytest.approx(sum(oracle.values()) / 10)
    assert found.calibration_error == pytest.approx(found.bias)


def test_errors_of_both_signs_cancel_in_the_bias_but_not_in_the_calibration_error() -> None:
    values = {"a": 0.15, "b": 0.85, "c": 0.85, "d": 0.15, "e": 0.5}
    oracle = {"a": 0.25, "b": 0.75, "c": 0.75, "d": 0.25, "e": 0.5}
    found = agreement(compared(values, oracle))
    assert found.bias == pytest.approx(0)
    assert found.calibration_error == pytest.approx(4 / 5 * 0.1)


def test_calibration_bins_hold_every_problem_once_and_the_last_includes_1() -> None:
    values = {"a": 0.0, "b": 0.1, "c": 0.19, "d": 1.0}
    rows = calibration(values, dict.fromkeys(values, 0.5))
    assert [(row.start, row.stop, row.pass1.n) for row in rows] == [(0, 0.1, 1), (0.1, 0.2, 2), (0.9, 1.0, 1)]
    assert rows[1].value == pytest.approx(0.145) and rows[1].gap == pytest.approx(-0.355)


def test_confusion_has_a_row_per_bin_of_the_oracle() -> None:
    counts = confusion(["a", "b"], truth={"a": 1, "b": 5}, bins={"a": 3, "b": 5})
    assert counts[0] == [0, 0, 1, 0, 0] and counts[4] == [0, 0, 0, 0, 1] and sum(map(sum, counts)) == 2


def test_only_problems_that_both_have_are_compared() -> None:
    found = agreement(compared({**{f"p{n}": n / 10 for n in range(6)}, "other": 1.0}))
    assert found.problems == 6


def test_fewer_problems_than_bins_are_refused() -> None:
    with pytest.raises(UserError, match="predicted: 1 problems to compare; at least 5 are needed"):
        agreement(compared({"p1": 0.5}))


def test_values_that_are_all_equal_have_no_rank_correlation_and_are_still_printed() -> None:
    one = compared(dict.fromkeys(RISING, 0.5))
    assert agreement(one).correlation is None
    for table_format in TableFormat:
        console = Console(file=io.StringIO(), width=200)
        print_tables(agreement_report([one], [0.8, 0.6, 0.4, 0.2]), table_format, console)
        assert isinstance(console.file, io.StringIO) and "predicted" in console.file.getvalue()


def test_the_report_says_what_each_difficulty_cost() -> None:
    _, costs, *_ = agreement_report([compared(RISING)])
    assert [row[:4] for row in costs.rows] == [["oracle", 256.0, 6400, 12800], ["predicted", 4.0, 100, 200]]
    assert costs.rows[1][4:] == pytest.approx([0.75, 0.55, 0.35, 0.15])
