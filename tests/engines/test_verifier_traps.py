"""What is easily read wrong: separators that are doubled, start marks that are added twice, steps of several lines."""

from __future__ import annotations

from typing import Any

import pytest
from verifier_tokenizers import CHATML, LLAMA, byte_level_tokenizer

from ttc.engines.formats import FORMATS, FormatOptions, StepFormat
from ttc.types import FinishReason, Problem, Step, Trace

QUESTION = "What is 1+1?"


@pytest.fixture(scope="module")
def chatml() -> Any:
    tokenizer = byte_level_tokenizer(CHATML, starts_texts=False)
    tokenizer.add_tokens(["<extra_0>", " ки"], special_tokens=True)
    return tokenizer


@pytest.fixture(scope="module")
def llama() -> Any:
    """A tokenizer that starts every text, with a template that starts the conversation itself."""
    return byte_level_tokenizer(LLAMA, starts_texts=True)


def ids(step_format: StepFormat, *steps: str) -> list[int]:
    return step_format.ids(
        Trace(Problem("p", QUESTION, "2"), tuple(Step(step, ()) for step in steps), FinishReason.STOP)
    )


@pytest.mark.parametrize(
    ("name", "doubled"),
    [
        ("qwen_math_prm", "So 2<extra_0>\n<extra_0>\n\n"),
        ("math_shepherd", "So 2 ки\nки\n"),
        ("skywork", "So 2\n\n\n"),
        ("trl", "So 2\n\n \n"),
        ("rlhflow", "So 2\n\n\n"),
        ("judge", "So 2\n\n\n"),
        ("plain", "So 2\n\n\n"),
    ],
)
def test_a_doubled_separator_makes_no_empty_step(name: str, doubled: str, chatml: Any) -> None:
    step_format = FORMATS[name](chatml)
    assert ids(step_format, doubled, doubled) == ids(step_format, "So 2", "So 2")


def test_a_separator_of_several_tokens_is_written_once_and_read_at_its_last(chatml: Any) -> None:
    separator = " [end of step]\n"
    step_format = FORMATS["trl"](chatml, FormatOptions(step_separator=separator))
    end = chatml(separator, add_special_tokens=False)["input_ids"]
    assert len(end) > 1
    found = ids(step_format, f"So 2{separator}{separator}")
    assert found == [chatml.bos_token_id, *chatml(QUESTION)["input_ids"], *chatml("So 2")["input_ids"], *end]


@pytest.mark.parametrize("name", ["rlhflow", "answer", "judge", "skywork", "trl", "plain", "math_shepherd"])
def test_a_start_mark_comes_once_and_first(name: str, llama: Any) -> None:
    found = ids(FORMATS[name](llama), "So 2\n", "done\n")
    assert [place for place, id_ in enumerate(found) if id_ == llama.bos_token_id] == [0]


def test_to_skywork_every_line_is_a_step_and_the_value_is_read_after_the_last(chatml: Any) -> None:
    newline = chatml("\n")["input_ids"][-1]
    of = {text: chatml(text)["input_ids"] for text in ("So 1+1", "= 2", "done")}
    head = [chatml.bos_token_id, *chatml(f"{QUESTION}\n")["input_ids"]]
    first = [*of["So 1+1"], newline, *of["= 2"], newline]
    assert ids(FORMATS["skywork"](chatml), "So 1+1\n= 2\n\n") == head + first
    assert ids(FORMATS["skywork"](chatml), "So 1+1\n= 2\n\n", "done") == [*head, *first, *of["done"], newline]


@pytest.mark.parametrize("name", ["answer", "judge"])
@pytest.mark.parametrize("kind", ["chatml", "llama"])
def test_tokens_step_by_step_are_those_of_the_whole_conversation(
    name: str, kind: str, request: pytest.FixtureRequest
) -> None:
    tokenizer = request.getfixturevalue(kind)
    step_format: Any = FORMATS[name](tokenizer)
    steps = ["Step 1: So $1+1$\n= 2.\n\n", "Step 2:\n\\[x = 2\\]\n\n", "The answer is 2.\n"]
    written = "".join(steps).strip() if name == "answer" else "".join(f"{step.strip()}\n\n" for step in steps)
    whole = tokenizer.apply_chat_template(
        step_format.messages(QUESTION, written), add_generation_prompt=name == "judge", tokenize=True, return_dict=False
    )
    assert ids(step_format, *steps) == list(whole)


def test_the_judges_question_is_the_users(chatml: Any) -> None:
    asked = "Any mistake? Good or Bad."
    found = ids(FORMATS["judge"](chatml, FormatOptions(question=asked)), "So 2")
    assert chatml.decode(found).endswith(f"So 2\n\n{asked}<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("answer", "{{ raise_exception('no') }}"),
        ("answer", "{{ messages[0].role }}"),
        ("answer", "{{ messages[-1].content }}"),
        ("judge", "{{ raise_exception('no') }}"),
        ("judge", "{{ messages[0].role }}"),
    ],
)
def test_a_template_that_cannot_show_problem_and_solution_is_named(name: str, template: str) -> None:
    tokenizer = byte_level_tokenizer(template, starts_texts=False)
    assert "chat template" in (FORMATS[name](tokenizer).missing() or "")
