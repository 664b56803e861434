"""A solution ends at any end mark of the checkpoint, or before a stop string."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.engines.checkpoint import resolve
from ttc.engines.endings import Endings, find_endings

BOS, EOS, UNK = 1, 2, 3
POCKET = Path(resolve("pocket", "generator"))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(POCKET)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Path]:
    """A directory with the pocket generator's config.json."""
    shutil.copy(POCKET / "config.json", tmp_path)
    yield tmp_path


def configure(directory: Path, **values: object) -> None:
    file = directory / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_the_marks_of_tokenizer_generation_config_and_chat_template_all_count(tokenizer: Any) -> None:
    assert find_endings(tokenizer, [], None, None, None).ids == {EOS}
    assert find_endings(tokenizer, [], UNK, None, None).ids == {EOS, UNK}
    assert find_endings(tokenizer, [], [UNK, EOS], None, 17).ids == {EOS, UNK, 17}


def test_an_ordinary_token_is_an_end_mark_where_the_generation_config_says_so(tokenizer: Any) -> None:
    assert find_endings(tokenizer, [], [EOS, 140], None, None).ids == {EOS, 140}


def test_impossible_ids_are_no_end_marks(tokenizer: Any) -> None:
    assert find_endings(tokenizer, [], [EOS, -1, 10**6, None, True], None, None).ids == {EOS}


def test_config_json_adds_special_tokens_only(tokenizer: Any, checkpoint: Path) -> None:
    configure(checkpoint, eos_token_id=[UNK, 140])
    assert find_endings(tokenizer, [], EOS, checkpoint, None).ids == {EOS, UNK}
    configure(checkpoint, eos_token_id=None, text_config={"eos_token_id": UNK})
    assert find_endings(tokenizer, [], EOS, checkpoint, None).ids == {EOS, UNK}


def test_a_stop_string_that_is_a_special_token_is_an_end_mark(tokenizer: Any) -> None:
    assert find_endings(tokenizer, ["<unk>", "\n\nQ:"], EOS, None, None) == Endings(frozenset({EOS, UNK}), ("\n\nQ:",))


def test_of_several_stop_strings_the_first_to_be_complete_counts_and_of_those_the_longest() -> None:
    endings = Endings(strings=("Problem:", "\n\nProblem:", "END"))
    assert endings.find("x = 2\n\nProblem: y\nEND", 0) == 5
    assert endings.find("x END\n\nProblem:", 0) == 2
    assert endings.find("x = 2", 0) is None


def test_a_stop_string_that_was_there_before_is_not_found_again() -> None:
    endings = Endings(strings=("END",))
    assert endings.find("an END and more", 6) is None
    assert endings.find("an END and END", 6) == 11
    assert endings.find("an END", 5) == 3  # completed by the new text


def test_what_would_complete_a_begun_stop_string_is_known() -> None:
    assert Endings(strings=("\n\nQ:",)).remainders("x\n") == ["\nQ:"]
    assert Endings(strings=("\n\nQ:",)).remainders("x\n\n") == ["\nQ:", "Q:"]
    assert Endings(strings=("\n\nQ:",)).remainders("x") == []


TEXT = st.text("ab\n", max_size=12)
STRINGS = st.lists(st.text("ab\n", min_size=1, max_size=4), min_size=1, max_size=3)


@given(TEXT, TEXT, STRINGS)
@settings(max_examples=300, derandomize=True)
def test_stop_strings_are_found_as_if_read_character_by_character(before: str, new: str, strings: list[str]) -> None:
    expected = None
    for end in range(len(before) + 1, len(before + new) + 1):
        complete = [string for string in strings if (before + new)[:end].endswith(string)]
        if complete:
            expected = end - max(map(len, complete))
            break
    assert Endings(strings=tuple(strings)).find(before + new, len(before)) == expected


@given(TEXT, TEXT, STRINGS)
@settings(max_examples=300, derandomize=True)
def test_a_stop_string_across_two_requests_is_whole_in_the_second_or_completes_a_remainder(
    before: str, new: str, strings: list[str]
) -> None:
    endings = Endings(strings=tuple(strings))
    seen = [*strings, *endings.remainders(before)]
    if endings.find(before + new, len(before)) is not None:
        assert any(string in new for string in seen)
