"""Training documents of generators, in the token ids that the engine sends and receives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ttc.engines.checkpoint import local_directory
from ttc.engines.endings import find_endings
from ttc.engines.generator import VllmGenerator
from ttc.engines.prompts import PromptWriter, end_of_turn
from ttc.engines.weight_files import read_json
from ttc.training.language_model import EncodedDocument
from ttc.types import FinishReason, Problem, Step, Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class DocumentEncoder:
    """Turns a problem, the attempts shown and a solution into the ids of prompt and target.

    The prompt is what the engine would send, in the chat template where the generator has one; the target ends with the
    mark that ends a solution there.
    """

    def __init__(self, generator: VllmGenerator, tokenizer: PreTrainedTokenizerBase, context_tokens: int) -> None:
        self._tokenizer, self._context_tokens, self._max_tokens = tokenizer, context_tokens, generator.max_tokens
        turn = end_of_turn(generator, tokenizer)
        directory = local_directory(generator.source, generator.revision)
        endings = find_endings(tokenizer, generator.stop, _generation_marks(directory), directory, turn)
        self._writer = PromptWriter(generator, tokenizer, endings)
        mark = tokenizer.eos_token_id if turn is None else turn
        self._end = [] if mark is None else [mark]

    def encode(self, question: str, attempts: Sequence[str], target: str) -> EncodedDocument:
        """Return the ids of the prompt and of the target; the oldest attempts are dropped where they do not fit."""
        problem = Problem("", question, "")
        shown = tuple(Trace(problem, (Step(text, self._ids(text)),), FinishReason.STOP) for text in attempts)
        prompt = self._writer.prompt(Trace(problem, attempts=shown), self._max_tokens, self._context_tokens)
        return list(prompt.token_ids), [*self._ids(target), *self._end]

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])


def _generation_marks(directory: Path | None) -> object:
    """Return `eos_token_id` of generation_config.json; None where there is no such file."""
    file = None if directory is None else directory / "generation_config.json"
    if file is None or not file.is_file():
        return None
    return read_json(str(file), file).get("eos_token_id")
