"""Batches of documents of about one length, reshuffled each epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import Generic, TypeVar

from ttc.training.loop import Batch

BATCHES_PER_POOL = 64  # sorted by length, so that a batch holds documents of about one length

Row = TypeVar("Row")


class Corpus(Generic[Row]):
    """Batch `step` depends on the seed and the step alone, so that a resumed training sees what it would have seen."""

    def __init__(
        self,
        rows: Sequence[Row],
        batch_rows: int,
        seed: int,
        length_of: Callable[[Row], int],
        collate: Callable[[Sequence[Row]], Batch],
    ) -> None:
        self._rows, self._batch, self._seed = rows, batch_rows, seed
        self._length_of, self._collate = length_of, collate
        self.batches_per_epoch = max(1, len(rows) // batch_rows)
        self._epoch = lru_cache(maxsize=1)(self._plan)

    def batch_at(self, step: int) -> Batch:
        """The batch of a step, as tensors."""
        epoch, index = divmod(step, self.batches_per_epoch)
        return self._collate([self._rows[i] for i in self._epoch(epoch)[index]])

    def _plan(self, epoch: int) -> list[list[int]]:
        """Row numbers of each batch of an epoch: shuffled, sorted by length within pools, batches shuffled again."""
        rng = Random(f"{self._seed}-{epoch}")
        order = list(range(len(self._rows)))
        rng.shuffle(order)
        pool = BATCHES_PER_POOL * self._batch
        batches = []
        for start in range(0, len(order), pool):
            rows = sorted(order[start : start + pool], key=lambda i: self._length_of(self._rows[i]))
            batches += [rows[i : i + self._batch] for i in range(0, len(rows), self._batch)]
        rng.shuffle(batches)
        return batches
