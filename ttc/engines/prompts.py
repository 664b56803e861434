"""What the generator is shown before its solution: the problem in a prompt or a chat, and earlier attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ttc.engines.endings import Endings, special_tokens
from ttc.engines.few_shot import read_examples
from ttc.errors import UserError
from ttc.types import Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Turns = list[tuple[str, str]]
"""Pairs of role and content."""

BETWEEN_EXAMPLES = "\n\n"


@dataclass
class PromptSettings:
    """How a problem and earlier attempts are put to the generator.

    `prompt` contains `{question}`; with `chat` it is the user's message in the checkpoint's chat template, to which
    `chat_template_kwargs` is passed. `thinking` is what templates of hybrid reasoning models call `enable_thinking`;
    null leaves it to the template.

    `few_shot` names worked examples, a file or a shipped one such as `math`, which come first: in the same prompt, each
    followed by its solution and a blank line; in a chat as earlier turns. `step_separator` separates the steps of a
    solution.

    A revision model is shown earlier attempts: after the prompt, each with its end mark, as in training; in a chat as
    the assistant's turns, each followed by the user's message `revise`. Where they do not fit, the oldest are dropped;
    `max_tokens` reserves at most half of what the problem leaves of the context.
    """

    prompt: str = "{question}\n"
    chat: bool = False
    system: str | None = None
    chat_template_kwargs: dict[str, Any] = field(default_factory=dict)
    revise: str = "This may be wrong. Solve the problem again."
    step_separator: str = "\n"
    thinking: bool | None = None
    few_shot: str | None = None

    def user(self, question: str) -> str:
        """Return the prompt, or the user's message in a chat, for one problem."""
        return self.prompt.replace("{question}", question)

    def examples(self) -> list[tuple[str, str]]:
        """Return the worked examples: pairs of the prompt, or the user's message, and the solution."""
        if self.few_shot is None:
            return []
        return [(self.user(e.question), e.solution(self.step_separator)) for e in read_examples(self.few_shot)]

    def text(self, question: str) -> str:
        """Return what precedes a solution outside of a chat: the worked examples, and the prompt."""
        shown = [f"{prompt}{solution}{BETWEEN_EXAMPLES}" for prompt, solution in self.examples()]
        return "".join(shown) + self.user(question)

    def turns(self, question: str, attempts: Sequence[str] = ()) -> Turns:
        """Return a chat up to where the assistant answers, without the system message."""
        turns: Turns = []
        for prompt, solution in self.examples():
            turns += [("user", prompt), ("assistant", solution)]
        turns.append(("user", self.user(question)))
        for attempt in attempts:
            turns += [("assistant", attempt), ("user", self.revise)]
        return turns

    def messages(self, turns: Turns) -> list[dict[str, str]]:
        """Return the messages of a chat, the system message first."""
        system = [] if self.system is None else [("system", self.system)]
        return [{"role": role, "content": content} for role, content in [*system, *turns]]

    @property
    def template_kwargs(self) -> dict[str, Any]:
        """What the chat template is passed beside the messages."""
        thinking = {} if self.thinking is None else {"enable_thinking": self.thinking}
        return thinking | self.chat_template_kwargs

    def render(self, tokenizer: PreTrainedTokenizerBase, turns: Turns, generate: bool = True) -> str:
        """Return the text of a conversation in the chat template."""
        text: str = tokenizer.apply_chat_template(
            self.messages(turns), add_generation_prompt=generate, tokenize=False, **self.template_kwargs
        )
        return text

    def chat_ids(self, tokenizer: PreTrainedTokenizerBase, turns: Turns) -> tuple[int, ...]:
        """Return the token ids of a conversation up to where the assistant answers."""
        ids = tokenizer.apply_chat_template(
            self.messages(turns),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
            **self.template_kwargs,
        )
        return tuple(ids)

    def check_prompt(self) -> None:
        """Refuse a prompt that does not hold the problem, and examples that cannot be read.

        Raises:
            UserError: with the value, the rule and the remedy.
        """
        if "{question}" not in self.prompt:
            raise UserError(f"generator.prompt={self.prompt!r} has no {{question}}; put it where the problem goes.")
        if not self.step_separator:
            raise UserError("generator.step_separator is empty; use e.g. '\\n'.")
        if self.thinking is not None and not self.chat:
            raise UserError(
                f"generator.thinking={str(self.thinking).lower()} is an option of chat templates; use it with "
                "generator.chat=true, or leave it out."
            )
        if self.thinking is not None and "enable_thinking" in self.chat_template_kwargs:
            raise UserError(
                "generator.chat_template_kwargs.enable_thinking is what generator.thinking sets; leave one of them out."
            )
        self.examples()

    def check_template(self, tokenizer: PreTrainedTokenizerBase, model: str) -> None:
        """Refuse a chat that the checkpoint's template cannot express.

        Raises:
            UserError: there is no template, it fails, or it leaves the system message or the problem out.
        """
        if not self.chat:
            return
        if not tokenizer.chat_template:
            raise UserError(
                f"generator.chat=true: {model} has no chat template; use generator.chat=false, or an instruct model."
            )
        question = "What is 1+1?"
        try:
            text = self.render(tokenizer, self.turns(question))
        except Exception as error:  # a template is a program: it can raise anything
            if self.system is not None and _renders(self, tokenizer, question):
                raise self._no_system_role(model) from None
            raise UserError(
                f"generator.chat=true: the chat template of {model} fails ({' '.join(str(error).split())}); check "
                "generator.chat_template_kwargs, or use generator.chat=false."
            ) from None
        if self.system is not None and self.system.strip() not in text:
            raise self._no_system_role(model)
        if question not in text:
            raise UserError(
                f"generator.chat=true: the chat template of {model} leaves the user's message out; use another model, "
                "or generator.chat=false."
            )
        if self.thinking is not None and text == replace(self, thinking=not self.thinking).render(
            tokenizer, self.turns(question)
        ):
            raise UserError(
                f"generator.thinking={str(self.thinking).lower()}: the chat template of {model} has no such switch "
                "(enable_thinking); use generator.thinking=null."
            )

    def _no_system_role(self, model: str) -> UserError:
        return UserError(
            f"generator.system is set, but the chat template of {model} has no system role; use generator.system=null "
            "and put the text into generator.prompt."
        )


