"""The rows of PRM800K (Lightman et al. 2023): completions rated step by step become solutions with ratings.

A row of https://github.com/openai/prm800k holds `label.steps`. At each step, several `completions` may be rated: 1 for
correct, 0 for neutral (not wrong, but no progress either), -1 for wrong, null for not rated. One of them is chosen and
continued, or the labeler writes a step (`human_completion`). Phase 2 stops at the first error: nothing is chosen there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ttc.data.readers import Row
from ttc.errors import UserError
from ttc.terminal import printable_line

RatedStep: TypeAlias = tuple[object, bool | None]
"""The text of a step, unchecked, and whether it is correct; None where it is not rated."""

_RATINGS = {1: True, 0: True, -1: False}
_REMEDY = "fix the row, or download PRM800K again."


def rated_paths(place: str, row: Row, alternatives: bool = False) -> list[list[RatedStep]]:
    """Return the chosen path of a row and, if asked for, one more path per rated completion that was not chosen.

    Neutral steps count as correct, as in the paper (appendix F). Where nothing was chosen, the path ends: with the
    wrong step of the solution that was being labelled, or else with the first completion rated wrong, if there is one.
    Steps that a labeler wrote are not rated. An alternative continues the chosen path; only its last step keeps its
    rating, so that each rating occurs once. Rows whose problem was reported as broken, and paths without any rating,
    are left out.

    Raises:
        UserError: the row is not like those of PRM800K.
    """
    label = row["label"]
    if not isinstance(label, dict) or label.get("finish_reason") == "bad_problem":
        return []
    steps = label.get("steps")
    if not isinstance(steps, list):
        raise UserError(f"{place}: label.steps is {_shown(steps)}; it must be a list of steps: {_REMEDY}")
    planned = _planned_texts(row)
    path: list[RatedStep] = []
    others: list[list[RatedStep]] = []
    for number, step in enumerate(steps):
        where = f"{place}: label.steps[{number}]"
        if not isinstance(step, dict):
            raise UserError(f"{where} is {_shown(step)}; it must hold `completions`: {_REMEDY}")
        completions = _completions(where, step)
        chosen = _chosen(where, step, len(completions))
        human = None if chosen is not None else _human(where, step)
        last = chosen is None and human is None
        if last:
            chosen = _wrong(completions, planned[number] if number < len(planned) else None)
        before: list[RatedStep] = [(text, None) for text, _ in path]
        others += [[*before, found] for n, found in enumerate(completions) if n != chosen and found[1] is not None]
        if chosen is not None:
            path.append(completions[chosen])
        elif human is not None:
            path.append(human)
        if last:
            break
    paths = [path, *others] if alternatives else [path]
    return [rated for rated in paths if any(label is not None for _, label in rated)]


def _planned_texts(row: Row) -> Sequence[object]:
    """Return the steps of the solution that was being labelled; none in phase 1, which sampled step by step."""
    question = row.get("question")
    planned = question.get("pre_generated_steps") if isinstance(question, dict) else None
    return planned if isinstance(planned, list) else []


def _completions(where: str, step: Mapping[str, object]) -> list[RatedStep]:
    completions = step.get("completions")
    if completions is None:
        return []
    if not isinstance(completions, list):
        raise UserError(f"{where}.completions is {_shown(completions)}; it must be a list: {_REMEDY}")
    return [_rated(f"{where}.completions[{n}]", completion) for n, completion in enumerate(completions)]


def _rated(where: str, completion: object) -> RatedStep:
    if not isinstance(completion, dict) or not isinstance(completion.get("text"), str):
        raise UserError(f"{where} is {_shown(completion)}; it must hold the `text` of a step: {_REMEDY}")
    rating = completion.get("rating")
    if rating is None:
        return completion["text"], None
    if isinstance(rating, bool) or rating not in (1, 0, -1):
        raise UserError(f"{where}.rating is {_shown(rating)}; it must be -1, 0, 1 or null: {_REMEDY}")
    return completion["text"], _RATINGS[rating]


def _chosen(where: str, step: Mapping[str, object], completions: int) -> int | None:
    chosen = step.get("chosen_completion")
    if chosen is None:
        return None
    if not isinstance(chosen, int) or isinstance(chosen, bool) or not 0 <= chosen < completions:
        raise UserError(
            f"{where}.chosen_completion is {_shown(chosen)}; it must be null or the index of one of the {completions} "
            f"completions: {_REMEDY}"
        )
    return chosen


def _human(where: str, step: Mapping[str, object]) -> RatedStep | None:
    """Return the step that the labeler wrote, if there is one."""
    human = step.get("human_completion")
    if human is None:
        return None
    return (human, None) if isinstance(human, str) else _rated(f"{where}.human_completion", human)


def _wrong(completions: Sequence[RatedStep], planned: object) -> int | None:
    """Return which of the completions that nobody continued is the wrong step of the path."""
    wrong = [n for n, (_, label) in enumerate(completions) if label is False]
    return next((n for n in wrong if completions[n][0] == planned), wrong[0] if wrong else None)


def _shown(value: object) -> str:
    return printable_line(repr(value), 80)
