"""Figures that are embedded in the page: every SVG of a directory, as an image in which nothing can run."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ttc.errors import UserError
from ttc.files import open_regular, read_json
from ttc.terminal import printable_line

INDEX = "index.json"
MAX_FIGURE_BYTES = 8 * 2**20
_HINT = "give the directory that `ttc figures` wrote."


def read_figures(directory: Path) -> list[dict[str, str]]:
    """Return the figures of a directory: those of its index.json first, in that order.

    Raises:
        UserError: it holds no SVG, one is too large or cannot be read, or its index is not one.
    """
    files = {path.stem: path for path in sorted(directory.glob("*.svg"))} if directory.is_dir() else {}
    if not files:
        raise UserError(f"--figures {directory} holds no SVG file; {_HINT}")
    listed = _index(directory / INDEX)
    names = [*(name for name in listed if name in files), *(name for name in files if name not in listed)]
    return [_figure(name, files[name], listed.get(name, {})) for name in names]


def _figure(name: str, file: Path, entry: dict[str, Any]) -> dict[str, str]:
    try:
        with open_regular(file) as stream:
            content = stream.read(MAX_FIGURE_BYTES + 1)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror or error}); {_HINT}") from None
    if len(content) > MAX_FIGURE_BYTES:
        raise UserError(f"{file} has more than {MAX_FIGURE_BYTES >> 20} MB, the limit of a figure; remove it.")
    return {
        "name": printable_line(name, 200),
        "title": printable_line(entry.get("title") or name, 300),
        "caption": printable_line(entry.get("caption") or "", 3000),
        "runs": printable_line(entry.get("source") or "", 1000),
        "image": f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}",
    }


def _index(file: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of index.json by name; empty where there is none."""
    if not file.exists():
        return {}
    entries = read_json(file, hint=_HINT)
    entries = entries.get("figures") if isinstance(entries, dict) else entries
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{file} is not a list of figures; {_HINT}")
    return {str(entry.get("name")): entry for entry in entries}
