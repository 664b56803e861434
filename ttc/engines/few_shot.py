"""Worked examples that a base model is shown before the problem, from a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ttc.errors import UserError
from ttc.files import expanded, open_regular, read_jsonl

SHIPPED = Path(__file__).resolve().parent / "worked_examples"
KEY = "generator.few_shot"
EXAMPLE = '{"question": ..., "solution": ...}'
MAX_BYTES = 4 * 2**20  # of a YAML file: far more than any context holds

Rows = Iterator[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """A problem and its solution, whose steps are joined by the generator's separator."""

    question: str
    steps: tuple[str, ...]

    def solution(self, separator: str) -> str:
        return separator.join(self.steps)


def read_examples(given: str) -> tuple[WorkedExample, ...]:
    """Return the examples of a file, or those that ship with the package under a name, e.g. `math`.

    A file is JSON lines or a YAML list. Each row has a `question` (or `problem`) and a `solution`: a text, or a list of
    its steps. An unchanged file is read once per process.

    Raises:
        UserError: there is no such file, or a row is not an example; with the line.
    """
    path = SHIPPED / f"{given}.yaml" if given in shipped_names() else expanded(given)
    try:
        changed_at = path.stat().st_mtime_ns
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{KEY}={given}: cannot be read ({reason}); name a .jsonl or .yaml file, or one of the shipped examples: "
            f"{', '.join(shipped_names())}."
        ) from None
    return _read(path, changed_at)


def shipped_names() -> list[str]:
    """Return the names under which examples ship with the package."""
    return sorted(file.stem for file in SHIPPED.glob("*.yaml"))


@lru_cache(maxsize=16)
def _read(path: Path, changed_at: int) -> tuple[WorkedExample, ...]:
    """Read a file; `changed_at` differs when its content does."""
    readers = {".jsonl": _jsonl_rows, ".yaml": _yaml_rows, ".yml": _yaml_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{KEY}={path}: {path.suffix or 'no suffix'} is not supported; give a .jsonl or .yaml file.")
    examples = tuple(_example(place, row) for place, row in reader(path))
    if not examples:
        raise UserError(f"{KEY}={path} holds no example; add rows like {EXAMPLE}, or leave generator.few_shot out.")
    return examples


def _jsonl_rows(path: Path) -> Rows:
    return read_jsonl(path, hint=f"give one object per line, e.g. {EXAMPLE}.")


def _yaml_rows(path: Path) -> Rows:
    """Yield the items of a YAML list, each with the line that it begins at."""
    import yaml

    try:
        with open_regular(path) as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{KEY}={path} has more than {MAX_BYTES >> 20} MB, the limit; give fewer examples.")
        rows, node = yaml.safe_load(content), yaml.compose(content, Loader=yaml.SafeLoader)
    except OSError as error:
        raise UserError(f"{KEY}={path}: cannot be read ({error.strerror or error}); check the file.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        reason = getattr(error, "problem", None) or " ".join(str(error).split())
        raise UserError(f"{place} is not YAML ({reason}); quote or indent the text (solution: |).") from None
    if rows is None:
        return
    if not isinstance(rows, list) or not isinstance(node, yaml.SequenceNode):
        raise UserError(f"{path}:1 is not a list; begin each example with `- question:`.")
    for row, item in zip(rows, node.value, strict=True):
        yield f"{path}:{item.start_mark.line + 1}", row


def _example(place: str, row: object) -> WorkedExample:
    if not isinstance(row, dict):
        raise UserError(f"{place} is not an object; an example looks like {EXAMPLE}.")
    question = row.get("question", row.get("problem"))
    solution = row.get("solution")
    if not isinstance(question, str) or not question.strip():
        raise UserError(f'{place} has no question; add one under "question" or "problem", as text.')
    given = solution if isinstance(solution, list) else [solution]
    steps = [step.strip() for step in given if isinstance(step, str)]
    if not all(steps) or not steps or len(steps) < len(given):
        raise UserError(f'{place} has no solution; add one under "solution", as text or as a list of steps.')
    return WorkedExample(question.strip(), tuple(steps))
