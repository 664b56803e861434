"""The marks around a reasoning model's thought, e.g. <think> and </think>.

In most checkpoints they are ordinary tokens. In some (Magistral's [THINK]) they are special tokens, which decoding
leaves out: the text would not show where the thought ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ttc.engines.endings import special_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def beginning_of_thought(end: str) -> str:
    """Return the mark that opens what `end` closes: <think> for </think>."""
    return end.replace("/", "")


def special_marks(tokenizer: PreTrainedTokenizerBase, end: str | None) -> dict[int, str]:
    """Return the ids of the thought's marks that are special tokens, with their texts; mostly none."""
    special = special_tokens(tokenizer) if end else {}
    return {special[mark]: mark for mark in (beginning_of_thought(end or ""), end or "") if mark in special}


def decode_with_marks(tokenizer: PreTrainedTokenizerBase, token_ids: Sequence[int], marks: Mapping[int, str]) -> str:
    """Return the text of the ids without special tokens other than `marks`."""
    pieces = []
    for mark, group in groupby(token_ids, marks.get):
        ids = list(group)
        pieces.append(mark * len(ids) if mark else tokenizer.decode(ids, skip_special_tokens=True))
    return "".join(pieces)
