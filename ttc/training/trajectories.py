"""Algorithm 5's data: wrong attempts, then a right one (Snell et al. 2024, section 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

import numpy as np

MOST_ATTEMPTS = 4
NEAREST_ATTEMPTS = 3


class Recipe(StrEnum):
    """How wrong attempts are put before right ones.

    PAPER: before every right sample n of 0 .. 4 wrong ones, the last of them the nearest to it, the others at random.
    NEAREST: before one right sample a problem the three wrong ones nearest to it, the nearest last.
    OWN: what a chain of its own will hold. Of the attempts any number is right, so that right ones are kept; where
    there is none, the target is any sample, so that a first attempt stays what the generator would write, and only
    revisions get better.
    CHAINS: what a chain of its own did hold. Each different context once, before the right sample that is nearest to
    the context's last attempt, or, where it is empty, before any sample.
    """

    paper = "paper"
    nearest = "nearest"
    own = "own"
    chains = "chains"


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What a revision model learns from: the target is to follow the attempts."""

    question: str
    attempts: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A solution that a revision model sampled, and those that it saw."""

    text: str
    right: bool
    shown: tuple[str, ...] = ()


def trajectories(
    question: str, right: Sequence[str], wrong: Sequence[str], recipe: Recipe, rng: Random
) -> list[Trajectory]:
    """The trajectories of one problem, from its sampled solutions; none without a right one."""
    if recipe is Recipe.paper:
        return [Trajectory(question, _attempts(target, (), wrong, rng), target) for target in right]
    if recipe is Recipe.own:
        return [_own(question, number, right, wrong, rng) for number in range(len(right))]
    if not right or not wrong:
        return []
    target = rng.choice(right)
    order = np.argsort(edit_distances(target, wrong), kind="stable")[:NEAREST_ATTEMPTS]
    return [Trajectory(question, tuple(wrong[i] for i in reversed(order)), target)]


def _own(question: str, number: int, right: Sequence[str], wrong: Sequence[str], rng: Random) -> Trajectory:
    attempts = _attempts(right[number], [*right[:number], *right[number + 1 :]], wrong, rng)
    return Trajectory(question, attempts, right[number] if attempts else rng.choice([*right, *wrong]))


def _attempts(target: str, right: Sequence[str], wrong: Sequence[str], rng: Random) -> tuple[str, ...]:
    """0 .. 4 samples, any number of them right; a wrong last one gives way to the one nearest to the target."""
    count = rng.randint(0, MOST_ATTEMPTS)
    kept = rng.sample(right, min(rng.randint(0, count), len(right))) if right else []
    failed = rng.sample(wrong, min(count - len(kept), len(wrong)))
    attempts = rng.sample([*kept, *failed], len(kept) + len(failed))
    if not attempts or attempts[-1] not in failed:
        return tuple(attempts)
    nearest = _nearest(target, wrong)
    attempts.remove(nearest if nearest in attempts else attempts[-1])
    return (*attempts, nearest)


def chained(question: str, attempts: Sequence[Attempt], rng: Random) -> list[Trajectory]:
    """The trajectories of one problem, from chains of attempts at it; none without a right one."""
    right = list(dict.fromkeys(attempt.text for attempt in attempts if attempt.right))
    first = [attempt.text for attempt in attempts if not attempt.shown]
    contexts = dict.fromkeys(attempt.shown for attempt in attempts) if right else ()
    return [
        Trajectory(question, shown, _nearest(shown[-1], right) if shown else rng.choice(first)) for shown in contexts
    ]


def _nearest(text: str, others: Sequence[str]) -> str:
    return others[int(np.argmin(edit_distances(text, others)))]


def edit_distances(target: str, texts: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Levenshtein distances, in characters, from `target` to each text: the rows of all tables are filled at once."""
    width = max(len(text) for text in texts)
    letters = np.full((len(texts), width), -1)  # (texts, characters), right-padded
    for i, text in enumerate(texts):
        letters[i, : len(text)] = [ord(letter) for letter in text]
    columns = np.arange(width + 1)
    row = np.broadcast_to(columns, (len(texts), width + 1)).copy()
    for number, letter in enumerate(target, start=1):
        changed = np.minimum(row[:, 1:] + 1, row[:, :-1] + (letters != ord(letter)))
        row[:, 1:] = changed
        row[:, 0] = number
        # An insertion comes from the left: the running minimum of (value - column) carries it in one pass.
        row = np.minimum.accumulate(row - columns, axis=1) + columns
    return row[np.arange(len(texts)), [len(text) for text in texts]]
