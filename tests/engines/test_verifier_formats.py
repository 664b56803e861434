"""Each format gives the ids that the verifier was trained on, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verifier_tokenizers import mistral_tokenizer

from ttc.engines.checkpoint import resolve
from ttc.engines.formats import FORMATS, MathShepherdFormat, QwenMathFormat, RlhFlowFormat, StepFormat
from ttc.types import FinishReason, Problem, Step, Trace

TEMPLATE = (
    "{% for message in messages %}<s>{{ message.role }}\n{{ message.content | trim }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
FEW = settings(derandomize=True, max_examples=40)
STEPS = st.lists(st.text("0123456789+-=/ .$xyab", max_size=12).map(lambda text: f"{text}\n"), max_size=5)


def trace(question: str, *steps: str) -> Trace:
    problem = Problem("p", question, "2")
    return Trace(problem, tuple(Step(step, ()) for step in steps), FinishReason.STOP)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """The pocket tokenizer with what the formats need."""
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(resolve("pocket", "prm"))
    loaded.add_tokens(["<extra_0>", " ки", "ки"], special_tokens=True)
    loaded.chat_template = TEMPLATE
    return loaded


@pytest.fixture(scope="module", params=["current", "legacy"])
def mistral(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Mistral-7B's tokenizer, which Math-Shepherd shares; the legacy form puts a space before every text."""
    pytest.importorskip("mistral_common")
    loaded = mistral_tokenizer(tmp_path_factory.mktemp("mistral"))
    if request.param == "legacy":
        from tokenizers import normalizers

        backend = loaded.backend_tokenizer
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        backend.pre_tokenizer = None
    return loaded


def without_closing(step_format: StepFormat, whole: Trace) -> list[int]:
    ids = step_format.ids(whole)
    return ids[: len(ids) - len(step_format.closing(whole))] if whole.steps else ids


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "answer"])
@FEW
@given(steps=STEPS)
def test_up_to_the_closing_the_ids_of_n_steps_begin_those_of_more(name: str, tokenizer: Any, steps: list[str]) -> None:
    step_format = FORMATS[name](tokenizer)
    whole = trace("What is 1+1?", *steps)
    for number in range(len(steps)):
        begun = without_closing(step_format, whole.prefix(number))
        assert step_format.ids(whole)[: len(begun)] == begun


@FEW
@given(steps=STEPS)
def test_the_ids_of_an_answer_begin_those_of_a_longer_one_up_to_the_blanks_after_it(
    tokenizer: Any, steps: list[str]
) -> None:
    """The template ends the answer right after its last word, where a longer one goes on with a newline."""
    step_format = FORMATS["answer"](tokenizer)
    whole = trace("What is 1+1?", *steps)
    for number in range(1, len(steps)):
        shorter = whole.prefix(number)
        last = step_format.last_step("What is 1+1?", steps[number - 1], number - 1)
        ids = without_closing(step_format, shorter)
        begun = ids[: len(ids) - len(last)]
        assert step_format.ids(whole)[: len(begun)] == begun


@pytest.mark.parametrize("name", FORMATS)
@FEW
@given(steps=STEPS)
def test_the_value_of_each_step_is_read_as_if_it_were_the_last(name: str, tokenizer: Any, steps: list[str]) -> None:
    step_format = FORMATS[name](tokenizer)
    whole = trace("What is 1+1?", *steps)
    expected = [step_format.ids(whole.prefix(number)) for number in range(1, len(steps) + 1)]
    assert step_format.prefixes(whole) == expected
    assert all(ids[len(ids) - len(closing) :] == closing for ids in expected if (closing := step_format.closing(whole)))


@pytest.mark.parametrize("name", FORMATS)
@FEW
@given(steps=STEPS, max_tokens=st.integers(1, 80))
def test_a_long_trace_is_read_up_to_the_last_whole_step_that_fits(
    name: str, tokenizer: Any, steps: list[str], max_tokens: int
) -> None:
    step_format = FORMATS[name](tokenizer)
    whole = trace("What is 1+1?", *steps)
    reading = step_format.reading(whole, max_tokens)
    assert reading.partial == (len(step_format.ids(whole)) > max_tokens)
    assert len(reading.ids) <= max_tokens
    if reading.partial:
        fitting = [prefix for prefix in step_format.prefixes(whole) if len(prefix) <= max_tokens]
        assert reading.ids == max(fitting, key=len, default=[])
    else:
        assert reading.ids == step_format.ids(whole)


def test_earlier_attempts_make_room_before_any_step_is_left_out(tokenizer: Any) -> None:
    step_format = FORMATS["revisions"](tokenizer)
    plain = trace("1+1?", "1+1=2\n", "so 2\n")
    attempted = Trace(plain.problem, plain.steps, plain.finish, attempts=(plain, plain))
    room = len(step_format.ids(plain))
    assert step_format.reading(attempted, room).ids == step_format.ids(plain)
    assert not step_format.reading(attempted, room).partial
    assert step_format.reading(attempted, room - 1).partial


