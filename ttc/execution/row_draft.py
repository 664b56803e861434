"""Rows that are written in whatever order they come, and read back sorted by id."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self


class RowDraft:
    """A file of rows beside the one that they will make; a context manager that removes it on exit."""

    def __init__(self, directory: Path, name: str) -> None:
        """Take the directory and name of the file that the rows will make."""
        self._path = directory / f".{name}.{os.getpid()}.rows"
        self._offsets: dict[str, int] = {}  # by id

    def __enter__(self) -> Self:
        self._file: IO[bytes] = self._path.open("w+b")
        return self

    def __exit__(self, *exception: object) -> None:
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # a full disk, which its writes have reported
            self._file.close()

    def add(self, id_: str, row: str) -> None:
        """Write the row of a problem."""
        self._offsets[id_] = self._file.tell()
        # JSON has escapes for the lone surrogates that UTF-8 refuses.
        self._file.write(row.encode(errors="backslashreplace") + b"\n")

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield (id, row), sorted by id."""
        for id_ in sorted(self._offsets):
            self._file.seek(self._offsets[id_])
            yield id_, self._file.readline().decode().removesuffix("\n")
