"""Tables of difficulties."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.cost import Flops
from ttc.difficulty.table import BINS, DifficultyKind, DifficultyTable, as_thresholds
from ttc.errors import UserError
from ttc.models import ModelId

TABLE = DifficultyTable(
    DifficultyKind.predicted,
    {"a": 0.25, "b": 1.0},
    samples=4,
    generations=4.0,
    flops=Flops(None, 12),
    generator=ModelId("pocket", "g1", 10),
)


def test_a_table_reads_back_as_it_was_saved(tmp_path: Path) -> None:
    TABLE.save(tmp_path / "t.json")
    assert DifficultyTable.load(tmp_path / "t.json") == TABLE


def test_a_plain_mapping_is_an_oracles(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('{"a": 0.5, "b": 1}')
    assert DifficultyTable.load(tmp_path / "t.json") == DifficultyTable(DifficultyKind.oracle, {"a": 0.5, "b": 1.0})


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("kind", "guessed"),
        ("generations", None),
        ("flops", {}),
        ("flops", None),
        ("generator", {"name": "x"}),
        ("prm", "pocket"),
        ("values", {"a": 2}),
        ("values", {}),
        ("samples", "four"),
    ],
)
def test_a_damaged_table_is_one_line(tmp_path: Path, entry: str, value: object) -> None:
    TABLE.save(tmp_path / "t.json")
    content = json.loads((tmp_path / "t.json").read_text())
    (tmp_path / "t.json").write_text(json.dumps({**content, entry: value}))
    with pytest.raises(UserError) as error:
        DifficultyTable.load(tmp_path / "t.json")
    assert "\n" not in str(error.value) and "t.json" in str(error.value)


@given(st.lists(st.integers(0, 10**6), min_size=BINS, max_size=60, unique=True))
def test_bins_at_the_edges_between_quintiles_are_the_quintiles(numbers: list[int]) -> None:
    table = DifficultyTable(DifficultyKind.oracle, {f"p{n}": n / 10**6 for n in numbers})
    assert table.bins(table.edges()) == table.quintiles()


def test_absolute_bins_include_their_lower_threshold() -> None:
    table = DifficultyTable(DifficultyKind.oracle, {"a": 0.8, "b": 0.79, "c": 0.2, "d": 0.1})
    assert table.bins([0.8, 0.6, 0.4, 0.2]) == {"a": 1, "b": 2, "c": 4, "d": 5}


def test_thresholds_are_read_with_brackets_or_without() -> None:
    assert as_thresholds("0.8,0.6,0.4,0.2") == as_thresholds("[0.8, 0.6, 0.4, 0.2]") == (0.8, 0.6, 0.4, 0.2)


@pytest.mark.parametrize("text", ["0.8,0.6,0.4", "0.2,0.4,0.6,0.8", "1,0.6,0.4,0.2", "0.8,0.6,0.4,0", "a,b,c,d", "nan"])
def test_other_thresholds_are_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"--thresholds .*: must be 4 falling numbers between 0 and 1; use e\.g\."):
        as_thresholds(text)
