"""The fields of a row: what a run could not use is refused before any weights load."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.data.fields import MAX_ID_CHARACTERS, answers_of, id_of, level_of, question_of, subject_of
from ttc.errors import UserError

SURROGATE = "half \ud83d"


def refused(read: Any, value: object, field: str) -> str:
    with pytest.raises(UserError) as error:
        read("p.jsonl:7", {field: value}, field)
    message = str(error.value)
    assert message.startswith("p.jsonl:7") and len(message) < 500
    assert message.isprintable()
    return message


@pytest.mark.parametrize("value", [None, "", "  ", math.nan])
def test_a_missing_question_or_answer_is_refused(value: object) -> None:
    assert "is empty; every row needs one" in refused(question_of, value, "problem")
    assert "is empty; every row needs one" in refused(answers_of, value, "answer")


@pytest.mark.parametrize("value", [True, {"a": 1}, math.inf, [["2"]], [None], [math.nan], b"bytes", 1j])
def test_an_answer_is_text_or_a_number(value: object) -> None:
    assert "must be text or a number" in refused(answers_of, value, "answer")


def test_a_whole_number_larger_than_any_float_is_an_answer() -> None:
    assert answers_of("p.jsonl:7", {"answer": 10**400}, "answer") == ["1" + 400 * "0"]


@pytest.mark.parametrize("text", [SURROGATE, "nul \0"])
def test_a_text_that_no_tokenizer_or_file_takes_is_refused(text: str) -> None:
    for read, field in ((question_of, "problem"), (answers_of, "answer"), (subject_of, "subject")):
        assert "half of a surrogate pair" in refused(read, text, field)
    assert "an id is" in refused(id_of, text, "id")


@pytest.mark.parametrize(
    "value", [True, [1], {"a": 1}, "two\nlines", "tab\t", "\x1b[31m", "x" * (MAX_ID_CHARACTERS + 1)]
)
def test_an_id_is_a_number_or_a_short_text_of_one_line(value: object) -> None:
    assert "data.id_field=null" in refused(id_of, value, "id")


@pytest.mark.parametrize("value", [None, "", " ", math.nan])
def test_a_blank_id_is_no_id(value: object) -> None:
    assert id_of("p", {"id": value}, "id") is None


@pytest.mark.parametrize(("value", "id_"), [("a/b 1", "a/b 1"), (1, "1"), (0, "0"), ("é", "é")])
def test_an_id_is_read_as_text(value: object, id_: str) -> None:
    assert id_of("p", {"id": value}, "id") == id_


@pytest.mark.parametrize("value", ["9" * 23, 10**22, 1000000, -1, 2.5, True, [3], "hard", math.inf])
def test_a_level_is_a_small_whole_number(value: object) -> None:
    assert "data.level_field=null" in refused(level_of, value, "level")


@pytest.mark.parametrize(
    ("value", "level"), [(3, 3), ("3", 3), (3.0, 3), ("Level 5", 5), (1500, 1500), (math.nan, None)]
)
def test_a_level_is_read(value: object, level: int) -> None:
    assert level_of("p", {"level": value}, "level") == level


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(alphabet=st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150)
@given(JSON)
def test_any_value_is_read_as_text_that_files_take_or_refused_on_one_line(value: object) -> None:
    for read in (question_of, answers_of, id_of, subject_of, level_of):
        try:
            json.dumps(read("p.jsonl:7", {"field": value}, "field"), ensure_ascii=False).encode()
        except UserError as error:
            assert str(error).startswith("p.jsonl:7") and str(error).isprintable()
