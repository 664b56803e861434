from __future__ import annotations

import json
from pathlib import Path

import pytest

from ttc.budget_table import BudgetTable, load_budget_table, save_budget_table
from ttc.errors import UserError
from ttc.models import ModelId

TABLE = BudgetTable(
    {"b": 1, "a": 7, "ü 1": 4},
    generator=ModelId("small", "g1", 1000),
    verifier=ModelId("prm", "v1"),
    data="pocket",
    method="beta",
    total=4,
    probes=1,
)


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    save_budget_table(tmp_path / "table.json", TABLE)
    loaded = load_budget_table(tmp_path / "table.json")
    assert dict(loaded) == {"a": 7, "b": 1, "ü 1": 4}
    assert (loaded.generator, loaded.verifier) == (TABLE.generator, TABLE.verifier)
    assert (loaded.data, loaded.method, loaded.total, loaded.probes) == ("pocket", "beta", 4, 1)


def test_a_table_is_a_mapping() -> None:
    assert (len(TABLE), TABLE["a"], "a" in TABLE, "c" in TABLE, sum(TABLE.values())) == (3, 7, True, False, 12)


def test_a_table_written_by_hand_needs_budgets_only(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    file.write_text('{"budgets": {"a": 4}}')
    loaded = load_budget_table(file)
    assert dict(loaded) == {"a": 4}
    assert loaded.generator is None and loaded.total is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1]", "not a JSON object"),
        ("{}", "no 'budgets'"),
        ('{"budgets": {}}', "at least one problem"),
        ('{"budgets": [3]}', "at least one problem"),
        ('{"budgets": {"a": 0}}', "budget 0 of problem 'a' is not a whole number of at least 1"),
        ('{"budgets": {"a": true}}', "budget True of problem 'a'"),
        ('{"budgets": {"a": 2.5}}', "budget 2.5 of problem 'a'"),
        ('{"budgets": {"a": 2}, "generator": 3}', "the model 3 is not an object"),
        ('{"budgets": {"a": 2}, "prm": {"name": "x"}}', "no 'fingerprint'"),
        ('{"budgets": {"a": 2}, "probes": "two"}', "probes='two' has the wrong type"),
        ("{", "is not JSON"),
    ],
)
def test_what_is_no_table_is_one_line(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    file.write_text(content)
    with pytest.raises(UserError) as caught:
        load_budget_table(file)
    assert said in str(caught.value)
    assert "ttc allocate" in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_absent_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_budget_table(tmp_path / "none.json")


def test_a_control_character_in_an_id_does_not_reach_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    file.write_text(json.dumps({"budgets": {"\x1b[31m": 0}}))
    with pytest.raises(UserError) as caught:
        load_budget_table(file)
    assert "\x1b" not in str(caught.value)
