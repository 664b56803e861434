"""The steps that a search sampled, pruned ones included: the rows of trees.jsonl."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttc.errors import UserError
from ttc.files import jsonl_row, read_jsonl
from ttc.terminal import printable_line
from ttc.types import FinishReason

VALUE_DIGITS = 4  # significant ones of stored values: enough to compare steps, and half the size
_AGAIN = "run the experiment again."


@dataclass(frozen=True, slots=True)
class SearchTree:
    """Every step that a search sampled for one problem, each distinct continuation of its parent once; by column.

    A batch of look-ahead alone is part of the round before it. A step that was first looked ahead to, and then sampled
    for itself, is one of the search's own: its round and draws are those of the search.
    """

    parents: tuple[int, ...]  # of each node, the number of another node, always smaller than its own; -1: the problem
    texts: tuple[str, ...]  # of the step; empty where there was no room for one
    values: tuple[float | None, ...]  # the verifier's after this step, in [0, 1]; None: it was never asked
    rounds: tuple[int, ...]  # the batch of sample requests, from 1, in which the step was first sampled
    draws: tuple[int, ...]  # how often it was sampled
    finishes: tuple[str, ...]  # step, stop or length
    rollouts: tuple[bool, ...]  # sampled only to look ahead (greedily), and thrown away
    candidates: tuple[int, ...]  # the node at which each candidate ends, in the record's order; -1: it was not searched

    def to_json(self) -> dict[str, Any]:
        """Return the columns as plain JSON values; values have four significant digits, rollouts are 0 or 1."""
        return {
            **{name: list(getattr(self, name)) for name in self.__dataclass_fields__},
            "values": [value if value is None else float(f"{value:.{VALUE_DIGITS}g}") for value in self.values],
            "rollouts": [int(rollout) for rollout in self.rollouts],
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> SearchTree:
        """Read what `to_json` wrote; unknown keys are ignored.

        Raises:
            KeyError, TypeError, ValueError: it is not such a tree.
        """
        columns = {name: _column(row, name) for name in cls.__dataclass_fields__}
        nodes = len(columns["parents"])
        for name, column in columns.items():
            if name != "candidates" and len(column) != nodes:
                raise ValueError(f"{name} has {len(column)} entries, and parents {nodes}")
            for place, entry in enumerate(column):
                if not _RULES[name](entry, nodes if name == "candidates" else place):
                    raise ValueError(f"{name}[{place}]={entry!r:.80} cannot be")
        return cls(**columns | {"rollouts": tuple(map(bool, columns["rollouts"]))})


def tree_row(id_: str, tree: SearchTree) -> str:
    """Return the line of trees.jsonl for a problem."""
    return jsonl_row({"id": id_, **tree.to_json()})


def read_trees(file: Path) -> dict[str, SearchTree]:
    """Read a trees.jsonl; return the tree of each problem by its id.

    Raises:
        UserError: it cannot be read, a row is not one that a run writes, or there are two of a problem.
    """
    found: dict[str, SearchTree] = {}
    for place, row in read_jsonl(file, hint=_AGAIN):
        id_, tree = _parsed(row, place)
        if id_ in found:
            raise UserError(f"{place} is the second tree of problem {printable_line(id_, 80)}; {_AGAIN}")
        found[id_] = tree
    return found


def _parsed(row: Any, place: str) -> tuple[str, SearchTree]:
    try:
        if type(row) is not dict or type(row["id"]) is not str:
            raise TypeError("a row is an object with an id")
        return row["id"], SearchTree.from_json(row)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise UserError(f"{place} is not a search tree ({reason}); {_AGAIN}") from None


def _column(row: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    if type(row[name]) is not list:
        raise TypeError(f"{name}={row[name]!r:.80} is not a list")
    return tuple(row[name])


def _is_whole(entry: object, least: int, below: float = math.inf) -> bool:
    return type(entry) is int and least <= entry < below  # True is no number here


def _is_share(entry: object) -> bool:
    return isinstance(entry, int | float) and type(entry) is not bool and 0 <= entry <= 1


# What may stand in each column, at which place; of a candidate, below which number of nodes.
_RULES: Mapping[str, Callable[[object, int], bool]] = {
    "parents": lambda entry, place: _is_whole(entry, -1, place),
    "texts": lambda entry, _: isinstance(entry, str),
    "values": lambda entry, _: entry is None or _is_share(entry),
    "rounds": lambda entry, _: _is_whole(entry, 1),
    "draws": lambda entry, _: _is_whole(entry, 0),
    "finishes": lambda entry, _: entry in [*FinishReason],
    "rollouts": lambda entry, _: _is_whole(entry, 0, 2),
    "candidates": lambda entry, nodes: _is_whole(entry, -1, nodes),
}