def _renders(settings: PromptSettings, tokenizer: PreTrainedTokenizerBase, question: str) -> bool:
    """Whether the template works without a system message."""
    messages = [{"role": "user", "content": question}]
    try:
        tokenizer.apply_chat_template(messages, tokenize=False, **settings.template_kwargs)
    except Exception:  # whatever a template raises
        return False
    return True


def end_of_turn(settings: PromptSettings, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the special token with which the chat template closes the assistant's turn; None outside of a chat."""
    if not settings.chat:
        return None
    answer = "The answer is 2."
    try:
        text = settings.render(tokenizer, [("user", "1+1?"), ("assistant", answer)], generate=False)
    except Exception:  # a template for single questions: its solutions end at the checkpoint's own marks
        return None
    _, found, closing = text.rpartition(answer)
    ids = tokenizer(closing, add_special_tokens=False)["input_ids"] if found else []
    return ids[0] if ids and ids[0] in special_tokens(tokenizer).values() else None


@dataclass(frozen=True, slots=True)
class Prompt:
    """The token ids before a solution, and how many of the attempts had no room there."""

    token_ids: tuple[int, ...]
    hidden_attempts: int = 0


class PromptWriter:
    """Turns problems and attempts into token ids."""

    def __init__(self, settings: PromptSettings, tokenizer: PreTrainedTokenizerBase, endings: Endings) -> None:
        self._settings, self._tokenizer, self._endings = settings, tokenizer, endings
        mark = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else min(endings.ids, default=None)
        self._mark = () if mark is None else (mark,)
        self._plain = lru_cache(4096)(self._problem_alone)

    def prompt(self, trace: Trace, max_tokens: int, context_tokens: int) -> Prompt:
        """Return the ids of the problem and of the latest attempts that leave room for a solution.

        A solution gets `max_tokens`, but at most half of what the problem leaves of the context: a large `max_tokens`
        must not keep every attempt out of sight.
        """
        plain = self._plain(trace.problem.question)
        reserved = max(1, min(max_tokens, (context_tokens - len(plain)) // 2))
        for hidden in range(len(trace.attempts)):
            ids = self._with_attempts(trace.problem.question, trace.attempts[hidden:])
            if len(ids) + reserved <= context_tokens:
                return Prompt(ids, hidden)
        return Prompt(plain, len(trace.attempts))

    def _with_attempts(self, question: str, attempts: Sequence[Trace]) -> tuple[int, ...]:
        settings = self._settings
        if settings.chat:
            turns = settings.turns(question, [attempt.text for attempt in attempts])
            return self._one_bos(settings.chat_ids(self._tokenizer, turns))
        return sum(map(self._closed, attempts), self._plain(question))

    def _closed(self, attempt: Trace) -> tuple[int, ...]:
        """Return an attempt's ids with the mark that the generator chose; the tokenizer's where a string ended it."""
        ids = attempt.token_ids
        return ids if ids and ids[-1] in self._endings.ids else ids + self._mark

    def _problem_alone(self, question: str) -> tuple[int, ...]:
        settings = self._settings
        if settings.chat:
            return self._one_bos(settings.chat_ids(self._tokenizer, settings.turns(question)))
        return self._one_bos(tuple(self._tokenizer(settings.text(question))["input_ids"]))

    def _one_bos(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        """Drop what the tokenizer adds where the prompt begins with that mark already."""
        bos = self._tokenizer.bos_token_id
        while bos is not None and ids[:2] == (bos, bos):
            ids = ids[1:]
        return ids
