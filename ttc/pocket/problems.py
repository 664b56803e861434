"""The pocket's problems: six subjects, levels 1-5, with solutions as people write them.

A level decides how many parts a problem has, how many of them are pitfalls, and how likely people are to fall
into one (see `ttc.pocket.pen`). Splits are disjoint by construction: a hash of a problem's text decides its split.
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
TEST_PROBLEMS = 500

# Level -> choices of (plain parts, pitfalls); one is drawn.
SHAPES: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((1, 0), (2, 0), (1, 1)),
    2: ((1, 1), (2, 1)),
    3: ((1, 1), (2, 1), (1, 2)),
    4: ((1, 2), (2, 2), (0, 2)),
    5: ((1, 3), (0, 3)),
}


@dataclass(frozen=True)
class Draft:
    """A problem before it is solved. `write(pen)` returns the steps (each without line end) and the final answer."""

    question: str
    subject: str
    level: int
    write: Callable[[Pen], tuple[list[str], str]]

    def solution(self, pen: Pen) -> tuple[list[str], str]:
        """Newline-terminated steps and the answer; the last step states it and has no newline."""
        steps, answer = self.write(pen)
        return [*(f"{step}\n" for step in steps), f"The answer is $\\boxed{{{answer}}}$."], answer

    @property
    def gold(self) -> str:
        return self.write(Pen.careful())[1]


def _totals(pen: Pen, values: list[int]) -> tuple[list[str], int]:
    steps, total = [], values[0]
    for value in values[1:]:
        result = pen.calc(total + value)
        steps.append(f"${total}{signed(value)}={result}$")
        total = result
    return steps, total


def _named_parts(parts: list[Part]) -> tuple[str, Callable[[Pen], tuple[list[str], str]]]:
    """`Let $a$ be ..., $b$ be .... Find $a+b$.`"""
    letters = "abcdefg"[: len(parts)]
    if len(parts) == 1:
        question = f"Find {parts[0].question}."
    else:
        lets = ", ".join(f"${letter}$ be {part.question}" for letter, part in zip(letters, parts, strict=True))
        question = f"Let {lets}. Find ${'+'.join(letters)}$."

    def write(pen: Pen) -> tuple[list[str], str]:
        worked = [part.work(pen) for part in parts]
        named = [f"${letter}$: {step}" for letter, (step, _) in zip(letters, worked, strict=True)]
        steps, total = _totals(pen, [value for _, value in worked])
        return named + steps, str(total)

    return question, write


def _expression(parts: list[Part]) -> tuple[str, Callable[[Pen], tuple[list[str], str]]]:
    """`Evaluate $...$.`"""
    terms = [
        part.question if i == 0 or part.question.startswith("-") else f"+{part.question}"
        for i, part in enumerate(parts)
    ]

    def write(pen: Pen) -> tuple[list[str], str]:
        worked = [part.work(pen) for part in parts]
        steps, total = _totals(pen, [value for _, value in worked])
        return [step for step, _ in worked] + steps, str(total)

    return f"Evaluate ${''.join(terms)}$.", write


Composer = Callable[[list[Part]], tuple[str, Callable[[Pen], tuple[list[str], str]]]]


def _parts_draft(
    subject: str, plain: tuple[PartMaker, ...], pitfalls: tuple[PartMaker, ...], compose: Composer
) -> Callable[[Random, int, int, int], Draft]:
    def draft(rng: Random, level: int, n_plain: int, n_pitfalls: int) -> Draft:
        while True:
            parts = [rng.choice(plain)(rng) for _ in range(n_plain)]
            parts += [rng.choice(pitfalls)(rng) for _ in range(n_pitfalls)]
            rng.shuffle(parts)
            question, write = compose(parts)
            if abs(int(write(Pen.careful())[1])) <= 99:  # every number stays within two digits
                return Draft(question, subject, level, write)

    return draft


def _algebra_draft(rng: Random, level: int, n_plain: int, n_pitfalls: int) -> Draft:
    drawn = algebra.equation(rng, n_plain, n_pitfalls)
    return Draft(drawn.question, "Algebra", level, drawn.write)


SUBJECTS: dict[str, Callable[[Random, int, int, int], Draft]] = {
    "Algebra": _algebra_draft,
    "Counting & Probability": _parts_draft("Counting & Probability", counting.PLAIN, counting.PITFALLS, _named_parts),
    "Geometry": _parts_draft("Geometry", geometry.PLAIN, geometry.PITFALLS, _named_parts),
    "Intermediate Algebra": _parts_draft(
        "Intermediate Algebra", intermediate_algebra.PLAIN, intermediate_algebra.PITFALLS, _named_parts
    ),
    "Number Theory": _parts_draft("Number Theory", number_theory.PLAIN, number_theory.PITFALLS, _named_parts),
    "Prealgebra": _parts_draft("Prealgebra", prealgebra.PLAIN, prealgebra.PITFALLS, _expression),
}


def split_of(question: str) -> str:
    """The split a problem text belongs to: 90% train, 5% validation, 5% test, by its hash."""
    bucket = int.from_bytes(hashlib.sha256(question.encode()).digest()[:4], "big") % 100
    return "train" if bucket < 90 else "validation" if bucket < 95 else "test"


def drafts(split: str, seed: int) -> Iterator[Draft]:
    """Endless drafts of one split, levels and subjects in turn. The same seed gives the same drafts."""
    rng = Random(f"{split}-{seed}")
    for level, subject in cycle([(level, subject) for subject in SUBJECTS for level in LEVELS]):
        while True:
            draft = SUBJECTS[subject](rng, level, *rng.choice(SHAPES[level]))
            if split_of(draft.question) == split:
                yield draft
                break


def sample_problems(split: str, count: int, seed: int) -> list[Problem]:
    """`count` different problems of a split, with their gold answers."""
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
    """The shipped problems, `test` or `validation`: 500 each, fixed. `sample_problems` draws the training problems."""
    return tuple(sample_problems(split, TEST_PROBLEMS, seed=0))
