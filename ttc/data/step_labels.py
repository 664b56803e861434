"""Solutions whose steps people or models have rated, read from a file."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ttc.data.fields import id_of
from ttc.data.prm800k import rated_paths
from ttc.data.readers import FileKind, Row, read_file
from ttc.errors import UserError
from ttc.hashing import digest
from ttc.terminal import printable_line

STEP_END = "\n\n"
_ROW_EXAMPLE = '{"problem": ..., "steps": [...], "label": 3}'
_UNUSABLE = re.compile("[\0\ud800-\udfff]")  # tokenizers and UTF-8 files refuse half of a surrogate pair


@dataclass(frozen=True, slots=True)
class StepLabels:
    """A solution with the rating of each of its steps.

    Attributes:
        id: unique in its file, and independent of the order of rows.
        question: that it answers.
        steps: their texts, each ending with a blank line.
        labels: True for a correct step, False for a wrong one, None where it is not rated; one per step.
    """

    id: str
    question: str
    steps: tuple[str, ...]
    labels: tuple[bool | None, ...]

    @property
    def first_error(self) -> int | None:
        """The index of the first step rated wrong, from 0; None where none is."""
        return self.labels.index(False) if False in self.labels else None

    @property
    def is_correct(self) -> bool:
        """Whether every step is rated correct."""
        return all(self.labels)

    @property
    def is_labelled_to_first_error(self) -> bool:
        """Whether every step is rated up to the first wrong one; every step, where none is wrong."""
        return None not in self.labels[: self.first_error]


def read_step_labels(path: Path, *, alternatives: bool = False, setting: str = "labels") -> list[StepLabels]:
    """Read labelled solutions, in the order of the file.

    Two kinds of rows are known, and may be mixed:

    - `problem` (or `question`), `steps`, and `label`, the index of the first wrong step from 0, or -1 for none
      (ProcessBench, Zheng et al. 2024). Steps before it are correct; those behind it are not rated.
    - the rows of PRM800K itself (Lightman et al. 2023); see `ttc.data.prm800k`.

    Blank steps are left out. A row without an id, or with that of another row, gets a digest of question and steps.

    Args:
        path: of a file that `ttc.data.readers` can read.
        alternatives: whether each rated completion of PRM800K that was not chosen is a solution of its own, too.
        setting: what names the file, for messages.

    Raises:
        UserError: the place, the value, the rule and the remedy.
    """
    found: list[StepLabels] = []
    for place, row in read_file(path, FileKind(setting, _ROW_EXAMPLE)):
        found += (
            _prm800k(place, row, alternatives) if isinstance(row.get("label"), dict) else [_first_wrong(place, row)]
        )
    if not found:
        raise UserError(f"{path} has no labelled solutions; a row looks like {_ROW_EXAMPLE}.")
    return _with_unique_ids(found)


def _first_wrong(place: str, row: Row) -> StepLabels:
    """Read a row that names the first wrong step."""
    question = _question(place, row)
    steps = [_step(f"{place}: steps[{n}]", text) for n, text in enumerate(_steps(place, row))]
    wrong = _label(place, row, len(steps))
    if wrong is None:
        labels: list[bool | None] = [True] * len(steps)
    else:
        labels = [True] * wrong + [False] + [None] * (len(steps) - wrong - 1)
    solution = _solution(place, question, list(zip(steps, labels, strict=True)))
    return replace(solution, id=_id(place, row))


def _prm800k(place: str, row: Row, alternatives: bool) -> Iterator[StepLabels]:
    """Read a row of PRM800K."""
    question = row.get("question")
    if not isinstance(question, dict):
        raise UserError(f"{place}: field 'question' is {_shown(question)}; in PRM800K's rows it holds `problem`.")
    problem = _text(f"{place}: question.problem", question.get("problem"))
    for rated in rated_paths(place, row, alternatives):
        steps = [(_step(f"{place}: a completion's text", text), label) for text, label in rated]
        yield _solution(place, problem, steps)


def _solution(place: str, question: str, rated: Sequence[tuple[str, bool | None]]) -> StepLabels:
    """Return the solution without blank steps, its id still empty."""
    if any(not text and label is False for text, label in rated):
        raise UserError(f"{place}: the step that is labelled wrong is blank; fix or remove the row.")
    kept = [(text + STEP_END, label) for text, label in rated if text]
    if not kept:
        raise UserError(f"{place}: all steps are blank; fix or remove the row.")
    steps, labels = zip(*kept, strict=True)
    return StepLabels("", question, steps, labels)


def _with_unique_ids(found: Sequence[StepLabels]) -> list[StepLabels]:
    """Give an id to those that have none or share one; a solution that occurs twice gets a number."""
    given = Counter(solution.id for solution in found)
    taken = {id_ for id_, count in given.items() if id_ and count == 1}
    named = []
    for solution in found:
        if solution.id not in taken:
            base = digest(solution.question, solution.steps).hex()[:12]
            id_, number = base, 1
            while id_ in taken:
                number += 1
                id_ = f"{base}-{number}"
            taken.add(id_)
            solution = replace(solution, id=id_)
        named.append(solution)
    return named


def _id(place: str, row: Row) -> str:
    try:
        return id_of(place, row, "id") or ""
    except UserError:
        raise UserError(
            f"{place}: field 'id' is {_shown(row['id'])}; an id is a number or a short text of one line: fix or remove "
            "the id."
        ) from None


def _question(place: str, row: Row) -> str:
    name = next((name for name in ("problem", "question") if name in row), None)
    if name is None:
        raise UserError(f"{place} has no field 'problem' or 'question'; a row looks like {_ROW_EXAMPLE}.")
    return _text(f"{place}: {name}", row[name])


def _steps(place: str, row: Row) -> list[object]:
    """Return the steps; a CSV file holds them as the text of a JSON list."""
    if "steps" not in row:
        raise UserError(f"{place} has no field 'steps'; a row looks like {_ROW_EXAMPLE}, or is one of PRM800K's own.")
    steps = row["steps"]
    if isinstance(steps, str):
        with contextlib.suppress(ValueError, RecursionError):  # reported below
            steps = json.loads(steps)
    if not isinstance(steps, list) or not steps:
        raise UserError(f"{place}: field 'steps' is {_shown(steps)}; it must be a list of texts, one per step.")
    return steps


def _label(place: str, row: Row, steps: int) -> int | None:
    """Return the index of the first wrong step, None for none."""
    if "label" not in row:
        raise UserError(
            f"{place} has no field 'label'; it is the index of the first wrong step from 0, or -1 for none."
        )
    value = row["label"]
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,6}\s*", value):  # CSV files hold texts only
        value = int(value)
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value in range(-1, steps)
    if not whole:
        raise UserError(
            f"{place}: field 'label' is {_shown(value)}; with {steps} steps, the first wrong one is 0 to {steps - 1}, "
            "or -1 for none: fix or remove the row."
        )
    return None if value == -1 else int(value)


def _text(where: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where} is {_shown(value)}; it must be a text that is not blank: fix or remove the row.")
    return _usable(where, value)


def _step(where: str, value: object) -> str:
    """Return a step's text without the blanks around it."""
    if not isinstance(value, str):
        raise UserError(f"{where} is {_shown(value)}; a step is a text: fix or remove the row.")
    return _usable(where, value.strip())


def _usable(where: str, text: str) -> str:
    if _UNUSABLE.search(text):
        raise UserError(f"{where} contains a NUL character or half of a surrogate pair; fix or remove the row.")
    return text


def _shown(value: object) -> str:
    return printable_line(repr(value), 80)
