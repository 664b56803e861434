"""The presets read the layouts that are in use: the hub's, and those of the files that people keep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from ttc.app.registry import config_directory, instantiate, register_run
from ttc.config import RunConfig
from ttc.grading import MathGrader
from ttc.grading.choice import ChoiceGrader
from ttc.grading.exact import ExactGrader
from ttc.types import Problem

GPQA = {f"Incorrect Answer {number}": f"wrong {number}" for number in (1, 2, 3)} | {"Correct Answer": "right"}
ROWS: list[tuple[str, dict[str, Any], Problem]] = [
    (
        "math",
        {"problem": "?", "solution": "s", "answer": "7", "subject": "Algebra", "level": 2, "unique_id": "t/1.json"},
        Problem("t/1.json", "?", "7", 2, "Algebra"),
    ),
    ("aime24", {"id": 60, "problem": "?", "solution": r"\boxed{025}", "url": "u"}, Problem("60", "?", "025")),
    (
        "aime24",
        {"id": 60, "problem": "?", "solution": r"It is \boxed{25}.", "answer": "025", "question": "?"},
        Problem("60", "?", "025"),
    ),
    ("aime25", {"id": "0", "problem": "?", "answer": "70"}, Problem("0", "?", "70")),
    ("amc23", {"id": 0, "question": "?", "answer": 27.0, "url": "u"}, Problem("0", "?", "27.0")),
    ("amc23", {"id": 0, "problem": "?", "answer": "27"}, Problem("0", "?", "27")),
    (
        "olympiadbench",
        {
            **{"id": 1606, "question": "Find $T$.", "context": "Let $T=1$.", "final_answer": ["$69$,$84$"]},
            **{"subfield": "Algebra", "subject": "Math", "difficulty": "Competition", "unit": None},
        },
        Problem("1606", "Let $T=1$.\n\nFind $T$.", "$69$,$84$", None, "Algebra"),
    ),
    (
        "olympiadbench",
        {"id": "1606", "problem": "?", "answer": "2", "subject": "Algebra", "answer_type": "Numerical", "unit": "km"},
        Problem("1606", "?", "2", None, "Algebra"),
    ),
    ("minerva", {"question": "?", "answer": "1e-3"}, Problem("8a8de823d5ed", "?", "1e-3")),
    ("minerva", {"problem": "?", "solution": r"So \boxed{1e-3}."}, Problem("8a8de823d5ed", "?", "1e-3")),
]


def composed(*overrides: str) -> RunConfig:
    register_run()
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        config = instantiate(compose("run", list(overrides)))
    assert isinstance(config, RunConfig)
    return config


def preset(directory: Path, name: str, row: dict[str, Any], *overrides: str) -> Problem:
    path = directory / "rows.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    data = composed(f"data={name}", f"data.path={path}", *overrides).data
    assert data.name == name
    [problem] = data.load()
    return problem


@pytest.mark.parametrize(("name", "row", "problem"), ROWS)
def test_a_preset_reads_its_rows(tmp_path: Path, name: str, row: dict[str, Any], problem: Problem) -> None:
    assert preset(tmp_path, name, row) == problem


def test_gpqa_rows_become_lettered_questions(tmp_path: Path) -> None:
    row = {**GPQA, "Question": "Which?", "Record ID": "rec1", "High-level domain": "Physics"}
    problem = preset(tmp_path, "gpqa", row)
    assert (problem.id, problem.subject, problem.level) == ("rec1", "Physics", None)
    assert f"({problem.gold}) right" in problem.question


def test_gpqa_is_graded_by_letter_unless_the_user_says_otherwise() -> None:
    assert composed("data=gpqa").grader == ChoiceGrader()
    assert composed("data=gpqa", "grader=exact").grader == ExactGrader()
    assert composed("data=aime24").grader == MathGrader()
    assert composed("data=gpqa", "strategy=majority", "generator=qwen2.5-0.5b").grader == ChoiceGrader()


def test_an_alias_can_be_added_on_the_command_line(tmp_path: Path) -> None:
    row = {"problem": "?", "final": ["1", "2"]}
    overrides = ["+data.aliases.answer=final", "data.several_answers=any"]
    problem = preset(tmp_path, "jsonl", row, *overrides, "data.name=jsonl")
    assert (problem.gold, problem.alternatives) == ("1", ("2",))
