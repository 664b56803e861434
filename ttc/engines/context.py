"""Whether problems leave room for a solution in the generator's context, as far as the tokenizer alone can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ttc.engines.checkpoint import local_directory
from ttc.engines.endings import Endings
from ttc.engines.inspection import inspect_checkpoint
from ttc.engines.prompts import PromptSettings, PromptWriter
from ttc.engines.vllm_setup import VllmSettings
from ttc.errors import UserError
from ttc.types import Problem, Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MARKS = 8  # more special tokens than a tokenizer adds to a plain prompt


@dataclass(frozen=True)
class Context:
    """The largest context that a model can have, and the setting that it follows from."""

    tokens: int
    setting: str


def check_room(
    settings: PromptSettings,
    problems: Sequence[Problem],
    context: Context | None,
    read_tokenizer: Callable[[], PreTrainedTokenizerBase | None],
) -> None:
    """Refuse a run of which no problem leaves room for a solution; single ones that leave none are counted later.

    Args:
        settings: how problems are put to the generator.
        problems: those of the run.
        context: None where it is not known: nothing is refused then.
        read_tokenizer: called only where the tokens must be counted; None: there is none yet.

    Raises:
        UserError: with the shortest problem, its tokens, and the limit.
    """
    by_length = sorted(problems, key=lambda problem: len(problem.question))
    if context is None or not by_length:
        return
    # A token covers at least a byte: most runs are settled without the tokenizer.
    most = len(settings.text(by_length[0].question).encode(errors="replace")) + MARKS
    if not settings.chat and most < context.tokens:
        return
    tokenizer = read_tokenizer()
    if tokenizer is None:
        return
    writer = PromptWriter(settings, tokenizer, Endings())
    shortest: tuple[int, Problem] | None = None
    for problem in by_length:
        tokens = len(writer.prompt(Trace(problem), 1, context.tokens).token_ids)
        if tokens < context.tokens:
            return
        if shortest is None or tokens < shortest[0]:
            shortest = (tokens, problem)
    assert shortest is not None
    tokens, problem = shortest
    raise UserError(
        f"{context.setting}: no problem leaves room for a solution: the shortest prompt, of problem {problem.id}, has "
        f"{tokens} tokens, and the context {context.tokens}; use a larger generator.max_model_len, or a model with a "
        f"longer context{', or a smaller file of generator.few_shot' if settings.few_shot else ''}."
    )


def context_of(settings: VllmSettings) -> Context | None:
    """Return the largest context that vLLM can give a checkpoint; None where that is not known yet."""
    given = settings.engine_args.get("max_model_len", settings.max_model_len)
    if given is not None:
        known = isinstance(given, int) and given > 0
        return Context(given, f"{settings.group}.max_model_len={given}") if known else None
    longest = _longest(settings)
    return None if longest is None else Context(longest, settings.key)


def _longest(settings: VllmSettings) -> int | None:
    """Return the checkpoint's longest context in tokens; None where a setting can extend it, and before a download."""
    directory = local_directory(settings.source, settings.revision)
    if directory is None or "hf_overrides" in settings.engine_args:
        return None
    return inspect_checkpoint(settings.key, directory, complete=Path(settings.source).is_dir()).longest_context
