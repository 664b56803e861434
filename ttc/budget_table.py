"""A budget table: how many generations each problem gets.

`ttc allocate` writes it, `ttc run budget_table=FILE` runs it. The file is JSON; one written by hand needs no more than
`{"budgets": {"some-id": 4, "another-id": 16}}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttc.errors import UserError
from ttc.files import read_json, write_text
from ttc.models import ModelId
from ttc.terminal import printable_line

HINT = 'give a table that `ttc allocate` wrote, or a JSON object {"budgets": {id: generations}}.'


@dataclass(frozen=True, eq=False)
class BudgetTable(Mapping[str, int]):
    """The budget of each problem by its id: a mapping, with what it was made from.

    Attributes:
        budgets: generations, at least 1, by problem id.
        generator: whose samples the budgets were predicted from; None: unknown, as in a table written by hand.
        verifier: whose values they were predicted from; None: unknown.
        data: the name of the dataset; for people.
        method: how the budgets were chosen; for people.
        total: generations that were to be spent per problem, on average; the budgets' mean does not exceed it.
        probes: the samples of each problem, counted in its budget, from which its budget was predicted.
    """

    budgets: Mapping[str, int]
    generator: ModelId | None = None
    verifier: ModelId | None = None
    data: str | None = None
    method: str | None = None
    total: float | None = None
    probes: int | None = None

    def __getitem__(self, id_: str) -> int:
        return self.budgets[id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self.budgets)

    def __len__(self) -> int:
        return len(self.budgets)

    def to_json(self) -> dict[str, Any]:
        """Return the table as plain values, the budgets sorted by id."""
        return {
            **{name: getattr(self, name) for name in ("data", "method", "total", "probes")},
            "generator": self.generator.to_json() if self.generator else None,
            "prm": self.verifier.to_json() if self.verifier else None,
            "budgets": dict(sorted(self.budgets.items())),
        }


def save_budget_table(path: Path, table: BudgetTable) -> None:
    """Write a table atomically.

    Raises:
        OSError: `path` cannot be written; see `ttc.files.written_for`.
    """
    write_text(path, json.dumps(table.to_json(), indent=2))


def load_budget_table(path: Path) -> BudgetTable:
    """Read a table.

    Raises:
        UserError: the file cannot be read, or holds no budgets of at least 1.
    """
    given = read_json(path, hint=HINT)
    try:
        return _parsed(given)
    except KeyError as error:
        raise UserError(f"{path} is not a budget table (no {error}); {HINT}") from None
    except (TypeError, ValueError) as error:
        raise UserError(f"{path} is not a budget table ({error}); {HINT}") from None


def _parsed(given: object) -> BudgetTable:
    """Return the table that plain values describe; raises KeyError, TypeError or ValueError where they do not."""
    if not isinstance(given, dict):
        raise TypeError("not a JSON object")
    budgets = given["budgets"]
    if not isinstance(budgets, dict) or not budgets:
        raise TypeError("its budgets are not an object with at least one problem")
    for id_, budget in budgets.items():
        if type(budget) is not int or budget < 1:
            raise TypeError(f"budget {_shown(budget)} of problem {_shown(id_)} is not a whole number of at least 1")
    return BudgetTable(
        budgets,
        generator=_model(given.get("generator")),
        verifier=_model(given.get("prm")),
        data=_checked(given, "data", str),
        method=_checked(given, "method", str),
        total=_checked(given, "total", int, float),
        probes=_checked(given, "probes", int),
    )


def _model(fields: object) -> ModelId | None:
    if fields is None:
        return None
    if not isinstance(fields, dict):
        raise TypeError(f"the model {_shown(fields)} is not an object")
    return ModelId.from_json(fields)


def _checked(given: Mapping[str, Any], name: str, *kinds: type) -> Any:
    value = given.get(name)
    if value is not None and type(value) not in kinds:
        raise TypeError(f"{name}={_shown(value)} has the wrong type")
    return value


def _shown(value: object) -> str:
    return printable_line(repr(value), 80)
