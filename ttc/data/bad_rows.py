"""The rows of a dataset that cannot be used: the first is an error or, if the user says so, all are skipped."""

from __future__ import annotations

from ttc.errors import UserError


class BadRows:
    """Takes what is wrong with rows.

    Attributes:
        count: of the rows that were skipped.
        first: place and reason of the first of them.
    """

    def __init__(self, *, skip: bool = False) -> None:
        self.count, self.first = 0, ""
        self._skip = skip

    def add(self, error: UserError) -> None:
        """Count a bad row.

        Raises:
            UserError: the same, unless bad rows are to be skipped.
        """
        if not self._skip:
            raise error
        self.count += 1
        self.first = self.first or str(error)

    def note(self, data: str) -> str:
        """Say on one line how many rows of a dataset were skipped, and why the first was."""
        rows = "1 bad row was" if self.count == 1 else f"{self.count:,} bad rows were"
        reason = self.first.rstrip(".")
        return f"{rows} skipped (data.skip_bad_rows=true, data={data}); the first: {reason}"
