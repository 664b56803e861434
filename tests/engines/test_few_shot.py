"""Worked examples come before the problem; a file that holds none is refused with the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flows import PROBLEM

from ttc.engines.checkpoint import resolve
from ttc.engines.endings import Endings
from ttc.engines.few_shot import WorkedExample, read_examples, shipped_names
from ttc.engines.generator import VllmGenerator
from ttc.engines.prompts import PromptSettings, PromptWriter
from ttc.errors import UserError
from ttc.grading import extract_answer
from ttc.types import Problem, Trace

QUESTION = "What is 2+2?"


@pytest.fixture
def examples(tmp_path: Path) -> str:
    """A file of two examples: one solution is a text, the other a list of steps."""
    file = tmp_path / "examples.jsonl"
    rows = [
        {"question": "What is 1+1?", "solution": "It is 2.\n"},
        {"problem": "What is 1+2?", "solution": ["First 1.", "Then 3."]},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    return str(file)


def test_examples_precede_the_problem_through_the_same_prompt(examples: str) -> None:
    settings = PromptSettings(prompt="Q: {question}\nA: ", few_shot=examples, step_separator="\n")
    assert settings.text(QUESTION) == (
        "Q: What is 1+1?\nA: It is 2.\n\nQ: What is 1+2?\nA: First 1.\nThen 3.\n\nQ: What is 2+2?\nA: "
    )


def test_the_steps_of_an_example_are_separated_as_the_generators_are(examples: str) -> None:
    [_, (_, solution)] = PromptSettings(few_shot=examples, step_separator="\n\n").examples()
    assert solution == "First 1.\n\nThen 3."


def test_in_a_chat_examples_are_earlier_turns(examples: str) -> None:
    settings = PromptSettings(chat=True, system="Think.", prompt="{question}", few_shot=examples)
    messages = settings.messages(settings.turns(QUESTION, ["It is 5."]))
    assert [message["role"] for message in messages] == ["system", *["user", "assistant"] * 3, "user"]
    assert [message["content"] for message in messages][1:6] == [
        *("What is 1+1?", "It is 2.", "What is 1+2?", "First 1.\nThen 3.", QUESTION)
    ]


def test_the_generator_is_sent_the_examples_with_one_beginning_mark(examples: str) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(resolve("pocket", "generator"))
    settings = PromptSettings(few_shot=examples)
    ids = PromptWriter(settings, tokenizer, Endings()).prompt(Trace(PROBLEM), 10, 500).token_ids
    assert ids == tuple(tokenizer(settings.text(PROBLEM.question))["input_ids"])
    assert ids.count(tokenizer.bos_token_id) == 1 and tokenizer.decode(ids, skip_special_tokens=True).count("?") >= 2


def test_examples_that_leave_no_room_for_any_problem_are_refused_before_weights_load() -> None:
    config = VllmGenerator(few_shot="math", max_model_len=256)
    with pytest.raises(UserError, match="no problem leaves room for a solution"):
        config.check_problems([Problem("p", QUESTION, "4")])


def test_the_content_of_the_examples_is_part_of_what_identifies_a_generator(examples: str) -> None:
    before = VllmGenerator(few_shot=examples).fingerprint()
    file = Path(examples)
    copy = file.with_name("copy.jsonl")
    copy.write_text(file.read_text())
    assert VllmGenerator(few_shot=str(copy)).fingerprint() == before != VllmGenerator().fingerprint()
    copy.write_text(file.read_text().replace("It is 2", "It is two"))
    assert VllmGenerator(few_shot=str(copy)).fingerprint() != before


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_example_is_solved_in_steps_and_ends_in_its_answer(name: str) -> None:
    examples = read_examples(name)
    assert len(examples) == 4
    for example in examples:
        assert len(example.steps) >= 3
        assert extract_answer(example.solution("\n\n")) == extract_answer(example.steps[-1]) is not None


def test_the_shipped_answers_are_right() -> None:
    competition, grade_school = (
        [extract_answer(example.steps[-1]) for example in read_examples(name)] for name in ("math", "grade_school")
    )
    assert competition == [str(3 * 6), str(120 - 48), r"\frac{36}{5}", str(3**50 % 11)]
    discounted = 60 - 60 * 25 // 100 - 5
    assert grade_school == [str(12 * 4 + 24 * 3), str(90 - 30 + 15), str((160 + 180) // 5), str(2 * discounted)]


def test_a_yaml_list_reads_as_the_same_examples(tmp_path: Path) -> None:
    file = tmp_path / "examples.yaml"
    file.write_text("- question: a?\n  solution: |\n    b\n- problem: c?\n  solution: [d, e]\n")
    assert read_examples(str(file)) == (WorkedExample("a?", ("b",)), WorkedExample("c?", ("d", "e")))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("e.jsonl", '{"question": "a", "solution": "b"}\n{"question": "a"}', r"e.jsonl:2 has no solution; add one"),
        ("e.jsonl", '{"solution": "b"}', r'e.jsonl:1 has no question; add one under "question" or "problem"'),
        ("e.jsonl", '{"question": 3, "solution": "b"}', r"e.jsonl:1 has no question"),
        ("e.jsonl", '{"question": "a", "solution": ["b", 3]}', r"e.jsonl:1 has no solution"),
        ("e.jsonl", '{"question": "a", "solution": []}', r"e.jsonl:1 has no solution"),
        ("e.jsonl", '{"question": "a", "solution": " "}', r"e.jsonl:1 has no solution"),
        ("e.jsonl", "[1]", r"e.jsonl:1 is not an object; an example looks like"),
        ("e.jsonl", "{", r"e.jsonl:1 is not JSON .* give one object per line"),
        ("e.jsonl", "\n", r"e.jsonl holds no example; add rows like"),
        ("e.yaml", "", r"e.yaml holds no example"),
        ("e.yaml", "question: a", r"e.yaml:1 is not a list; begin each example with `- question:`"),
        ("e.yaml", "- question: a\n  solution: b\n\n- question: a\n", r"e.yaml:4 has no solution"),
        ("e.yaml", "- question: a\n  solution: b: c\n", r"e.yaml:2 is not YAML \(mapping values are not allowed here"),
        ("e.yaml", "- \x00", r"e.yaml is not YAML"),
        ("e.yaml", "- " * 5000 + "a", r"e.yaml is not YAML"),
        ("e.txt", "a", r"e.txt: .txt is not supported; give a .jsonl or .yaml file"),
        (".", None, r"few_shot=.*: no suffix is not supported"),
        ("a" * 5000, None, r"few_shot=.*: cannot be read \(File name too long\)"),
        (
            "absent.jsonl",
            None,
            r"few_shot=.*absent.jsonl: cannot be read \(No such file .* shipped examples: grade_school, math",
        ),
    ],
)
def test_a_file_without_examples_is_refused_with_the_line(
    name: str, content: str | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=message) as error:
        VllmGenerator(few_shot=str(file)).check()
    assert "\n" not in str(error.value)
