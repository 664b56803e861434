"""Several verifiers score as one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
from flows import PROBLEM, solved
from scripted import ScriptedEngine

from ttc.engines.base import Draw, EngineReply, Verifier, start_engine
from ttc.engines.ensemble import Combination, Ensemble
from ttc.errors import UserError
from ttc.types import Score, Trace

TRACE = solved(Trace(PROBLEM))


@dataclass
class Constant(Verifier):
    """A verifier that gives every trace the same value."""

    value: float = 0.5

    @property
    def name(self) -> str:
        return "constant"

    def start(self) -> ScriptedEngine:
        return ScriptedEngine(lambda request, draw: self.value, per_poll=1)


@dataclass
class Silent(Constant):
    """A verifier whose engine replies with a trace instead of a value."""

    def start(self) -> ScriptedEngine:
        return ScriptedEngine(lambda request, draw: request.trace)


@dataclass
class Cut(Constant):
    """A verifier that reads only the beginning of every trace."""

    def start(self) -> ScriptedEngine:
        return CutEngine(lambda request, draw: self.value)


class CutEngine(ScriptedEngine):
    def poll(self) -> list[EngineReply]:
        return [replace(found, partial=True) for found in super().poll()]


def scores(ensemble: Ensemble) -> list[EngineReply]:
    engine = start_engine(ensemble)
    engine.submit(7, Score(TRACE), Draw())
    found: list[EngineReply] = []
    while engine.is_busy:
        found += engine.poll()
    return found


@pytest.mark.parametrize(
    ("how", "weights", "value"),
    [("mean", {}, 0.5), ("min", {}, 0.2), ("weighted", {"prm": 3.0, "orm": 1.0}, 0.65)],
)
def test_the_members_values_are_combined(how: str, weights: dict[str, float], value: float) -> None:
    ensemble = Ensemble({"prm": Constant(0.8), "orm": Constant(0.2)}, Combination(how), weights)
    ensemble.check()
    [found] = scores(ensemble)
    assert found.ticket == 7
    assert found.reply == pytest.approx(value)


@pytest.mark.parametrize(("members", "partial"), [((Constant, Constant), False), ((Constant, Cut), True)])
def test_a_value_is_partial_if_any_members_is(members: tuple[type[Constant], ...], partial: bool) -> None:
    [found] = scores(Ensemble({f"m{number}": member() for number, member in enumerate(members)}))
    assert found.partial is partial


def test_every_combination_has_its_own_store_keys() -> None:
    keys = {
        start_engine(Ensemble({"a": Constant(0.8), "b": Constant(0.2)}, how, weights)).key(Score(TRACE), Draw())
        for how, weights in (
            (Combination.mean, {}),
            (Combination.min, {}),
            (Combination.weighted, {"a": 1.0, "b": 2.0}),
            (Combination.weighted, {"a": 2.0, "b": 1.0}),
        )
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"prm": 1.0},
        {"prm": -1.0, "orm": 1.0},
        {"prm": 0.0, "orm": 0.0},
        {"prm": math.nan, "orm": 1.0},
        {"prm": math.inf, "orm": 1.0},
    ],
)
def test_missing_negative_infinite_or_zero_weights_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(UserError, match="must give each of prm, orm a weight"):
        Ensemble({"prm": Constant(0.8), "orm": Constant(0.2)}, Combination.weighted, weights).check()


@pytest.mark.parametrize("how", [Combination.mean, Combination.min])
def test_weights_that_nothing_would_read_are_refused(how: Combination) -> None:
    ensemble = Ensemble({"prm": Constant(0.8), "orm": Constant(0.2)}, how, {"prm": 3.0})
    with pytest.raises(
        UserError, match=rf"^prm\.weights={{'prm': 3\.0}}: prm\.how={how} reads no weights; use prm\.how="
    ):
        ensemble.check()


def test_an_ensemble_without_members_is_refused() -> None:
    with pytest.raises(UserError, match="members is empty"):
        Ensemble().check()


def test_a_member_that_replies_with_something_else_than_a_value_is_an_error() -> None:
    with pytest.raises(TypeError, match="member b must reply with a float, not Trace"):
        scores(Ensemble({"a": Constant(0.8), "b": Silent()}))


def test_an_ensemble_is_named_after_its_members() -> None:
    assert Ensemble({"a": Constant(), "b": Constant()}, Combination.min).name == "min of constant, constant"
