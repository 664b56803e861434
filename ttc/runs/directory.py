"""The run directory: the names of its files, and how they are read and written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.errors import UserError
from ttc.files import read_jsonl, write_csv, write_json, write_lines
from ttc.runs.records import ProblemRecord

if TYPE_CHECKING:
    import pandas as pd

SUMMARY = "summary.json"
PROBLEMS = "problems.jsonl"
ACCURACY = "accuracy.csv"
HINT = "give the directory of a finished run."


@dataclass(frozen=True)
class RunDirectory:
    """One run's directory.

    summary.json holds accuracies and costs, accuracy.csv the tables, problems.jsonl one row per problem. The summary is
    written last: a directory that has one is of a finished run.
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

    def summary(self) -> dict[str, Any]:
        """Read summary.json.

        Raises:
            UserError: there is none, or it is not a JSON object.
        """
        try:
            found = json.loads(self.summary_file.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"{self.summary_file} cannot be read ({error.strerror}); {HINT}") from None
        except ValueError as error:
            raise UserError(f"{self.summary_file} is not JSON ({error}); run the experiment again.") from None
        if not isinstance(found, dict):
            raise UserError(f"{self.summary_file} is not a JSON object; run the experiment again.")
        return found

    def records(self) -> list[ProblemRecord]:
        """Read problems.jsonl.

        Raises:
            UserError: it cannot be read, or a row is not one that a run writes.
        """
        return read_records(self.problems_file)

    def overrides(self) -> dict[str, str]:
        """Return the overrides of the command line, e.g. `{"budget": "4"}`; empty where Hydra recorded none.

        Raises:
            UserError: the file is not a list.
        """
        from omegaconf import OmegaConf

        file = self.path / ".hydra" / "overrides.yaml"
        given = OmegaConf.to_object(OmegaConf.load(file)) if file.is_file() else []
        if not isinstance(given, list):
            raise UserError(f"{file} is not a list of overrides; run the experiment again.")
        # The jobs of a sweep have their colons escaped, e.g. strategy.ratio=1\:4; single runs do not.
        return dict(str(override).replace("\\:", ":").lstrip("+~").partition("=")[::2] for override in given)

    def write(self, summary: Mapping[str, Any], table: pd.DataFrame, rows: Iterable[str]) -> None:
        """Write all three files, the summary last. `rows` are lines of problems.jsonl, best sorted by id."""
        write_lines(self.problems_file, rows)
        self.write_tables(summary, table)

    def write_tables(self, summary: Mapping[str, Any], table: pd.DataFrame) -> None:
        """Write accuracy.csv and summary.json."""
        write_csv(self.accuracy_file, table)
        write_json(self.summary_file, summary)


def read_records(file: Path) -> list[ProblemRecord]:
    """Read the rows of a problems.jsonl.

    Raises:
        UserError: it cannot be read, or a row is not one that a run writes.
    """
    records = []
    for place, row in read_jsonl(file, hint=HINT):
        try:
            records.append(ProblemRecord.from_json(row))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{place} is not a row of a run ({error}); {HINT}") from None
    return records