@FEW
@given(steps=STEPS.filter(len))
def test_qwens_steps_are_its_whole_conversation_up_to_the_last_mark(tokenizer: Any, steps: list[str]) -> None:
    whole = tokenizer.apply_chat_template(
        [
            {"role": "system", "content": QwenMathFormat.SYSTEM},
            {"role": "user", "content": "What is 1+1?"},
            {"role": "assistant", "content": "".join(f"{step.strip()}<extra_0>" for step in steps)},
        ],
        tokenize=False,
    )
    expected = tokenizer(whole.rpartition("<extra_0>")[0] + "<extra_0>", add_special_tokens=False)["input_ids"]
    got = QwenMathFormat(tokenizer).ids(trace("What is 1+1?", *steps))
    assert tokenizer.decode(got) == tokenizer.decode(expected)
    assert got[-1] == expected[-1] == tokenizer.convert_tokens_to_ids("<extra_0>")


@FEW
@given(steps=STEPS.filter(len))
def test_rlhflows_steps_are_its_whole_conversation_up_to_the_last_answer(tokenizer: Any, steps: list[str]) -> None:
    turns = []
    for number, step in enumerate(steps):
        text = f"What is 1+1? {step.strip()}" if number == 0 else step.strip()
        turns += [{"role": "user", "content": text}, {"role": "assistant", "content": "+"}]
    expected = tokenizer.apply_chat_template(turns[:-1], add_generation_prompt=True, tokenize=True, return_dict=False)
    assert RlhFlowFormat(tokenizer).ids(trace("What is 1+1?", *steps)) == list(expected)


QUESTION = "Janet's ducks lay 16 eggs per day. She eats three. How many are left?"
FIRST = "Janet's ducks lay 16 eggs per day."
SECOND = "She eats three, so she has 16 - 3 = 13 eggs left. The answer is: 13"
ON_THE_CARD = f"{QUESTION} Step 1: {FIRST} ки\nStep 2: {SECOND} ки"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FIRST, SECOND),
        (f"Step 1: {FIRST}\n", f"Step 2: {SECOND}\n"),
        (f"Step 1: {FIRST} ки\n", f"Step 2: {SECOND} ки"),
        (f"## Step 1: {FIRST}\n\n", f"## Step 2:\n{SECOND}"),
        (f"**Step 1:** {FIRST}\n", f"**Step 2**: {SECOND}\n"),
        (f"  step 1. {FIRST}\n", f"Step 7: {SECOND}\n"),
    ],
)
def test_math_shepherds_steps_are_those_of_its_model_card(mistral: Any, first: str, second: str) -> None:
    step_format = MathShepherdFormat(mistral)
    whole = trace(QUESTION, first, second)
    mark = mistral.encode("ки")[-1]
    assert step_format.missing() is None
    assert step_format.ids(whole) == mistral.encode(ON_THE_CARD)
    assert [prefix[-1] for prefix in step_format.prefixes(whole)] == [mark, mark]


@pytest.mark.parametrize("text", ["Step 2.5 is a half step", "Step 2 gives 5", "Steps: none", "stepping 1: on"])
def test_math_shepherd_keeps_text_that_only_looks_like_a_number(mistral: Any, text: str) -> None:
    ids = MathShepherdFormat(mistral).ids(trace(QUESTION, text))
    assert ids == mistral.encode(f"{QUESTION} Step 1: {text} ки")


def test_math_shepherds_labels_are_the_tokens_of_its_model_card(mistral: Any) -> None:
    import yaml

    file = Path(__file__).parents[2] / "configs/prm/math-shepherd-7b.yaml"
    labels = yaml.safe_load(file.read_text(encoding="utf-8"))["label_tokens"]
    assert mistral.convert_tokens_to_ids(labels) == mistral.encode("+ -")[1:] == [648, 387]


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("plain", None),
        ("revisions", None),
        ("qwen_math_prm", "token <extra_0> (it reads 8 tokens there)"),
        ("rlhflow", "chat template"),
        ("math_shepherd", "token ки (it reads 3 tokens there)"),
        ("skywork", None),
        ("trl", None),
        ("answer", "chat template"),
        ("judge", "chat template"),
    ],
)
def test_a_format_names_what_the_tokenizer_lacks(name: str, missing: str | None) -> None:
    from transformers import AutoTokenizer

    bare = FORMATS[name](AutoTokenizer.from_pretrained(resolve("pocket", "prm")))
    assert bare.missing() == missing


@pytest.mark.parametrize(
    ("template", "missing"),
    [
        ("{{ raise_exception('one turn only') }}", "chat template for several turns"),
        ("{{ messages | length }}{{ messages[-1].content }}", "chat template whose turns follow each other"),
    ],
)
def test_a_template_that_cannot_hold_steps_is_named(tokenizer: Any, template: str, missing: str) -> None:
    import copy

    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    step_format: StepFormat = RlhFlowFormat(other)
    assert step_format.missing() == missing
