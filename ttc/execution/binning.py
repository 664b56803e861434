"""Every problem of a run gets its quintile of difficulty, of the run's own samples where no table tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ttc.difficulty.base import Bins, Difficulty
from ttc.runs.records import ProblemRecord


def binned(
    records: Sequence[ProblemRecord], difficulty: Difficulty, *, independent: bool
) -> tuple[list[ProblemRecord], Bins]:
    """Return every record with its quintile, and the bins.

    The run's own difficulties are offered where its samples are independent, and all problems have one.
    """
    own = {record.id: difficulty.own_value(record) for record in records}
    known = {id_: value for id_, value in own.items() if value is not None}
    complete = independent and len(known) == len(own)
    bins = difficulty.bins([record.id for record in records], own=known if complete else None)
    return [replace(record, quintile=bins.quintile.get(record.id)) for record in records], bins
