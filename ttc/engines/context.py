"""Whether problems leave room for a solution in the generator's context, as far as the tokenizer alone can tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ttc.engines.checkpoint import local_directory
from ttc.engines.endings import Endings
from ttc.engines.inspection import inspect_checkpoint
from ttc.engines.prompts import PromptWriter
from ttc.errors import UserError
from ttc.types import Problem, Trace

if TYPE_CHECKING:
    from ttc.engines.generator import VllmGenerator

MARKS = 8  # more special tokens than a tokenizer adds to a plain prompt


def check_room(config: VllmGenerator, problems: Sequence[Problem]) -> None:
    """Refuse a run of which no problem leaves room for a solution; single ones that leave none are counted later.

    Raises:
        UserError: with the shortest problem, its tokens, and the limit.
    """
    context, setting = _context(config)
    by_length = sorted(problems, key=lambda problem: len(problem.question))
    if context is None or not by_length:
        return
    # A token covers at least a byte: most runs are settled without the tokenizer.
    if not config.chat and len(config.user(by_length[0].question).encode(errors="replace")) + MARKS < context:
        return
    tokenizer = config.tokenizer()
    if tokenizer is None:
        return
    writer = PromptWriter(config, tokenizer, Endings())
    shortest: tuple[int, Problem] | None = None
    for problem in by_length:
        tokens = len(writer.prompt(Trace(problem), 1, context).token_ids)
        if tokens < context:
            return
        if shortest is None or tokens < shortest[0]:
            shortest = (tokens, problem)
    assert shortest is not None
    tokens, problem = shortest
    raise UserError(
        f"{setting}: no problem leaves room for a solution: the shortest prompt, of problem {problem.id}, has {tokens} "
        f"tokens, and the context {context}; use a larger generator.max_model_len, or a model with a longer context."
    )


def _context(config: VllmGenerator) -> tuple[int | None, str]:
    """Return the largest context that the model can have, in tokens, and the setting that it follows from."""
    given = config.engine_args.get("max_model_len", config.max_model_len)
    if given is not None:
        known = isinstance(given, int) and given > 0
        return (given if known else None), f"generator.max_model_len={given}"
    return _longest(config), f"generator.model={config.model}"


def _longest(config: VllmGenerator) -> int | None:
    """Return the checkpoint's longest context in tokens; None where a setting can extend it, and before a download."""
    directory = local_directory(config.source, config.revision)
    if directory is None or "hf_overrides" in config.engine_args:
        return None
    return inspect_checkpoint(config.key, directory, complete=Path(config.source).is_dir()).longest_context
