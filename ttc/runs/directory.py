"""The run directory: the names of its files, and how they are read and written."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.errors import UserError
from ttc.files import atomic_path, open_regular, read_json, read_jsonl, write_csv, write_json, write_lines
from ttc.runs.hydra_files import AGAIN, list_of_overrides, recorded_overrides
from ttc.runs.records import ProblemRecord
from ttc.runs.trees import SearchTree, read_trees
from ttc.terminal import printable_line

if TYPE_CHECKING:
    import pandas as pd

SUMMARY = "summary.json"
PROBLEMS = "problems.jsonl"
ACCURACY = "accuracy.csv"
TREES = "trees.jsonl"
HINT = "give the directory of a finished run."


@dataclass(frozen=True)
class RunDirectory:
    """One run's directory.

    summary.json holds accuracies and costs, accuracy.csv the tables, problems.jsonl one row per problem, trees.jsonl
    the search of each problem, where the run searched step by step. The summary is written last: a directory that has
    one is of a finished run. It records the digests of the other files, so that files of two runs, of which one was
    killed while it replaced the other's, are never taken for one.
    """

    path: Path

    @property
    def problems_file(self) -> Path:
        return self.path / PROBLEMS

    @property
    def accuracy_file(self) -> Path:
        return self.path / ACCURACY

    @property
    def summary_file(self) -> Path:
        return self.path / SUMMARY

    @property
    def trees_file(self) -> Path:
        return self.path / TREES

    @property
    def files(self) -> tuple[Path, ...]:
        """All of the run's own files, of which the trees may be absent."""
        return self.problems_file, self.accuracy_file, self.trees_file, self.summary_file

    def summary(self) -> dict[str, Any]:
        """Read summary.json.

        Raises:
            UserError: there is none, or it is not a JSON object.
        """
        found = read_json(self.summary_file, hint=HINT)
        if not isinstance(found, dict):
            raise UserError(f"{self.summary_file} is not a JSON object; {AGAIN}")
        return found

    def records(self) -> list[ProblemRecord]:
        """Read problems.jsonl.

        Raises:
            UserError: it cannot be read, or a row is not one that a run writes.
        """
        return read_records(self.problems_file)

    def trees(self) -> dict[str, SearchTree]:
        """Read trees.jsonl; return each problem's tree by its id, none where the run did not search step by step.

        Raises:
            UserError: it is missing or damaged although the run wrote one.
        """
        return read_trees(self.trees_file) if self.has_trees(self.summary()) else {}

    def has_trees(self, summary: Mapping[str, Any]) -> bool:
        """Whether the run wrote a trees.jsonl, which is still the one that the summary was written with.

        Raises:
            UserError: it is missing, or another one.
        """
        known = _digests(summary).get(TREES)
        if known is not None and known != _file_digest(self.trees_file):
            raise UserError(f"{self.trees_file} is not the file that {SUMMARY} was written with; {AGAIN}")
        return known is not None

    def refuse_mixture(self, summary: Mapping[str, Any]) -> None:
        """Refuse files of which one is not the one that the summary was written with.

        Raises:
            UserError: a file is missing or another one. A summary of an older ttc cannot tell.
        """
        for file in (self.problems_file, self.accuracy_file):
            known = _digests(summary).get(file.name)
            if known is not None and known != _file_digest(file):
                raise UserError(
                    f"{file} is not the file that {SUMMARY} was written with: it was edited, or a command was killed "
                    f"while it wrote; {AGAIN[:-1]}, or rebuild its tables: ttc grade {self.path}"
                )

    def overrides(self, summary: Mapping[str, Any] | None = None) -> dict[str, str]:
        """Return the overrides of the command line, e.g. `{"budget": "4"}`; empty where none were recorded.

        summary.json records them: pass it if it was read already. For the runs of older versions, Hydra's own record
        counts.

        Raises:
            UserError: the record is not a list.
        """
        if summary is None:
            summary = self.summary() if self.summary_file.is_file() else {}
        if "overrides" in summary:
            return by_key(list_of_overrides(summary["overrides"], f"overrides in {self.summary_file}"))
        return by_key(recorded_overrides(self.path))

    def write(
        self, summary: Mapping[str, Any], table: pd.DataFrame, rows: Iterable[str], trees: Iterable[str] | None = None
    ) -> None:
        """Write all files, or none.

        All are complete on the disk before the first replaces an older one; the summary is the last that does.

        Args:
            summary: of the run.
            table: of its accuracies.
            rows: lines of problems.jsonl, best sorted by id.
            trees: lines of trees.jsonl, which is only there if there are any; None: what the summary says of an
                earlier one stays true.
        """
        with (
            atomic_path(self.summary_file) as summary_draft,
            atomic_path(self.accuracy_file) as accuracy_draft,
            atomic_path(self.problems_file) as problems_draft,  # contexts end in reverse order
            contextlib.ExitStack() as trees_draft,
        ):
            write_lines(problems_draft, rows)
            write_csv(accuracy_draft, table)
            digests = {PROBLEMS: _file_digest(problems_draft), ACCURACY: _file_digest(accuracy_draft)}
            known = _digests(summary).get(TREES) if trees is None else self._write_trees(trees, trees_draft)
            digests |= {TREES: known} if known is not None else {}
            write_json(summary_draft, {**summary, "files": digests})
        if trees is not None and known is None:  # those of an earlier run, which the summary no longer names
            with contextlib.suppress(OSError):
                self.trees_file.unlink()

    def _write_trees(self, lines: Iterable[str], stack: contextlib.ExitStack) -> str | None:
        """Write a draft of trees.jsonl, if there are any, which `stack` puts in place; return its digest."""
        remaining = iter(lines)
        first = next(remaining, None)
        if first is None:
            return None
        draft = stack.enter_context(atomic_path(self.trees_file))
        write_lines(draft, itertools.chain([first], remaining))
        return _file_digest(draft)


def by_key(overrides: Iterable[str]) -> dict[str, str]:
    """Return overrides such as `+budget=4` by their keys."""
    # The jobs of a sweep have their colons escaped, e.g. strategy.ratio=1\:4; single runs do not.
    return dict(override.replace("\\:", ":").lstrip("+~").partition("=")[::2] for override in overrides)


def read_records(file: Path) -> list[ProblemRecord]:
    """Read the rows of a problems.jsonl.

    Raises:
        UserError: it cannot be read, a row is not one that a run writes, or there are two of a problem.
    """
    return unique_records((parse_record(row, place), place) for place, row in read_jsonl(file, hint=HINT))


def unique_records(records: Iterable[tuple[ProblemRecord, str]]) -> list[ProblemRecord]:
    """Return the records, given with the place of each.

    Raises:
        UserError: there are two of a problem.
    """
    found: dict[str, ProblemRecord] = {}
    for record, place in records:
        if record.id in found:
            raise UserError(f"{place} is the second row of problem {printable_line(record.id, 80)}; {AGAIN}")
        found[record.id] = record
    return [*found.values()]


def parse_record(row: Any, place: str) -> ProblemRecord:
    """Turn a row of problems.jsonl into its record.

    Raises:
        UserError: it is not one that a run writes.
    """
    try:
        return ProblemRecord.from_json(row)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise UserError(f"{place} is not a row of a run ({reason}); {HINT}") from None


def _digests(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the digests of the run's other files, as far as its summary records them."""
    found = summary.get("files")
    return found if isinstance(found, dict) else {}


def _file_digest(file: Path) -> str | None:
    """Return a digest of the file's content; None if it cannot be read."""
    try:
        with open_regular(file) as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        return None
