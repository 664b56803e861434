"""A run reads, grades and counts answers as its grader does, and a finished run is graded again by the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from wordy import Wordy

from ttc.analysis.grade import grade_path
from ttc.config import RunConfig
from ttc.cost import Tokens
from ttc.data.base import Dataset
from ttc.data.datasets import PocketDataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.errors import UserError
from ttc.execution.experiment import execute
from ttc.execution.identity import identity_of
from ttc.execution.progress import RunProgress
from ttc.execution.runner import Outcome
from ttc.execution.summary import stored_settings
from ttc.grading import AnswerGrader, MathGrader
from ttc.grading.choice import ChoiceGrader
from ttc.grading.exact import ExactGrader
from ttc.grading.tolerance import NumericGrader
from ttc.grading.unit_tests import UnitTestGrader
from ttc.selection import Aggregation, SelectionRule
from ttc.strategies.adaptive import AdaptiveConsistency
from ttc.strategies.base import Strategy
from ttc.strategies.parallel import Majority
from ttc.types import Candidate, Problem, Trace


@dataclass
class Few(Dataset):
    """Problems that `Wordy` answers with 2."""

    golds: tuple[str, ...] = ("2", "2.001", "3")
    alternatives: tuple[str, ...] = ()

    def read(self) -> list[Problem]:
        return [
            Problem(f"p{number}", f"{number}?", gold, alternatives=self.alternatives)
            for number, gold in enumerate(self.golds)
        ]


def config(grader: AnswerGrader, data: Dataset, strategy: Strategy | None = None) -> RunConfig:
    return RunConfig(
        strategy=strategy or Majority(),
        generator=Wordy(),
        data=data,
        difficulty=OracleDifficulty(),
        selection=SelectionRule.majority,
        budget=4,
        grader=grader,
    )


def correct(directory: Path, grader: AnswerGrader, data: Dataset) -> list[bool]:
    execute(config(grader, data), directory)
    return [row["correct"] for row in rows(directory)]


def rows(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "problems.jsonl").read_text().splitlines()]


def test_each_grader_has_its_own_verdicts(tmp_path: Path) -> None:
    assert correct(tmp_path / "math", MathGrader(), Few()) == [True, False, False]
    assert correct(tmp_path / "numeric", NumericGrader(relative=0.01), Few()) == [True, True, False]
    assert correct(tmp_path / "exact", ExactGrader(), Few(golds=("2", "2.0"))) == [True, False]


def test_any_alternative_suffices_and_is_recorded(tmp_path: Path) -> None:
    assert correct(tmp_path, MathGrader(), Few(alternatives=("5", "2"))) == [True, True, True]
    assert [(row["gold"], row["alternatives"]) for row in rows(tmp_path)][2] == ("3", ["5", "2"])
    assert grade_path(tmp_path).correct == 3


def test_rows_without_alternatives_do_not_mention_them(tmp_path: Path) -> None:
    correct(tmp_path, MathGrader(), Few())
    assert not [row for row in rows(tmp_path) if "alternatives" in row]


def test_a_finished_run_is_graded_again_by_its_own_grader(tmp_path: Path) -> None:
    correct(tmp_path, NumericGrader(relative=0.01), Few())
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["grader_config"] == {
        "_target_": "ttc.grading.tolerance.NumericGrader",
        "relative": 0.01,
        "absolute": 0.0,
    }
    before = rows(tmp_path)
    assert grade_path(tmp_path).correct == 2
    assert rows(tmp_path) == before
    with pytest.raises(UserError, match=r"--grader math: .* is a run, which is graded by its own grader"):
        grade_path(tmp_path, grader="math")


def test_a_run_of_the_default_grader_says_nothing_of_it(tmp_path: Path) -> None:
    correct(tmp_path, MathGrader(), Few())
    assert "grader_config" not in json.loads((tmp_path / "summary.json").read_text())


@pytest.mark.parametrize("found", ["math", ["x"], {"_target_": "os.system"}, {}])
def test_a_summary_with_a_grader_that_no_run_writes_is_refused(tmp_path: Path, found: object) -> None:
    correct(tmp_path, MathGrader(), Few())
    file = tmp_path / "summary.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"grader_config": found}))
    with pytest.raises(UserError, match=r"summary\.json: grader_config"):
        grade_path(tmp_path)


def test_alternatives_that_no_run_writes_are_refused(tmp_path: Path) -> None:
    correct(tmp_path, MathGrader(), Few())
    file = tmp_path / "problems.jsonl"
    file.write_text("".join(json.dumps(row | {"alternatives": [3]}) + "\n" for row in rows(tmp_path)))
    with pytest.raises(UserError, match=r"problems\.jsonl:1: an alternative=3 is not text"):
        grade_path(tmp_path)


def test_golds_that_the_grader_cannot_use_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="ChoiceGrader: the gold answer of problem 'p0' is '2', which is not the letter"
    ):
        execute(config(ChoiceGrader(), Few()), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_impossible_setting_of_the_grader_is_refused_by_the_check() -> None:
    with pytest.raises(UserError, match=r"grader\.relative=-1"):
        config(NumericGrader(relative=-1), Few()).check()


def test_a_strategy_that_counts_votes_needs_the_math_grader() -> None:
    config(MathGrader(), Few(), AdaptiveConsistency()).check()
    with pytest.raises(UserError, match="grader=ExactGrader: AdaptiveConsistency counts votes while it samples"):
        config(ExactGrader(), Few(), AdaptiveConsistency()).check()


def test_only_another_grader_is_part_of_a_runs_identity() -> None:
    identities = {
        identity_of(config(grader, PocketDataset())).digest
        for grader in (MathGrader(), ExactGrader(), NumericGrader(), NumericGrader(relative=0.5))
    }
    assert len(identities) == 4
    assert "grader" not in stored_settings(config(MathGrader(), PocketDataset()), 4)
    assert "grader" in stored_settings(config(ExactGrader(), PocketDataset()), 4)


def test_the_running_accuracy_is_the_graders_or_is_not_shown() -> None:
    def status(grader: AnswerGrader, gold: str = "3") -> str:
        problem = Problem("p", "?", gold, alternatives=("2.001",))
        progress = RunProgress(1, SelectionRule.majority, Aggregation.last, grader)
        progress.add_outcome(Outcome(problem, [Candidate(Trace(problem), answer="2")], Tokens(decoded=9)))
        return progress._status(0)

    assert "accuracy so far 100.0%" in status(NumericGrader(relative=0.01))
    assert "accuracy so far 0.0%" in status(ExactGrader())
    assert "accuracy" not in status(UnitTestGrader(), gold="assert True")
