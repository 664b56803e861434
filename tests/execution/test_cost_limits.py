"""FLOPs and tokens as the budget: the settings are checked, and identify a run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from wordy import config, problems

from ttc.data.datasets import PocketDataset
from ttc.errors import UserError
from ttc.execution.identity import identity_of
from ttc.execution.pool import open_executor, shutdown_workers
from ttc.strategies.beam import Beam
from ttc.strategies.parallel import BestOfN


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"flops": 0.0}, "flops=0.0: must be a number above 0"),
        ({"flops": -1e9}, "flops=-1000000000.0: must be a number above 0"),
        ({"flops": math.nan}, "flops=nan: must be a number above 0"),
        ({"flops": math.inf}, "flops=inf: must be a number above 0"),
        ({"tokens": 0}, "tokens=0: must be at least 1 token"),
        ({"budget": 64, "flops": 3e9}, "budget=64 and flops=3000000000.0: a run has one budget"),
        ({"tokens": 5, "budget_table": "x.json"}, "tokens=5 and budget_table=x.json: a run has one budget"),
    ],
)
def test_an_impossible_limit_or_two_budgets_are_refused_at_once(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        config(BestOfN(), **settings)


def test_a_table_gives_each_problem_its_budget(tmp_path: Path) -> None:
    asked = problems(4)
    file = tmp_path / "budgets.json"
    file.write_text(json.dumps({"budgets": {problem.id: n + 1 for n, problem in enumerate(asked)}}))
    settings = config(BestOfN(), budget_table=str(file), workers=2)
    settings.check_problems(asked)
    try:
        for run in (settings, config(BestOfN(), budget_table=str(file))):
            with open_executor(run, len(asked)) as executor:
                found = {outcome.problem.id: len(outcome.candidates) for outcome in executor.solve(asked)}
            assert found == {"p0": 1, "p1": 2, "p2": 3, "p3": 4}
    finally:
        shutdown_workers()
    assert identity_of(settings) != identity_of(config(BestOfN()))


def test_a_table_that_does_not_fit_the_run_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "budgets.json"
    other = {"name": "other", "fingerprint": "f", "parameters": None}
    file.write_text(json.dumps({"budgets": {"p0": 6}, "generator": other}))
    with pytest.raises(UserError, match=r"budget_table=.*: 1 of 2 problems are not in the table, e\.g\. 'p1'"):
        config(BestOfN(), budget_table=str(file)).check_problems(problems(2))
    with pytest.raises(UserError, match=r"budget_table=.*: budget=6 is not a multiple of width=4; use 4 or 8"):
        config(Beam(), budget_table=str(file)).check()
    with pytest.raises(UserError, match=r"generator=wordy: budget_table=.* was made with other; use that"):
        config(BestOfN(), budget_table=str(file)).check()


def test_settings_that_cannot_work_are_refused_before_any_pilot() -> None:
    with pytest.raises(UserError, match=r"strategy\.rounds=0 must be at least 1"):
        config(Beam(rounds=0), flops=3e9, data=PocketDataset(limit=5)).check()


def test_a_run_is_identified_by_its_limit_and_one_with_a_budget_as_before() -> None:
    identities = [
        identity_of(config(BestOfN(), **settings))
        for settings in ({}, {"flops": 3e9}, {"flops": 1e9}, {"flops": 3e9, "flops_convention": "paper"}, {"tokens": 7})
    ]
    assert len(set(identities)) == 5
    assert identity_of(config(BestOfN(), budget=64)) == identities[0]
