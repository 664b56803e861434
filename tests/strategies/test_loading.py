"""A strategy's config becomes the strategy again."""

from __future__ import annotations

from typing import Any

import pytest

from ttc.errors import UserError
from ttc.strategies.base import Strategy, config_of
from ttc.strategies.beam import Beam
from ttc.strategies.loading import load_strategy
from ttc.strategies.lookahead import Lookahead
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.revisions import Revisions
from ttc.strategies.threshold import Threshold


@pytest.mark.parametrize(
    "strategy",
    [
        *(Beam(width=None, rounds=3), Lookahead(k=2), BestOfN(step_values=True), Majority(), Revisions("1:4")),
        Threshold(probes=2, parallel=BestOfN()),
    ],
)
def test_a_strategy_survives_its_config(strategy: Strategy) -> None:
    assert load_strategy(config_of(strategy), "here") == strategy


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"_target_": "os.path.join"}, "here: _target_=os.path.join: must be a subclass of ttc.strategies.base."),
        ({"_target_": "ttc.strategies.beam.Bean"}, "has no class Bean; check the name."),
        ({"_target_": "nowhere.Beam"}, "No module named 'nowhere'; install the package"),
        ({"_target_": "Beam"}, "here: _target_=Beam: must be a dotted path to a class"),
        (config_of(Beam()) | {"breadth": 2}, "here: Beam has no setting breadth; use width, rounds."),
        (config_of(Majority()) | {3: 2}, "here: Majority has no setting 3; leave it out."),
        (config_of(Beam()) | {"width": "four"}, "here: Beam: Value 'four' of type 'str' could not be converted to"),
        (config_of(Beam()) | {"rounds": None}, "here: Beam: "),
    ],
)
def test_what_is_no_config_of_a_strategy_is_refused_on_one_line(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        load_strategy(config, "here")
    assert message in str(error.value) and "\n" not in str(error.value)
