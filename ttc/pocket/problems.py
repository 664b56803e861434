"""The pocket problems: six subjects, levels 1-5, with solutions that contain human-like slips.

The level determines how many parts a problem has, how many of them are pitfalls, and how likely a slip is at each
pitfall (see `ttc.pocket.pen`). Splits are disjoint by construction: a hash of a problem's text determines its split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from random import Random

from ttc.pocket.part import Part, PartMaker
from ttc.pocket.pen import Pen, signed
from ttc.pocket.subjects import algebra, counting, geometry, intermediate_algebra, number_theory, prealgebra
from ttc.types import Problem

LEVELS = (1, 2, 3, 4, 5)
SHIPPED_PROBLEMS = 500  # per shipped split

PART_COUNTS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((1, 0), (2, 0), (1, 1)),
    2: ((1, 1), (2, 1)),
    3: ((1, 1), (2, 1), (1, 2)),
    4: ((1, 2), (2, 2), (0, 2)),
    5: ((1, 3), (0, 3)),
}
"""Level -> possible numbers of (plain parts, pitfalls); one of them is drawn."""

SolutionWriter = Callable[[Pen], tuple[list[str], str]]
"""Writes a solution with a pen; returns the steps, each without a newline, and the final answer."""


@dataclass(frozen=True)
class Draft:
    """A problem with the function that writes its solutions."""

    question: str
    subject: str
    level: int
    write: SolutionWriter

    def solution(self, pen: Pen) -> tuple[list[str], str]:
        """Return the steps and the answer. Each step ends with a newline, except the last, which states the answer."""
        steps, answer = self.write(pen)
        return [*(f"{step}\n" for step in steps), f"The answer is $\\boxed{{{answer}}}$."], answer

    @property
    def gold(self) -> str:
        """The answer of the solution without slips."""
        return self.write(Pen.careful())[1]


def _add_up(pen: Pen, values: list[int]) -> tuple[list[str], int]:
    """Write the running sum of `values`, one step per addition; return the steps and the total."""
    steps, total = [], values[0]
    for value in values[1:]:
        result = pen.calc(total + value)
        steps.append(f"${total}{signed(value)}={result}$")
        total = result
    return steps, total


def _compose_definitions(parts: list[Part]) -> tuple[str, SolutionWriter]:
    """Compose a problem of the form `Let $a$ be ..., $b$ be .... Find $a+b$.`"""
    letters = "abcdefg"[: len(parts)]
    if len(parts) == 1:
        question = f"Find {parts[0].question}."
    else:
        lets = ", ".join(f"${letter}$ be {part.question}" for letter, part in zip(letters, parts, strict=True))
        question = f"Let {lets}. Find ${'+'.join(letters)}$."

    def write(pen: Pen) -> tuple[list[str], str]:
        worked = [part.work(pen) for part in parts]
        named = [f"${letter}$: {step}" for letter, (step, _) in zip(letters, worked, strict=True)]
        steps, total = _add_up(pen, [value for _, value in worked])
        return named + steps, str(total)

    return question, write


def _compose_expression(parts: list[Part]) -> tuple[str, SolutionWriter]:
    """Compose a problem of the form `Evaluate $...$.`"""
    terms = [
        part.question if i == 0 or part.question.startswith("-") else f"+{part.question}"
        for i, part in enumerate(parts)
    ]

    def write(pen: Pen) -> tuple[list[str], str]:
        worked = [part.work(pen) for part in parts]
        steps, total = _add_up(pen, [value for _, value in worked])
        return [step for step, _ in worked] + steps, str(total)

    return f"Evaluate ${''.join(terms)}$.", write


Composer = Callable[[list[Part]], tuple[str, SolutionWriter]]
"""Composes parts into a question and the function that writes its solutions."""

DraftMaker = Callable[[Random, int, int, int], Draft]
"""Draws a draft from (random generator, level, number of plain parts, number of pitfalls)."""


def _draft_maker(
    subject: str, plain: tuple[PartMaker, ...], pitfalls: tuple[PartMaker, ...], compose: Composer
) -> DraftMaker:
    """Return a function that draws drafts of a subject whose problems are sums of parts."""

    def draft(rng: Random, level: int, n_plain: int, n_pitfalls: int) -> Draft:
        while True:
            parts = [rng.choice(plain)(rng) for _ in range(n_plain)]
            parts += [rng.choice(pitfalls)(rng) for _ in range(n_pitfalls)]
            rng.shuffle(parts)
            question, write = compose(parts)
            if abs(int(write(Pen.careful())[1])) <= 99:  # the answer has at most two digits
                return Draft(question, subject, level, write)

    return draft


def _algebra_draft(rng: Random, level: int, n_plain: int, n_pitfalls: int) -> Draft:
    equation = algebra.draw_equation(rng, n_plain, n_pitfalls)
    return Draft(equation.question, "Algebra", level, equation.write)


SUBJECTS: dict[str, DraftMaker] = {
    "Algebra": _algebra_draft,
    "Counting & Probability": _draft_maker(
        "Counting & Probability", counting.PLAIN, counting.PITFALLS, _compose_definitions
    ),
    "Geometry": _draft_maker("Geometry", geometry.PLAIN, geometry.PITFALLS, _compose_definitions),
    "Intermediate Algebra": _draft_maker(
        "Intermediate Algebra", intermediate_algebra.PLAIN, intermediate_algebra.PITFALLS, _compose_definitions
    ),
    "Number Theory": _draft_maker("Number Theory", number_theory.PLAIN, number_theory.PITFALLS, _compose_definitions),
    "Prealgebra": _draft_maker("Prealgebra", prealgebra.PLAIN, prealgebra.PITFALLS, _compose_expression),
}


def split_of(question: str) -> str:
    """Return the split of a problem text by its hash: 90% train, 5% validation, 5% test."""
    bucket = int.from_bytes(hashlib.sha256(question.encode()).digest()[:4], "big") % 100
    return "train" if bucket < 90 else "validation" if bucket < 95 else "test"


def drafts(split: str, seed: int) -> Iterator[Draft]:
    """Yield drafts of one split without end, cycling through subjects and levels. Equal seeds give equal drafts."""
    rng = Random(f"{split}-{seed}")
    for level, subject in cycle([(level, subject) for subject in SUBJECTS for level in LEVELS]):
        while True:
            draft = SUBJECTS[subject](rng, level, *rng.choice(PART_COUNTS[level]))
            if split_of(draft.question) == split:
                yield draft
                break


def sample_problems(split: str, count: int, seed: int) -> list[Problem]:
    """Draw `count` different problems of a split, with their gold answers."""
    problems: dict[str, Problem] = {}
    for draft in drafts(split, seed):
        if len(problems) == count:
            break
        key = hashlib.sha256(draft.question.encode()).hexdigest()[:12]
        problems.setdefault(
            draft.question, Problem(f"pocket/{split}/{key}", draft.question, draft.gold, draft.level, draft.subject)
        )
    return list(problems.values())


@cache
def load_split(split: str) -> tuple[Problem, ...]:
    """Return the shipped problems of `test` or `validation`: 500 each, always the same.

    `sample_problems` draws training problems.
    """
    return tuple(sample_problems(split, SHIPPED_PROBLEMS, seed=0))
