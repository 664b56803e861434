"""Data inside the page: JSON, compressed and in base64, which no text can break out of."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Iterable


def encode(value: object) -> str:
    """Return a JSON value as base64 of its gzip; the same value gives the same text."""
    # Lone surrogates, which UTF-8 refuses, leave as the escapes that JSON has for them: ensure_ascii.
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()


def decode(block: str) -> object:
    """Return what `encode` was given."""
    return json.loads(gzip.decompress(base64.b64decode(block)))


def rounded(value: float | None, digits: int = 4) -> float | int | None:
    """Return a number in few characters: 4 digits after the point, and None for what JSON has no number for."""
    if value is None or not math.isfinite(value):
        return None
    short = round(float(value), digits)
    return int(short) if short.is_integer() else short


def all_rounded(values: Iterable[float | None]) -> list[float | int | None]:
    """Return `rounded` of each."""
    return [rounded(value) for value in values]
