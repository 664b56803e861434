"""Batches of documents of similar length, reshuffled each epoch, and split into passes that fit the memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import Generic, TypeVar

from ttc.training.loop import Batch
from ttc.training.processes import world_size

BATCHES_PER_POOL = 64  # sorted by length, so that the documents of a batch need little padding

DocumentT = TypeVar("DocumentT")


class Corpus(Generic[DocumentT]):
    """Batches of a fixed list of documents. A step's batch depends on the step and the seed only, for resuming.

    Attributes:
        batches_per_epoch: steps that see every document once.
    """

    def __init__(
        self,
        documents: Sequence[DocumentT],
        batch_documents: int,
        seed: int,
        length_of: Callable[[DocumentT], int],
        collate: Callable[[Sequence[DocumentT]], Batch],
        pass_tokens: int | None = None,
    ) -> None:
        """Take the documents.

        Args:
            length_of: tokens of a document.
            collate: pads documents to the longest.
            pass_tokens: padded tokens of a pass, at most; None: no limit.
        """
        self._documents, self._batch_documents, self._seed = documents, batch_documents, seed
        self._length_of, self._collate, self._pass_tokens = length_of, collate, pass_tokens
        self.batches_per_epoch = max(1, len(documents) // batch_documents)
        self._epoch = lru_cache(maxsize=1)(self._plan_epoch)

    def batch_at(self, step: int) -> list[Batch]:
        """Return the batch of a step, as the collated passes of all processes."""
        epoch, index = divmod(step, self.batches_per_epoch)
        chosen = [self._documents[i] for i in self._epoch(epoch)[index]]
        return [self._collate(part) for part in split_into_passes(chosen, self._length_of, self._pass_tokens)]

    def _plan_epoch(self, epoch: int) -> list[list[int]]:
        """Return each batch's document numbers: shuffled, sorted by length within pools, batches shuffled again."""
        rng = Random(f"{self._seed}-{epoch}")
        order = list(range(len(self._documents)))
        rng.shuffle(order)
        pool = BATCHES_PER_POOL * self._batch_documents
        batches = []
        for start in range(0, len(order), pool):
            members = sorted(order[start : start + pool], key=lambda i: self._length_of(self._documents[i]))
            batches += [members[i : i + self._batch_documents] for i in range(0, len(members), self._batch_documents)]
        rng.shuffle(batches)
        return batches


def split_into_passes(
    documents: Sequence[DocumentT], length_of: Callable[[DocumentT], int], pass_tokens: int | None
) -> list[Sequence[DocumentT]]:
    """Split a step's documents, sorted by length, into passes of at most `pass_tokens` padded tokens each.

    There are as few passes as that takes, but as many for each process as for the others, and their sizes are as equal
    as can be. A document that is longer than a pass has one for itself.
    """
    lengths = [length_of(document) for document in documents]
    longest = max(lengths)
    limit = longest * len(documents) if pass_tokens is None else max(pass_tokens, longest)
    processes = world_size()
    most = min(len(documents), -(-len(_ends(lengths, limit)) // processes) * processes)
    low, high = longest, limit
    while low < high:  # the smallest limit that still takes no more passes
        middle = (low + high) // 2
        low, high = (low, middle) if len(_ends(lengths, middle)) <= most else (middle + 1, high)
    ends = _ends(lengths, low)
    while len(ends) < most:  # the longest document keeps the limit from being any smaller
        start, end = max(zip([0, *ends], ends, strict=False), key=lambda span: span[1] - span[0])
        ends = sorted([*ends, (start + end) // 2])
    return [documents[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _ends(lengths: Sequence[int], limit: int) -> list[int]:
    """Return where each pass ends if documents join it, in order, while its padded tokens do not exceed the limit."""
    ends, start, width = [], 0, 0
    for i, length in enumerate(lengths):
        width = max(width, length)
        if i > start and width * (i + 1 - start) > limit:
            ends.append(i)
            start, width = i, length
    return [*ends, len(lengths)]
