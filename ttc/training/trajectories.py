"""Training data of the revision model: attempts, then a correct one (Algorithm 5; Snell et al. 2024, section 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

MAX_ATTEMPTS = 4
NEAREST_ATTEMPTS = 3


class Recipe(StrEnum):
    """How attempts are chosen to precede a target.

    paper: each correct sample is a target, preceded by 0 .. 4 wrong ones: the last is the one nearest to the target,
        the others are random.
    nearest: one correct sample per problem is a target, preceded by the three wrong ones nearest to it, the nearest
        last.
    own: imitates the model's own chains. Any number of the 0 .. 4 attempts is correct, so that the model learns to keep
        a correct one. Without attempts the target is any sample, so that a first attempt stays what the generator
        would write, and only revisions improve.
    chains: uses the model's own chains. Each distinct context appears once, followed by the correct sample nearest to
        its last attempt; the empty context is followed by any first attempt.
    rest_em: imitates the successes in the model's own chains, up to the first correct attempt of each (Snell et al.
        2024, appendix K; ReST-EM, Singh et al. 2024). Unlike in `chains`, a context is followed by what the model
        itself wrote there, if that is correct; a context that it never solved is left out; and no correct attempt is
        ever shown. Each number of attempts is equally frequent.
    """

    paper = "paper"
    nearest = "nearest"
    own = "own"
    chains = "chains"
    rest_em = "rest_em"

    @property
    def learns_from_chains(self) -> bool:
        return self in {Recipe.chains, Recipe.rest_em}


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One training document of a revision model: it learns to write the target after the attempts."""

    question: str
    attempts: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A solution that a revision model sampled, and the earlier attempts that it was shown."""

    text: str
    correct: bool
    shown: tuple[str, ...] = ()


def build_trajectories(
    question: str, correct: Sequence[str], wrong: Sequence[str], recipe: Recipe, rng: Random
) -> list[Trajectory]:
    """Return the trajectories of one problem from independent samples; none if no sample is correct."""
    if recipe is Recipe.paper:
        return [Trajectory(question, _draw_attempts(target, (), wrong, rng), target) for target in correct]
    if recipe is Recipe.own:
        return [_own_trajectory(question, index, correct, wrong, rng) for index in range(len(correct))]
    if not correct or not wrong:
        return []
    target = rng.choice(correct)
    order = np.argsort(edit_distances(target, wrong), kind="stable")[:NEAREST_ATTEMPTS]
    return [Trajectory(question, tuple(wrong[i] for i in reversed(order)), target)]


def _own_trajectory(question: str, index: int, correct: Sequence[str], wrong: Sequence[str], rng: Random) -> Trajectory:
    attempts = _draw_attempts(correct[index], [*correct[:index], *correct[index + 1 :]], wrong, rng)
    return Trajectory(question, attempts, correct[index] if attempts else rng.choice([*correct, *wrong]))


def _draw_attempts(target: str, correct: Sequence[str], wrong: Sequence[str], rng: Random) -> tuple[str, ...]:
    """Draw 0 .. 4 samples, any number of them correct; if the last is wrong, the one nearest to the target replaces it.

    The nearest wrong sample is moved to the end when it was already drawn.
    """
    count = rng.randint(0, MAX_ATTEMPTS)
    kept = rng.sample(correct, min(rng.randint(0, count), len(correct))) if correct else []
    failed = rng.sample(wrong, min(count - len(kept), len(wrong)))
    attempts = rng.sample([*kept, *failed], len(kept) + len(failed))
    if not attempts or attempts[-1] not in failed:
        return tuple(attempts)
    nearest = _nearest(target, wrong)
    attempts.remove(nearest if nearest in attempts else attempts[-1])
    return (*attempts, nearest)


def build_chain_trajectories(question: str, attempts: Sequence[Attempt], rng: Random) -> list[Trajectory]:
    """Return the trajectories of one problem from chains of attempts; none if no attempt is correct."""
    correct = list(dict.fromkeys(attempt.text for attempt in attempts if attempt.correct))
    first = [attempt.text for attempt in attempts if not attempt.shown]
    contexts = dict.fromkeys(attempt.shown for attempt in attempts) if correct else ()
    return [
        Trajectory(question, shown, _nearest(shown[-1], correct) if shown else rng.choice(first)) for shown in contexts
    ]


def build_rest_em_trajectories(question: str, attempts: Sequence[Attempt]) -> list[Trajectory]:
    """Return a trajectory for each correct attempt that was shown wrong attempts only, or none."""
    correct = {attempt.text for attempt in attempts if attempt.correct}
    return [
        Trajectory(question, attempt.shown, attempt.text)
        for attempt in attempts
        if attempt.correct and correct.isdisjoint(attempt.shown)
    ]


def balance_lengths(trajectories: Sequence[Trajectory], rng: Random) -> list[Trajectory]:
    """Make each number of attempts equally frequent: the frequent ones are thinned out, the rare ones repeated.

    The total stays the same, up to rounding.
    """
    by_length: dict[int, list[Trajectory]] = {}
    for trajectory in trajectories:
        by_length.setdefault(len(trajectory.attempts), []).append(trajectory)
    share = -(-len(trajectories) // max(1, len(by_length)))
    balanced = []
    for _, same in sorted(by_length.items()):
        repeats, rest = divmod(share, len(same))
        balanced += [*same * repeats, *rng.sample(same, rest)]
    return balanced


def _nearest(text: str, others: Sequence[str]) -> str:
    return others[int(np.argmin(edit_distances(text, others)))]


def edit_distances(target: str, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the Levenshtein distances, in characters, from `target` to each text."""
    distances: NDArray[np.int64] = cdist([target], texts, scorer=Levenshtein.distance, dtype=np.int64)[0]
    return distances
