"""In mid-answer the assistant's turn is still open: prompt and steps are the ids that the template itself makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from flows import PROBLEM

from ttc.engines.endings import Endings, find_endings, special_tokens
from ttc.engines.prompts import PromptSettings, PromptWriter, end_of_turn
from ttc.errors import UserError
from ttc.types import FinishReason, Step, Trace

BOS, EOS = "<|begin|>", "<|end|>"
MARKS = ["<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|User|>"]
MARKS += ["<|Assistant|>", "[INST]", "[/INST]"]

WORDS = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # line ends go with what precedes them

CHATML = """
{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""
LLAMA_3 = """
{{- bos_token }}
{%- for m in messages %}
{{- '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""
MISTRAL = """
{{- bos_token }}
{%- for m in messages %}
{%- if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}
{%- else %}{{ ' ' + m.content + eos_token }}{% endif %}
{%- endfor %}"""
R1 = """
{{- bos_token }}
{%- for m in messages %}
{%- if m.role == 'user' %}{{ '<|User|>' + m.content }}
{%- else %}{{ '<|Assistant|>' + m.content.split('</think>')[-1] + eos_token }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|Assistant|><think>\n' }}{% endif %}"""
QWEN_3 = """
{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}
{%- if m.role == 'assistant' %}
{%- set thought = m.content.split('</think>')[0].split('<think>')[-1].strip('\n') if '</think>' in m.content else '' %}
{%- set spoken = m.content.split('</think>')[-1].lstrip('\n') %}
{%- if loop.last %}{{ '<think>\n' + thought + '\n</think>\n\n' + spoken }}{% else %}{{ spoken }}{% endif %}
{%- else %}{{ m.content }}{% endif %}{{ '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}
{%- endif %}"""

STEPS = ("We add the numbers.\n\n", "1+1 = 2, so the sum is 2.\n\n", "The answer is $\\boxed{2}$.")
THOUGHT = ("First, 1+1.\n\n", "Hmm, that is 2.\n", "</think>\n\n", "The sum is 2.\n\n", "The answer is 2.")


@dataclass(frozen=True)
class Shape:
    """A kind of chat template, and what the model continues with.

    Attributes:
        first: what the generation prompt leaves to the model that precedes the content of its message.
        opened: the beginning of the message that the generation prompt holds already.
        lengths: the numbers of steps after which the template itself can continue.
    """

    template: str
    steps: tuple[str, ...] = STEPS
    settings: dict[str, Any] = field(default_factory=dict)
    first: str = ""
    opened: str = ""
    lengths: tuple[int, ...] = (1, 2, 3)


SHAPES = {
    "ChatML": Shape(CHATML, settings={"system": "Think."}),
    "ChatML without a system message": Shape(CHATML),
    "ChatML with worked examples": Shape(CHATML, settings={"few_shot": "math"}),
    "Llama 3": Shape(LLAMA_3, settings={"system": "Think."}, lengths=(3,)),  # it trims the separator of a last step
    "Mistral": Shape(MISTRAL, first=" "),
    "DeepSeek-R1": Shape(R1, THOUGHT, opened="<think>\n", lengths=(1, 2)),
    "Qwen3 without thinking": Shape(QWEN_3, settings={"thinking": False}),
    "Qwen3 after its thought": Shape(QWEN_3, ("<think>\n", *THOUGHT), {"thinking": True}, lengths=(5, 6)),
}


@pytest.fixture(scope="module", params=[False, True], ids=["adds_no_bos", "adds_bos"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    """A byte-level BPE tokenizer, which adds the beginning mark to a plain text or leaves that to the template."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    found = Tokenizer(models.BPE())
    words = pre_tokenizers.Split(Regex(WORDS), "isolated")
    found.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(False, use_regex=False)])
    found.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=[BOS, EOS, *MARKS], initial_alphabet=alphabet, show_progress=False
    )
    found.train_from_iterator([*STEPS, *THOUGHT] * 5, trainer)
    found.add_tokens([AddedToken("<think>", special=False), AddedToken("</think>", special=False)])
    if request.param:
        found.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", special_tokens=[(BOS, found.token_to_id(BOS))]
        )
    return PreTrainedTokenizerFast(tokenizer_object=found, bos_token=BOS, eos_token=EOS)


def settings_of(shape: Shape) -> PromptSettings:
    return PromptSettings(chat=True, prompt="{question}", **shape.settings)


def ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def begun(tokenizer: Any, shape: Shape, length: int) -> Trace:
    """A solution of so many steps, in the ids that the model produced."""
    texts = [shape.first + shape.steps[0], *shape.steps[1:length]]
    return Trace(PROBLEM, tuple(Step(text, ids(tokenizer, text)) for text in texts), FinishReason.STEP)


def prompt_ids(tokenizer: Any, settings: PromptSettings, trace: Trace) -> tuple[int, ...]:
    return PromptWriter(settings, tokenizer, Endings()).prompt(trace, 10, 10_000).token_ids


@pytest.mark.parametrize("name", SHAPES)
def test_a_solution_is_continued_as_the_template_itself_continues_it(name: str, tokenizer: Any) -> None:
    shape = SHAPES[name]
    tokenizer.chat_template, settings = shape.template, settings_of(shape)
    settings.check_template(tokenizer, "M")
    for length in shape.lengths:
        trace = begun(tokenizer, shape, length)
        written = {"role": "assistant", "content": shape.opened + "".join(shape.steps[:length])}
        expected = tokenizer.apply_chat_template(
            [*settings.messages(settings.turns(PROBLEM.question)), written],
            continue_final_message=True,
            tokenize=True,
            return_dict=False,
            **settings.template_kwargs,
        )
        assert (*prompt_ids(tokenizer, settings, trace), *trace.token_ids) == tuple(expected)


@pytest.mark.parametrize("name", SHAPES)
def test_the_prompt_has_one_beginning_mark_at_most_and_leaves_the_turn_open(name: str, tokenizer: Any) -> None:
    shape = SHAPES[name]
    tokenizer.chat_template, settings = shape.template, settings_of(shape)
    prompt = prompt_ids(tokenizer, settings, Trace(PROBLEM))
    assert prompt.count(tokenizer.bos_token_id) == ("bos_token" in shape.template)
    closing = end_of_turn(settings, tokenizer)
    assert closing in special_tokens(tokenizer).values() and prompt[-1] != closing
    assert closing in find_endings(tokenizer, [], None, None, closing).ids


def test_a_separator_that_the_template_would_trim_stays_in_what_is_continued(tokenizer: Any) -> None:
    shape = SHAPES["Llama 3"]
    tokenizer.chat_template, settings = shape.template, settings_of(shape)
    trace = begun(tokenizer, shape, 1)
    assert tokenizer.decode((*prompt_ids(tokenizer, settings, trace), *trace.token_ids)).endswith(shape.steps[0])


def test_a_thought_that_the_template_would_drop_stays_in_what_is_continued(tokenizer: Any) -> None:
    shape = SHAPES["DeepSeek-R1"]
    tokenizer.chat_template, settings = shape.template, settings_of(shape)
    trace = begun(tokenizer, shape, 4)
    text = tokenizer.decode((*prompt_ids(tokenizer, settings, trace), *trace.token_ids))
    assert text.endswith("<|Assistant|><think>\n" + "".join(shape.steps[:4]))


def test_an_earlier_attempt_is_shown_as_the_template_shows_earlier_turns(tokenizer: Any) -> None:
    shape = SHAPES["DeepSeek-R1"]
    tokenizer.chat_template, settings = shape.template, settings_of(shape)
    attempt = begun(tokenizer, shape, 5)
    prompt = tokenizer.decode(prompt_ids(tokenizer, settings, Trace(PROBLEM, attempts=(attempt,))))
    assert "Hmm" not in prompt and "The answer is 2." in prompt and prompt.endswith("<think>\n")


@pytest.mark.parametrize("thinking", [True, False])
def test_a_switch_that_the_template_does_not_have_is_refused(thinking: bool, tokenizer: Any) -> None:
    tokenizer.chat_template = CHATML
    settings = PromptSettings(chat=True, thinking=thinking)
    with pytest.raises(UserError, match=r"chat template of M has no such switch .* use generator.thinking=null"):
        settings.check_template(tokenizer, "M")
