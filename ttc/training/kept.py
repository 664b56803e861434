"""Numbers that take long to compute, kept in files part by part: a training that is killed loses one part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ttc.files import atomic_path, read_json, write_json
from ttc.hashing import digest
from ttc.progress_bar import ProgressBar

ITEMS_PER_PART = 32

ItemT = TypeVar("ItemT")
Rows = NDArray[np.float32]


def kept_rows(
    directory: Path,
    items: Sequence[ItemT],
    compute: Callable[[Sequence[ItemT]], Rows],
    identity: object,
    title: str,
) -> Rows:
    """Return what `compute` makes of the items, 32 at a time, its rows one after another; parts in files are read.

    Args:
        directory: of the files; those of another identity are replaced.
        items: in order; an item may have several rows.
        compute: rows of some items, in single precision.
        identity: what the rows depend on, the items included.
        title: of the progress bar.
    """
    _claim(directory, digest(identity).hex())
    found = []
    with ProgressBar(title, len(items)) as bar:
        for number, start in enumerate(range(0, len(items), ITEMS_PER_PART)):
            part = items[start : start + ITEMS_PER_PART]
            file = directory / f"{number:05}.npy"
            if not file.exists():
                rows = compute(part)
                with atomic_path(file) as draft, draft.open("wb") as stream:
                    np.save(stream, rows)
            found.append(np.load(file))
            if bar.is_due:
                bar.show(start + len(part))
    rows_of_all: Rows = np.concatenate(found)
    return rows_of_all


def _claim(directory: Path, identity: str) -> None:
    record, wanted = directory / "identity.json", {"of": identity}
    if record.exists() and read_json(record, hint=f"delete {directory}.") == wanted:
        return
    for file in directory.glob("*.npy"):
        file.unlink()
    directory.mkdir(parents=True, exist_ok=True)
    write_json(record, wanted)
