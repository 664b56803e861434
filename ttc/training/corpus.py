"""Batches of documents of similar length, reshuffled each epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import Generic, TypeVar

from ttc.training.loop import Batch

BATCHES_PER_POOL = 64  # sorted by length, so that the documents of a batch need little padding

DocumentT = TypeVar("DocumentT")


class Corpus(Generic[DocumentT]):
    """Batches of a fixed list of documents. A step's batch depends on the step and the seed only, for resuming."""

    def __init__(
        self,
        documents: Sequence[DocumentT],
        batch_documents: int,
        seed: int,
        length_of: Callable[[DocumentT], int],
        collate: Callable[[Sequence[DocumentT]], Batch],
    ) -> None:
        self._documents, self._batch_documents, self._seed = documents, batch_documents, seed
        self._length_of, self._collate = length_of, collate
        self.batches_per_epoch = max(1, len(documents) // batch_documents)
        self._epoch = lru_cache(maxsize=1)(self._plan_epoch)

    def batch_at(self, step: int) -> Batch:
        """Return the batch of a step, collated."""
        epoch, index = divmod(step, self.batches_per_epoch)
        return self._collate([self._documents[i] for i in self._epoch(epoch)[index]])

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
