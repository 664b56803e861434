"""The layouts of sampled solutions, how a file's is recognised, and how its rows are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import chain
from pathlib import Path

from ttc.data.readers import FileKind, read_file
from ttc.data.sampled.fields import Fields
from ttc.data.sampled.lists import ANY, LISTS, QWEN_MATH, SEARCH_AND_LEARN, ListFields, read_list
from ttc.data.sampled.lm_eval import of_one_filter, read_lm_eval
from ttc.data.sampled.objects import ROW_TEXTS, read_completion, read_samples
from ttc.data.sampled.rows import SampledRow
from ttc.errors import UserError
from ttc.terminal import printable_line

FILES = FileKind("FILE", '{"problem": ..., "answer": ..., "completions": [...]}')


class Layout(StrEnum):
    """Who writes rows, or what these are."""

    search_and_learn = "search_and_learn"
    qwen_math = "qwen_math"
    lm_eval = "lm_eval"
    samples = "samples"  # a problem per row, its completions as a list of objects
    lists = "lists"  # a problem per row, its completions as a list of texts
    completions = "completions"  # a completion per row


@dataclass(frozen=True)
class SampledFile:
    """The rows of a file, and the layout in which they were read."""

    layout: Layout
    rows: list[SampledRow]


def read_sampled(path: Path, layout: Layout | None = None, *, with_scores: bool = True) -> SampledFile:
    """Read a file of any format that `ttc.data.readers` knows.

    Args:
        path: of the file.
        layout: None: that of its first row.
        with_scores: False ignores the scores, whatever they are.

    Raises:
        UserError: the place, the value, the rule and the remedy.
    """
    rows = read_file(path, FILES)
    first = next(rows, None)
    if first is None:
        raise UserError(f"{path} has no rows; give a file with at least one problem.")
    layout = layout or _recognised(*first)
    every: Iterator[tuple[str, Fields]] = chain([first], rows)
    if layout is Layout.lm_eval:
        every = of_one_filter(every)
    read = _reader(layout, with_scores)
    return SampledFile(layout, [read(place, row) for place, row in every])


def _recognised(place: str, row: Fields) -> Layout:
    found = next((layout for layout, fits in _SIGNS.items() if fits(row)), None)
    if found is None:
        names = ", ".join(printable_line(name, 40) for name in row) or "none"
        raise UserError(
            f"{place} is of no known layout (its fields: {printable_line(names, 200)}); rename the field with the "
            f"solutions to completions (a list) or completion (one text), or force --layout {'|'.join(Layout)}."
        )
    return found


def _holds(row: Fields, names: Sequence[str], kind: type) -> bool:
    """Whether one of the fields is a list whose first entry is of a kind."""
    lists = (value for name in names if isinstance(value := row.get(name), list))
    return any(value and isinstance(value[0], kind) for value in lists)


_SIGNS: Mapping[Layout, Callable[[Fields], bool]] = {  # the first that fits is it
    Layout.lm_eval: lambda row: "resps" in row,
    Layout.qwen_math: lambda row: isinstance(row.get("code"), list) and not {"gt", "pred"}.isdisjoint(row),
    Layout.search_and_learn: lambda row: (
        _holds(row, ("completions",), str) and not {"scores", "agg_scores", "completion_tokens"}.isdisjoint(row)
    ),
    Layout.samples: lambda row: _holds(row, LISTS, dict),
    Layout.lists: lambda row: any(isinstance(row.get(name), list) for name in LISTS),
    Layout.completions: lambda row: any(isinstance(row.get(name), str) for name in ROW_TEXTS),
}


def _reader(layout: Layout, with_scores: bool) -> Callable[[str, Fields], SampledRow]:
    lists: Mapping[Layout, ListFields] = {
        Layout.search_and_learn: SEARCH_AND_LEARN,
        Layout.qwen_math: QWEN_MATH,
        Layout.lists: ANY,
    }
    if layout in lists:
        return partial(read_list, fields=lists[layout], with_scores=with_scores)
    if layout is Layout.lm_eval:
        return read_lm_eval
    return partial(read_samples if layout is Layout.samples else read_completion, with_scores=with_scores)
