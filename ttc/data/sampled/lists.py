"""Layouts of one row per problem with a list of texts, and lists beside it with an entry per text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ttc.data.fields import is_missing, shown
from ttc.data.sampled.fields import Fields, first_present, sampled_row
from ttc.data.sampled.numbers import finish_of, scores_of, tokens_of, verdict_of
from ttc.data.sampled.rows import Completion, SampledRow
from ttc.errors import UserError

LISTS = (
    *("samples", "completions", "responses", "generations", "outputs", "candidates", "solutions"),
    *("completion", "response", "generation", "output"),
)


@dataclass(frozen=True)
class ListFields:
    """The names that the lists of a layout may have, the best first."""

    texts: tuple[str, ...]
    scores: tuple[str, ...] = ("scores", "step_scores", "rewards", "values", "score", "pred_score", "agg_scores")
    tokens: tuple[str, ...] = ("completion_tokens", "num_tokens", "tokens")
    verdicts: tuple[str, ...] = ("correct", "is_correct", "correctness", "score")
    finishes: tuple[str, ...] = ("finish_reasons", "finish_reason")


# completions, scores of the steps of each, their token counts; fields of MATH-500 beside them
SEARCH_AND_LEARN = ListFields(("completions",), ("scores", "agg_scores"), ("completion_tokens",))
# code is the solution; score is whether it is correct; pred_score is the reward model's, in a list of one
QWEN_MATH = ListFields(("code",), ("pred_score",), (), ("score",))
ANY = ListFields(LISTS)


def read_list(place: str, row: Fields, fields: ListFields, with_scores: bool) -> SampledRow:
    """Read a row of a layout with lists.

    Raises:
        UserError: a text is missing or no text, or there are more or fewer scores than texts.
    """
    name, texts = texts_in(place, row, fields.texts)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"{place}: {name}[{number}] is {shown(text)}; it must be a text: fix or remove the row.")
    scored = next((name for name in fields.scores if not is_missing(row.get(name)) and not _judges(row[name])), None)
    scores = _scores(place, row, scored, name, len(texts)) if scored and with_scores else [()] * len(texts)
    tokens, finishes = _column(row, fields.tokens, len(texts)), _column(row, fields.finishes, len(texts))
    verdicts = _column(row, [name for name in fields.verdicts if name != scored], len(texts))
    completions = [
        Completion(str(text), own, tokens_of(count), finish_of(finish), verdict_of(verdict))
        for text, own, count, finish, verdict in zip(texts, scores, tokens, finishes, verdicts, strict=True)
    ]
    return sampled_row(place, row, completions)


def texts_in(place: str, row: Fields, names: Sequence[str]) -> tuple[str, Sequence[object]]:
    """Return the list that holds the completions, with its name.

    Raises:
        UserError: there is none, or it is empty.
    """
    name = next((name for name in names if isinstance(row.get(name), list)), None)
    if name is None:
        given = first_present(row, names)
        found = f"field {given!r} is {shown(row[given])}" if given else f"has no field {names[0]!r}"
        raise UserError(
            f"{place}{':' if given else ''} {found}; it must hold a list of completions: fix or remove the row."
        )
    texts = row[name]
    if not isinstance(texts, list) or not texts:
        raise UserError(f"{place}: field {name!r} is an empty list; a row has at least one completion: remove the row.")
    return name, texts


def _judges(value: object) -> bool:
    """Whether a list holds verdicts."""
    return isinstance(value, list) and bool(value) and all(isinstance(entry, bool) for entry in value)


def _scores(place: str, row: Fields, scored: str, name: str, texts: int) -> list[tuple[float, ...]]:
    given = row[scored]
    if not isinstance(given, list):
        raise UserError(
            f"{place}: field {scored!r} is {shown(given)}; it must be a list with an entry per completion: fix the "
            "row, or ignore scores by --scores none."
        )
    if len(given) != texts:
        raise UserError(
            f"{place}: field {scored!r} has {len(given)} entries and {name!r} has {texts} completions; fix the row, or "
            "ignore scores by --scores none."
        )
    return [scores_of(f"{place}: {scored}[{number}]", entry) for number, entry in enumerate(given)]


def _column(row: Fields, names: Sequence[str], texts: int) -> Sequence[object]:
    """Return a list beside the texts; nothing but None where there is none that fits."""
    found = (row[name] for name in names if name in row)
    return next((value for value in found if isinstance(value, list) and len(value) == texts), [None] * texts)
