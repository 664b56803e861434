"""Several verifiers judge as one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flows import PROBLEM, solved
from scripted import ScriptedEngine

from ttc.engines.base import Draw, EngineReply, start_engine
from ttc.engines.ensemble import Combination, Ensemble
from ttc.errors import UserError
from ttc.types import Score, Trace

TRACE = solved(Trace(PROBLEM))


@dataclass
class Says:
    """A verifier with one opinion."""

    value: float
    model: str = "scripted"

    def check(self) -> None:
        pass

    def start(self) -> ScriptedEngine:
        return ScriptedEngine(lambda request, draw: self.value, per_poll=1)


def judged(ensemble: Ensemble) -> list[EngineReply]:
    engine = start_engine(ensemble)
    engine.submit(7, Score(TRACE), Draw())
    finished: list[EngineReply] = []
    while engine.is_busy:
        finished += engine.poll()
    return finished


@pytest.mark.parametrize(
    ("how", "weights", "value"),
    [("mean", {}, 0.5), ("min", {}, 0.2), ("weighted", {"prm": 3.0, "orm": 1.0}, 0.65)],
)
def test_the_members_values_become_one(how: str, weights: dict[str, float], value: float) -> None:
    ensemble = Ensemble({"prm": Says(0.8), "orm": Says(0.2)}, Combination(how), weights)
    ensemble.check()
    [finished] = judged(ensemble)
    assert finished.ticket == 7
    assert finished.reply == pytest.approx(value)


def test_another_combination_is_another_reply() -> None:
    keys = {
        start_engine(Ensemble({"a": Says(0.8), "b": Says(0.2)}, how, weights)).key(Score(TRACE), Draw())
        for how, weights in (
            (Combination.mean, {}),
            (Combination.min, {}),
            (Combination.weighted, {"a": 1.0, "b": 2.0}),
            (Combination.weighted, {"a": 2.0, "b": 1.0}),
        )
    }
    assert len(keys) == 4


@pytest.mark.parametrize("weights", [{}, {"prm": 1.0}, {"prm": -1.0, "orm": 1.0}, {"prm": 0.0, "orm": 0.0}])
def test_weights_that_cannot_weigh_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(UserError, match="gives no weights to all of prm, orm"):
        Ensemble({"prm": Says(0.8), "orm": Says(0.2)}, Combination.weighted, weights).check()


def test_an_ensemble_of_nobody_is_refused() -> None:
    with pytest.raises(UserError, match="members is empty"):
        Ensemble().check()
