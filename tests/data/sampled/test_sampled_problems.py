"""Rows become problems with stable ids, one gold answer each, and the same number of completions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ttc.data.sampled.golds import GoldFile, read_golds
from ttc.data.sampled.problems import grouped, same_number
from ttc.data.sampled.rows import Completion, SampledRow
from ttc.errors import UserError


def row(
    *texts: str, id: str | None = None, number: str | None = None, question: str | None = "1+1?", gold: str | None = "2"
) -> SampledRow:
    return SampledRow("rows.jsonl:1", tuple(map(Completion, texts)), question, gold, id, number)


def contents(rows: list[SampledRow]) -> dict[str, list[str]]:
    return {found.problem.id: [c.text for c in found.completions] for found in grouped(rows)}


def hashed(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:12]


def test_rows_of_one_id_are_one_problem_in_the_order_of_the_file() -> None:
    assert contents([row("a", id="p"), row("b", id="q"), row("c", id="p")]) == {"p": ["a", "c"], "q": ["b"]}


def test_rows_without_an_id_are_joined_by_their_question_under_the_id_that_data_sets_give_it() -> None:
    found = contents([row("a"), row("b", question="2+2?"), row("c")])
    assert found == {hashed("1+1?"): ["a", "c"], hashed("2+2?"): ["b"]}


def test_questions_that_share_an_id_get_ids_of_their_own_whatever_their_order() -> None:
    rows = [row("a", id="0"), row("b", id="0", question="2+2?"), row("c", id="1", question="3+3?")]
    expected = {hashed("1+1?"): ["a"], hashed("2+2?"): ["b"], "1": ["c"]}
    assert contents(rows) == contents(rows[::-1]) == expected


def test_two_problems_of_one_question_stay_apart_by_their_numbers() -> None:
    found = contents([row("a", number="0"), row("b", number="1"), row("c", number="0")])
    assert found == {hashed("1+1?"): ["a", "c"], f"{hashed('1+1?')}-2": ["b"]}


def test_ids_of_single_completions_do_not_take_a_problem_apart() -> None:
    rows = [row("a", id="0"), row("b", id="1"), row("c", id="2", question="2+2?"), row("d", id="3", question="2+2?")]
    assert contents(rows) == {hashed("1+1?"): ["a", "b"], hashed("2+2?"): ["c", "d"]}
    assert set(contents(rows[:3])) == {"0", "1", "2"}  # a question with one completion: these are ids of problems


def test_a_problem_without_a_question_is_known_by_its_id_or_number() -> None:
    assert set(contents([row("a", id="p", question=None), row("b", number="7", question=None)])) == {"p", "7"}
    with pytest.raises(UserError, match=r"has neither question nor id; add a field `problem` or `id`"):
        grouped([row("a", question=None)])


def test_two_gold_answers_of_one_problem_are_refused() -> None:
    with pytest.raises(UserError, match=r"the gold answer is '3', but '2' in rows.jsonl:1, which is of the same"):
        grouped([row("a", id="p"), row("b", id="p", gold="3")])


def test_a_row_that_is_given_twice_is_refused() -> None:
    with pytest.raises(UserError, match=r"repeats all completions of"):
        grouped([row("a", "b", id="p"), row("a", "b", id="p")])
    assert contents([row("a", id="p"), row("a", id="p")]) == {"p": ["a", "a"]}  # two samples may be equal


def test_different_numbers_of_completions_need_a_number_to_keep() -> None:
    problems = grouped([row("a", "b", "c", id="p"), row("d", id="q"), row("e", "f", id="r")])
    with pytest.raises(UserError) as raised:
        same_number(problems, None)
    assert str(raised.value) == (
        "problem 'q' has 1 completion and 'p' has 3 completions; all need the same number: --samples 1 keeps the first "
        "1 of each; with more, problems that have fewer are left out."
    )
    kept, dropped = same_number(problems, 2)
    assert [(p.problem.id, [c.text for c in p.completions]) for p in kept] == [("p", ["a", "b"]), ("r", ["e", "f"])]
    assert dropped == 1
    with pytest.raises(UserError, match=r"--samples 4: no problem has so many, 'p' has 3 completions; use at most 3"):
        same_number(problems, 4)
    assert same_number(problems[:1], None) == (problems[:1], 0)


def test_a_gold_answer_that_is_a_worked_solution_is_read() -> None:
    assert [found.gold for found in read_golds([row("a", gold="So\n#### 18"), row("a", gold=" 2 ")])] == ["18", "2"]


def test_a_row_without_a_gold_answer_is_refused_with_the_remedy() -> None:
    with pytest.raises(UserError, match=r"has no gold answer .* --gold-from DATASET_FILE"):
        read_golds([row("a"), row("b", gold=None)])
    with pytest.raises(UserError, match=r"worked solution without a .*--gold-from DATASET_FILE"):
        read_golds([row("a", gold="First we add. Then we divide by the sum. So we are done. " * 5)])


@pytest.fixture
def data(tmp_path: Path) -> GoldFile:
    file = tmp_path / "data.jsonl"
    rows = [
        {"problem": "1 + 1?", "answer": "2", "unique_id": "p", "level": 3, "subject": "Sums"},
        {"problem": "2 + 2?", "answer": "4", "unique_id": "q"},
        {"problem": "Same?", "answer": "5", "unique_id": "r"},
        {"problem": "Same?", "answer": "6", "unique_id": "s"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return GoldFile.read(file)


def test_gold_answers_are_joined_by_question_with_the_id_level_and_subject(data: GoldFile) -> None:
    [found] = data.joined([row("a", question=" 1 +\n1?", gold=None)])
    assert (found.gold, found.id, found.level, found.subject) == ("2", "p", 3, "Sums")


def test_gold_answers_are_joined_by_id_where_the_question_is_unknown_or_ambiguous(data: GoldFile) -> None:
    rows = [row("a", id="q", question=None, gold=None), row("a", id="s", question="Same?", gold=None)]
    assert [(found.gold, found.question) for found in data.joined(rows)] == [("4", "2 + 2?"), ("6", "Same?")]


def test_a_joined_answer_replaces_the_rows_own_and_an_unknown_row_keeps_its_own(data: GoldFile) -> None:
    rows = [row("a", id="q", gold="wrong"), row("b", question="9+9?", gold="18")]
    assert [found.gold for found in data.joined(rows)] == ["4", "18"]


def test_rows_that_the_gold_file_does_not_know_are_counted(data: GoldFile) -> None:
    with pytest.raises(UserError, match=r"has no one answer for 2 of 3 rows, the first is rows.jsonl:1 \(Same\?\)"):
        data.joined([row("a", question="Same?", gold=None), row("b", id="q"), row("c", question="?", gold=None)])
