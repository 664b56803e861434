"""A case: a command line, the files that it names, and what its outcome may be."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Prepare = Callable[[Path], None]
Template = Callable[[random.Random], "Case"]

# A run that would take seconds, should a bad input be accepted.
QUICK = ("strategy=best_of_n", "budget=2", "data.limit=2", "store=off")


def nothing(directory: Path) -> None:
    """Prepare no files."""


@dataclass(frozen=True)
class Case:
    """One command line.

    Attributes:
        arguments: of `ttc`.
        prepare: writes the files that the arguments name into the case's own directory.
        sure: whether the input is certainly bad, and can be known to be before a model is loaded.
    """

    arguments: Sequence[str]
    prepare: Prepare = field(default=nothing, compare=False)
    sure: bool = True


def run_case(*arguments: str, prepare: Prepare = nothing, sure: bool = True) -> Case:
    """Return a case of `ttc run`."""
    return Case(["run", *QUICK, *arguments], prepare, sure)


def file(name: str, content: bytes | str) -> Prepare:
    """Return what writes one file."""
    encoded = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return lambda directory: _write(directory / name, encoded)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


SPECIAL: Mapping[str, Prepare] = {
    "pipe": lambda directory: os.mkfifo(directory / "pipe"),
    "loop": lambda directory: (directory / "loop").symlink_to("loop"),
    "dangling": lambda directory: (directory / "dangling").symlink_to("absent"),
    "directory": lambda directory: (directory / "directory").mkdir(),
    "/dev/zero": nothing,
    "/dev/full": nothing,
    "/dev/stdin": nothing,
    "absent/absent": nothing,
    "x" * 300: nothing,
    "": nothing,
}


def special(rng: random.Random, suffix: str = "") -> tuple[str, Prepare]:
    """Return a path that is no regular file, and what creates it. With a suffix, the path is a link to it."""
    name = rng.choice(sorted(SPECIAL))
    if not suffix or not name or len(name) > 200:
        return name, SPECIAL[name]

    def prepare(directory: Path) -> None:
        SPECIAL[name](directory)
        (directory / f"link{suffix}").symlink_to(name)

    return f"link{suffix}", prepare


def draws(templates: Sequence[Template], count: int, rng: random.Random) -> Iterator[Case]:
    """Yield `count` cases; every template once before any a second time."""
    waiting: list[Template] = []
    for _ in range(count):
        if not waiting:
            waiting = list(templates)
            rng.shuffle(waiting)
        yield waiting.pop()(rng)


def fixed(cases: Sequence[Case]) -> list[Template]:
    """Return templates without anything random."""
    return [lambda _, case=case: case for case in cases]  # type: ignore[misc]
