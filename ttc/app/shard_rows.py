"""The rows of all shards together: records for the tables, lines for problems.jsonl and trees.jsonl."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ttc.app.shards import Shard
from ttc.errors import UserError
from ttc.files import jsonl_row, read_jsonl
from ttc.runs.columns import CandidateColumns
from ttc.runs.directory import HINT, RunDirectory, parse_record
from ttc.runs.records import ProblemRecord
from ttc.terminal import printable_line


def records_of(shards: Sequence[Shard]) -> list[ProblemRecord]:
    """Return the records of all problems by id, their candidates without texts.

    Raises:
        UserError: two of a problem, files that are not those of their run, or sizes that shards cannot have.
    """
    owner: dict[str, Shard] = {}
    found = []
    for shard in shards:
        files = RunDirectory(shard.place)
        files.refuse_mixture(shard.run.summary)
        records = []
        for place, row in read_jsonl(files.problems_file, hint=HINT):
            record = parse_record(row, place)
            if (other := owner.get(record.id)) is not None:
                raise UserError(
                    f"problem {printable_line(record.id, 80)} is in {other.place} and in {shard.place}; merge shards "
                    "of one data set."
                )
            owner[record.id] = shard
            slim = CandidateColumns([replace(candidate, text="") for candidate in record.candidates])
            records.append(replace(record, candidates=slim, question=None))
        found.append(records)
    _refuse_uneven(shards, found)
    return sorted((record for records in found for record in records), key=lambda record: record.id)


def problem_rows(shards: Sequence[Shard], quintile: Mapping[str, int | None]) -> Iterator[str]:
    """Yield the rows of problems.jsonl, sorted by id, with the quintiles among all problems."""

    def of(shard: Shard) -> Iterator[dict[str, Any]]:
        return (row for _, row in read_jsonl(RunDirectory(shard.place).problems_file, hint=HINT))

    for row in heapq.merge(*map(of, shards), key=lambda row: str(row["id"])):
        yield jsonl_row(row | {"quintile": quintile[row["id"]]})


def tree_rows(shards: Sequence[Shard]) -> Iterator[str]:
    """Yield the rows of trees.jsonl, sorted by id; none where no shard searched."""

    def of(shard: Shard) -> Iterator[tuple[str, str]]:
        files = RunDirectory(shard.place)
        if files.has_trees(shard.run.summary):
            for place, row in read_jsonl(files.trees_file, hint=HINT):
                if not isinstance(row, dict) or not isinstance(row.get("id"), str):
                    raise UserError(f"{place} is not a search tree; run the experiment again.")
                yield row["id"], jsonl_row(row)

    return (line for _, line in heapq.merge(*map(of, shards), key=lambda pair: pair[0]))


def _refuse_uneven(shards: Sequence[Shard], records: Sequence[Sequence[ProblemRecord]]) -> None:
    """Refuse sizes that the parts of one problem set cannot have: they differ by one problem at most."""
    sizes = dict(zip(map(len, records), shards, strict=True))
    least, most = min(sizes), max(sizes)
    if most - least > 1:
        raise UserError(
            f"{sizes[least].place} has {least} problems and {sizes[most].place} {most}: they are not shards of one "
            "problem set; use the same data for all."
        )
