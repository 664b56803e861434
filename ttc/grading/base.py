"""What a grader is: how it reads the answer of a solution, and whether that answer is right."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol, Self

from ttc.errors import UserError
from ttc.grading.extract import extract_answer
from ttc.terminal import printable_line
from ttc.types import Problem


class Grading(Protocol):
    """A grader at work; a context manager that stops its processes on exit."""

    @property
    def timed_out(self) -> int:
        """The pairs that met the time limit, and count as wrong."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def grade(self, pairs: Sequence[tuple[str | None, str]]) -> list[bool]:
        """Return for each (answer, gold) pair whether the answer is right; a missing answer (None) is wrong."""

    def classes(self, answers: Iterable[str]) -> dict[str, int]:
        """Return for each answer of one problem the number of its class; the answers of a class share their votes."""


@dataclass
class AnswerGrader(ABC):
    """How the answers of solutions are read and graded. Subclasses are dataclasses whose fields are the keys of their
    YAML file; a class of another package needs `is_correct` only.

    Attributes:
        votes_by_structure: votes are counted as `ttc.grading.classes_by_structure` does, so that strategies that look
            at votes while they sample can do so.
    """

    votes_by_structure: ClassVar[bool] = False

    def check(self) -> None:
        """Refuse settings, or a machine, with which no answer can be graded.

        Raises:
            UserError: with the value, the rule and the remedy.
        """

    def check_problems(self, problems: Iterable[Problem]) -> None:
        """Refuse gold answers that no answer could equal, before any weights load.

        Raises:
            UserError: with a problem's id.
        """
        for problem in problems:
            for gold in (problem.gold, *problem.alternatives):
                try:
                    self.gold(gold)
                except ValueError as error:
                    raise UserError(
                        f"{type(self).__name__}: the gold answer of problem {printable_line(repr(problem.id), 80)} is "
                        f"{printable_line(repr(gold), 80)}, {error}; choose another grader, or fix the data."
                    ) from None

    def extract(self, text: str) -> str | None:
        """Return the final answer that a solution states, or None if it states none."""
        return extract_answer(text)

    def gold(self, text: str) -> str:
        """Return what of a gold answer is compared.

        Raises:
            ValueError: no answer could equal it; half a sentence says why.
        """
        return text.strip()

    @abstractmethod
    def is_correct(self, answer: str, gold: str) -> bool:
        """Whether an answer is right, given what `gold` returned. It is called in threads and must end by itself."""

    def votes(self, answers: Iterable[str]) -> dict[str, int]:
        """Return the class of each answer of one problem, quickly; here answers share a vote if they are one text.

        Neither the classes nor their numbers may depend on the order of the answers.
        """
        return numbered([[answer] for answer in set(answers)])

    def is_likely_correct(self, answer: str, gold: str) -> bool | None:
        """Guess a verdict in no time, to show the accuracy while a run works; None where that cannot be."""
        return self.is_correct(answer, gold)

    def open(self, timeout_seconds: float, workers: int, units: bool = False) -> Grading:
        """Start grading.

        Args:
            timeout_seconds: limit of processor time for one answer, where the grader can enforce one.
            workers: processes, where the grader uses some.
            units: whether units are compared, where the grader knows any.
        """
        return DirectGrading(self)


class DirectGrading:
    """Grades in this process, and remembers verdicts."""

    timed_out = 0

    def __init__(self, grader: AnswerGrader) -> None:
        self._grader = grader
        self._verdicts: dict[tuple[str, str], bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def grade(self, pairs: Sequence[tuple[str | None, str]]) -> list[bool]:
        return [answer is not None and self._is_correct(answer, gold) for answer, gold in pairs]

    def classes(self, answers: Iterable[str]) -> dict[str, int]:
        return self._grader.votes(answers)

    def _is_correct(self, answer: str, gold: str) -> bool:
        if (answer, gold) not in self._verdicts:
            self._verdicts[answer, gold] = self._grader.is_correct(answer, gold)
        return self._verdicts[answer, gold]


def grade_against_any(grading: Grading, entries: Sequence[tuple[str | None, Sequence[str]]]) -> list[bool]:
    """Return for each answer whether it is right for any of its golds."""
    verdicts = iter(grading.grade([(answer, gold) for answer, golds in entries for gold in golds]))
    return [any([next(verdicts) for _ in golds]) for _, golds in entries]


def numbered(classes: Iterable[Collection[str]]) -> dict[str, int]:
    """Number classes of answers in a random but fixed order: ties of votes must not favour short or frequent ones."""
    keys = [(min(members), members) for members in classes]
    keys.sort(key=lambda pair: (zlib.crc32(pair[0].encode(errors="surrogatepass")), pair[0]))
    return {answer: number for number, (_, members) in enumerate(keys) for answer in members}


def grader_config(grader: AnswerGrader) -> Mapping[str, Any]:
    """Return a grader's class, as `_target_`, and its settings: what its config would say."""
    kind = type(grader)
    return {"_target_": f"{kind.__module__}.{kind.__qualname__}", **asdict(grader)}
