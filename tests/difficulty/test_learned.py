"""Learned difficulty: which problems are read, what is learned from, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_records import record, write_run

from ttc.cost import Flops
from ttc.difficulty.learned import LearnedDifficulty
from ttc.difficulty.table import DifficultyKind, DifficultyTable
from ttc.errors import UserError
from ttc.models import Embeddings
from ttc.runs.records import CandidateRecord, ProblemRecord
from ttc.types import Problem


def problem(number: int) -> Problem:
    return Problem(f"p{number:02}", str(number), "1")


def solved(number: int, share: float) -> ProblemRecord:
    """Return a problem of which ten candidates were drawn."""
    candidates = tuple(CandidateRecord("", "1", n < round(10 * share)) for n in range(10))
    return replace(record(f"p{number:02}", {"weighted": True}), candidates=candidates, question=str(number))


def learned_run(directory: Path, numbers: Sequence[int]) -> str:
    """Write a run in which problem n is solved in a share of n / 50."""
    write_run(directory, [solved(number, number / 50) for number in numbers])
    return str(directory)


class Reader:
    """Shows of a problem only its number; every prompt costs 3 tokens and 30 FLOPs."""

    def __init__(self) -> None:
        self.read: list[list[str]] = []

    def __call__(self, problems: Sequence[Problem]) -> Embeddings:
        self.read.append([problem.id for problem in problems])
        vectors = np.array([[float(problem.question), 1.0] for problem in problems])
        return Embeddings(vectors, 3 * len(problems), 30 * len(problems))


def test_difficulty_is_learned_from_other_problems_by_their_questions(tmp_path: Path) -> None:
    difficulty = LearnedDifficulty(learned_run(tmp_path, range(0, 50, 2)))
    difficulty.check()
    reader, odd = Reader(), [problem(number) for number in range(1, 50, 2)]
    difficulty.prepare(odd, reader)
    bins = difficulty.bins([asked.id for asked in odd])
    assert bins.note == "learned difficulty cost 0 generations and 30 FLOPs (full) per problem"
    assert [bins.quintile[asked.id] for asked in odd] == sorted(bins.quintile.values(), reverse=True)
    assert set(bins.quintile.values()) == {1, 2, 3, 4, 5}
    assert len(reader.read) == 1 and len(reader.read[0]) == 50  # one pass over all of them


def test_the_cost_is_one_prefill_per_problem_which_the_papers_convention_does_not_count(tmp_path: Path) -> None:
    difficulty = LearnedDifficulty(learned_run(tmp_path, range(25)))
    difficulty.prepare([problem(number) for number in range(25, 30)], Reader())
    origin = difficulty.bins([f"p{number}" for number in range(25, 30)]).origin
    assert origin["kind"] == "learned" and origin["generations"] == 0
    assert origin["flops"] == {"paper": 0, "full": 30}


def test_a_problems_own_samples_do_not_inform_its_difficulty(tmp_path: Path) -> None:
    asked = [problem(number) for number in range(30)]
    found = []
    for name, share in (("low", 0.0), ("high", 1.0)):
        rows = [solved(number, share if number == 12 else number / 50) for number in range(30)]
        write_run(tmp_path / name, rows)
        difficulty = LearnedDifficulty(str(tmp_path / name))
        difficulty.prepare(asked, Reader())
        assert difficulty._made is not None
        found.append(difficulty._made.values)
    low, high = found
    assert low["p12"] == high["p12"] and any(low[id_] != high[id_] for id_ in low)


def test_absolute_thresholds_replace_quintiles(tmp_path: Path) -> None:
    difficulty = LearnedDifficulty(learned_run(tmp_path, range(50)), thresholds=[0.95, 0.9, 0.85, 0.8])
    difficulty.prepare([problem(number) for number in range(10)], Reader())
    assert set(difficulty.bins([f"p{number:02}" for number in range(10)]).quintile.values()) == {5}


def test_a_table_needs_no_generator(tmp_path: Path) -> None:
    values = {f"p{number:02}": number / 50 for number in range(10)}
    DifficultyTable(DifficultyKind.learned, values, flops=Flops(0, 30)).save(tmp_path / "t.json")
    difficulty = LearnedDifficulty(str(tmp_path / "t.json"))
    difficulty.check()
    reader = Reader()
    difficulty.prepare([problem(number) for number in range(10)], reader)
    assert reader.read == []
    bins = difficulty.bins([*values])
    assert bins.quintile["p09"] == 1 and bins.origin["flops"] == {"paper": 0, "full": 30}


def refusal(difficulty: LearnedDifficulty) -> str:
    with pytest.raises(UserError) as error:
        difficulty.check()
        difficulty.prepare([problem(1)], Reader())
    assert "\n" not in str(error.value)
    return str(error.value)


def test_bad_settings_are_one_line_each(tmp_path: Path) -> None:
    few = learned_run(tmp_path / "few", range(6))
    write_run(tmp_path / "old", [replace(solved(number, 0.5), question=None) for number in range(30)])
    write_run(tmp_path / "beam", selections={"weighted": {}})
    (tmp_path / "oracle.json").write_text('{"p1": 0.5}')
    assert "difficulty=learned needs difficulty.path" in refusal(LearnedDifficulty())
    assert "has 6 problems to learn from; at least 20 are needed" in refusal(LearnedDifficulty(few))
    assert "does not say what was asked" in refusal(LearnedDifficulty(str(tmp_path / "old")))
    assert "not a run of independent samples" in refusal(LearnedDifficulty(str(tmp_path / "beam")))
    assert "folds=1: must be at least 2" in refusal(LearnedDifficulty(few, folds=1))
    assert "samples=11" in refusal(LearnedDifficulty(few, samples=11))
    assert "falling numbers" in refusal(LearnedDifficulty(few, thresholds=[0.5]))
    assert "a table of oracle difficulty" in refusal(LearnedDifficulty(str(tmp_path / "oracle.json")))
    assert "cannot be read" in refusal(LearnedDifficulty(str(tmp_path / "absent.json")))
