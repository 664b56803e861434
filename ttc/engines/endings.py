"""Where a solution ends: at any of the checkpoint's end marks, or at a stop string.

A stop string can end inside a token, span several tokens, and span several steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ttc.engines.weight_files import read_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Endings:
    """What ends a solution.

    Attributes:
        ids: the end marks. Checkpoints have several, e.g. one for the end of a turn and one for the end of the text;
            some are ordinary tokens, so they are kept out of texts by their ids.
        strings: the stop strings.
    """

    ids: frozenset[int] = frozenset()
    strings: tuple[str, ...] = ()

    def find(self, text: str, known: int) -> int | None:
        """Return where the stop string begins that is the first to be complete after `known` characters of the text.

        Of several that end at the same character, the longest counts.
        """
        found: tuple[int, int] | None = None  # (end, start)
        for string in self.strings:
            start = text.find(string, max(known - len(string) + 1, 0))
            if start >= 0:
                found = min(found or (len(text) + 1, 0), (start + len(string), start))
        return None if found is None else found[1]

    def remainders(self, text: str) -> list[str]:
        """Return what would complete the stop strings that the end of the text has begun."""
        return [
            string[length:]
            for string in self.strings
            for length in range(1, len(string))
            if text.endswith(string[:length])
        ]

    def without_mark(self, token_ids: Sequence[int]) -> Sequence[int]:
        """Return the ids without a closing end mark."""
        return token_ids[:-1] if token_ids and token_ids[-1] in self.ids else token_ids


def find_endings(
    tokenizer: PreTrainedTokenizerBase,
    strings: Sequence[str],
    generation_config: object,
    directory: Path | None,
    end_of_turn: int | None,
) -> Endings:
    """Collect every end mark of a checkpoint.

    Args:
        tokenizer: its own end mark is one; a stop string that is one of its special tokens is an end mark too.
        strings: the stop strings.
        generation_config: the `eos_token_id` of generation_config.json: an id, a list of ids, or None.
        directory: where config.json is, if known. Its ids count where they are special tokens: transformers and vLLM
            ignore them where generation_config.json has ids, and some are left over from another tokenizer.
        end_of_turn: the token that closes the assistant's turn in the chat template, if there is one.
    """
    special = special_tokens(tokenizer)
    named = [special[string] for string in strings if string in special]
    configured = [id_ for id_ in _configured(directory) if id_ in special.values()]
    found = {*_ids(tokenizer.eos_token_id), *_ids(generation_config), *configured, *_ids(end_of_turn), *named}
    return Endings(
        frozenset(id_ for id_ in found if 0 <= id_ < len(tokenizer)),
        tuple(string for string in strings if string not in special),
    )


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Return the id of every special token by its text; the tokenizer's own list holds only those with a role."""
    decoder = getattr(tokenizer, "added_tokens_decoder", {})  # Mistral's own tokenizer has none
    added = {token.content: id_ for id_, token in decoder.items() if token.special}
    return added | dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))


def _configured(directory: Path | None) -> list[int]:
    """Return the end marks in config.json; those of a multimodal checkpoint's language model are nested."""
    if directory is None:
        return []
    config = read_json(str(directory), directory / "config.json")
    nested = config.get("text_config")
    return [*_ids(config.get("eos_token_id")), *_ids(nested.get("eos_token_id") if isinstance(nested, dict) else None)]


def _ids(value: object) -> list[int]:
    values = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    return [id_ for id_ in values if isinstance(id_, int) and not isinstance(id_, bool)]
