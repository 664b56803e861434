"""Which problems a checkpoint that `ttc train` made has learnt from: a run on these measures nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

INFO_FILE = "model_info.json"
_KEY = "trained_on"


def question_digest(question: str) -> str:
    """Identify a problem by its question, whatever file it comes from."""
    return hashlib.sha256(" ".join(question.split()).encode()).hexdigest()[:16]


def training_record(questions: Iterable[str]) -> dict[str, list[str]]:
    """Return what a checkpoint's `model_info.json` says of the problems that it learnt from: digests, no texts."""
    return {_KEY: sorted({question_digest(question) for question in questions})}


def trained_on(directory: Path) -> frozenset[str]:
    """Return the digests of the problems that a checkpoint learnt from; none where it does not say."""
    try:
        stamp = (directory / INFO_FILE).stat().st_mtime_ns
    except OSError:
        return frozenset()
    return _read(directory / INFO_FILE, stamp)


@lru_cache(maxsize=64)
def _read(file: Path, stamp: int) -> frozenset[str]:
    try:
        recorded = json.loads(file.read_text(encoding="utf-8"))[_KEY]
        return frozenset(map(str, recorded))
    except (OSError, ValueError, KeyError, TypeError):  # of another program, or of an earlier ttc
        return frozenset()


def overlap_note(setting: str, name: str, learnt: frozenset[str], questions: Iterable[str]) -> list[str]:
    """Return a warning where a model learnt from problems of a run, for its summary."""
    asked = [question_digest(question) for question in questions]
    seen = sum(digest in learnt for digest in asked)
    if not seen:
        return []
    return [
        f"warning: {setting}={name} was trained on {seen} of these {len(asked)} problems: their results say nothing "
        "about new ones; leave them out"
    ]
