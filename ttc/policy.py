"""A compute-optimal policy: which strategy to run at which budget on problems of which difficulty.

`ttc optimal` writes it, `strategy=compute_optimal` runs it. The file is YAML, short enough to read and to edit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttc.errors import UserError
from ttc.files import open_regular, write_text
from ttc.models import ModelId

VERSION = 1
HINT = "give a policy that `ttc optimal` wrote."


@dataclass(frozen=True)
class Choice:
    """What to run on the problems of one bin at one budget: a strategy by its label, and how to select the answer."""

    strategy: str
    selection: str


@dataclass(frozen=True)
class Policy:
    """Choices per budget and bin of predicted difficulty.

    Attributes:
        generator: whose samples the choices were made from.
        verifier: whose scores; None where no strategy asked one.
        edges: the values between the bins, in falling order: a problem whose mean final verifier value is at least
            `edges[0]` is in bin 1 (easiest), one below the last edge in the last bin.
        strategies: each strategy's config (`_target_` and settings) by its label.
        choices: by budget in generations, one choice per bin, the easiest first.
    """

    generator: ModelId
    verifier: ModelId | None
    edges: tuple[float, ...]
    strategies: Mapping[str, Mapping[str, Any]]
    choices: Mapping[int, tuple[Choice, ...]]

    def bin_of(self, value: float) -> int:
        """Return the bin (1 easiest) of a problem by its mean final verifier value in [0, 1]; NaN is in the last."""
        return 1 + sum(not value >= edge for edge in self.edges)

    def budget_for(self, budget: int) -> int:
        """Return the largest budget of the policy that does not exceed `budget`; its smallest if all do."""
        return max((known for known in self.choices if known <= budget), default=min(self.choices))

    def choice(self, budget: int, number: int) -> Choice:
        """Return the choice for bin `number` (from 1) at the largest budget that does not exceed `budget`."""
        return self.choices[self.budget_for(budget)][number - 1]

    def save(self, path: Path, comment: str = "") -> None:
        """Write the policy as YAML, below `comment` lines."""
        import yaml

        body = yaml.safe_dump(self.to_json(), sort_keys=False, default_flow_style=None, width=120)
        heading = "".join(f"# {line}\n" for line in comment.splitlines())
        write_text(path, heading + body)

    def to_json(self) -> dict[str, Any]:
        """Return the policy as plain values."""
        return {
            "version": VERSION,
            "generator": self.generator.to_json(),
            "prm": self.verifier.to_json() if self.verifier else None,
            "edges": list(self.edges),
            "strategies": {label: dict(config) for label, config in self.strategies.items()},
            "choices": {
                budget: [{"strategy": choice.strategy, "selection": choice.selection} for choice in of_bins]
                for budget, of_bins in sorted(self.choices.items())
            },
        }

    @classmethod
    def load(cls, path: Path) -> Policy:
        """Read a policy.

        Raises:
            UserError: the file cannot be read, or does not say what a policy must.
        """
        import yaml

        try:
            with open_regular(path) as stream:
                given = yaml.safe_load(stream)
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror or error}); {HINT}") from None
        except (ValueError, RecursionError, yaml.YAMLError):
            raise UserError(f"{path} is not YAML; {HINT}") from None
        try:
            return _parsed(given)
        except KeyError as error:
            raise UserError(f"{path} is not a policy (no {error}); {HINT}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path} is not a policy ({error}); {HINT}") from None


def _parsed(given: Any) -> Policy:
    """Return the policy that plain values describe; raises KeyError, TypeError or ValueError where they do not."""
    if not isinstance(given, dict):
        raise TypeError("not a mapping")
    if given["version"] != VERSION:
        raise ValueError(f"version {given['version']!r:.20}, where this ttc reads {VERSION}")
    edges = tuple(_number(edge) for edge in given["edges"])
    if not all(map(math.isfinite, edges)) or list(edges) != sorted(edges, reverse=True):
        raise ValueError(f"edges {list(edges)} do not fall")
    strategies = {_text(label): _config(label, config) for label, config in given["strategies"].items()}
    choices = {_budget(budget): _choices(budget, row, strategies) for budget, row in given["choices"].items()}
    if not choices:
        raise ValueError("no choices")
    for budget, row in choices.items():
        if len(row) != len(edges) + 1:
            raise ValueError(f"{len(row)} choices at budget {budget}, where {len(edges)} edges make {len(edges) + 1}")
    verifier = None if given["prm"] is None else ModelId.from_json(given["prm"])
    return Policy(ModelId.from_json(given["generator"]), verifier, edges, strategies, choices)


def _choices(budget: object, row: Any, strategies: Mapping[str, object]) -> tuple[Choice, ...]:
    found = tuple(Choice(_text(choice["strategy"]), _text(choice["selection"])) for choice in row)
    for choice in found:
        if choice.strategy not in strategies:
            raise ValueError(f"strategy {choice.strategy!r:.60} at budget {budget} is not described")
    return found


def _config(label: object, config: Any) -> dict[str, Any]:
    if not isinstance(config, dict) or not isinstance(config.get("_target_"), str):
        raise TypeError(f"strategy {label!r:.60} has no _target_")
    return config


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is not a text")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{value!r:.60} is not a number")
    return float(value)


def _budget(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise TypeError(f"budget {value!r:.60} is not a whole number of at least 1")
    return value
