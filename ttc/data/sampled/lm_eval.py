"""The layout of lm-evaluation-harness, as its option --log_samples writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ttc.data.fields import shown
from ttc.data.readers import Rows
from ttc.data.sampled.fields import Fields, first_present, gold_in, id_in, question_in, sampled_row
from ttc.data.sampled.numbers import verdict_of
from ttc.data.sampled.rows import Completion, SampledRow
from ttc.errors import UserError

_METRICS = ("exact_match", "math_verify", "acc")


def of_one_filter(rows: Rows) -> Rows:
    """Yield the rows of the first filter: each filter logs the same responses again."""
    first: object = None
    for number, (place, row) in enumerate(rows):
        first = row.get("filter") if number == 0 else first
        if row.get("filter") == first:
            yield place, row


def read_lm_eval(place: str, row: Fields) -> SampledRow:
    """Read a logged document: `doc` is the problem, `resps` holds what the model answered, before any filter.

    Raises:
        UserError: it holds anything but generated texts.
    """
    texts = [*_responses(place, row.get("resps"))]
    if not texts:
        raise UserError(f"{place}: field 'resps' is {shown(row.get('resps'))}; it must hold responses: remove the row.")
    metric = first_present(row, _METRICS)
    judged = verdict_of(row[metric]) if metric and len(texts) == 1 else None  # of several, it is that of the filtered
    doc = row.get("doc")
    problem: Fields = doc if isinstance(doc, dict) else {}
    found = sampled_row(place, problem, [Completion(text, verdict=judged) for text in texts])
    gold = gold_in(place, {"target": row.get("target")})
    return replace(
        found,
        question=found.question or question_in(place, {"prompt": _prompt(row.get("arguments"))}),
        gold=found.gold if gold is None else gold,
        number=id_in(place, row, ("doc_id",)),
    )


def _responses(place: str, given: object) -> Iterator[str]:
    for number, found in enumerate(given if isinstance(given, list) else ()):
        for text in found if isinstance(found, list) else [found]:
            if not isinstance(text, str):
                raise UserError(
                    f"{place}: resps[{number}] holds {shown(text)}; only generated texts can be imported: log a task "
                    "of generate_until."
                )
            yield text


def _prompt(arguments: object) -> object:
    """Return what the model was asked, as older and newer versions log it."""
    if isinstance(arguments, dict):
        first = next(iter(arguments.values()), None)
        return first.get("arg_0") if isinstance(first, dict) else None
    first = arguments[0] if isinstance(arguments, list) and arguments else None
    return first[0] if isinstance(first, list) and first else None
