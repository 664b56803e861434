"""Directories that are written whole or not at all, such as a model's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_directory(directory: Path) -> Iterator[Path]:
    """Yield an empty draft beside `directory` that replaces it when the block succeeds.

    A killed writer leaves its draft, which the next one removes. Directories cannot be exchanged atomically: a writer
    that is killed between two renames leaves the old one as `NAME.old`, and none under its name.
    """
    draft, old = (directory.with_name(f"{directory.name}.{suffix}") for suffix in ("draft", "old"))
    for leftover in (draft, old):
        shutil.rmtree(leftover, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        if directory.exists():
            directory.rename(old)
        draft.rename(directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
