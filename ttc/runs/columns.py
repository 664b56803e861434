"""A problem's candidates stored by column, in a quarter of the memory that one object each would take."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, pairwise, repeat
from typing import Any, overload

from ttc.runs.records import CandidateRecord


class CandidateColumns(Sequence[CandidateRecord]):
    """A read-only sequence of CandidateRecords, each of which is built when it is accessed.

    Every field of CandidateRecord is a column, so a new field needs no change here.
    """

    __slots__ = ("_columns", "_length")

    def __init__(self, candidates: Sequence[CandidateRecord]) -> None:
        self._length = len(candidates)
        names = CandidateRecord.__dataclass_fields__
        self._columns = [_packed([getattr(candidate, name) for candidate in candidates]) for name in names]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[CandidateRecord]:
        return map(CandidateRecord, *self._columns)

    @overload
    def __getitem__(self, place: int) -> CandidateRecord: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[CandidateRecord]: ...
    def __getitem__(self, place: int | slice) -> CandidateRecord | Sequence[CandidateRecord]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(self._length))]
        return CandidateRecord(*(column[place] for column in self._columns))


class _Ragged(Sequence[Any]):
    """Tuples of any length, concatenated in one column."""

    __slots__ = ("_ends", "_flat")

    def __init__(self, tuples: Sequence[tuple[Any, ...]]) -> None:
        self._flat = _packed(list(chain.from_iterable(tuples)))
        self._ends = array("q", accumulate(map(len, tuples), initial=0))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return (tuple(self._flat[start:end]) for start, end in pairwise(self._ends))

    def __getitem__(self, place: Any) -> Any:
        number = range(len(self))[place]  # counts from the end where negative
        return tuple(self._flat[self._ends[number] : self._ends[number + 1]])


class _Constant(Sequence[Any]):
    """One value, repeated."""

    __slots__ = ("_length", "_value")

    def __init__(self, value: object, length: int) -> None:
        self._value, self._length = value, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        return repeat(self._value, self._length)

    def __getitem__(self, place: Any) -> Any:
        range(self._length)[place]  # raises IndexError when out of range
        return self._value


def _packed(values: list[Any]) -> Sequence[Any]:
    """Return the same values in less memory: numbers unboxed, equal strings shared, a constant once."""
    kinds = set(map(type, values))
    if kinds == {float}:
        return array("d", values)
    if kinds == {int}:
        return array("q", values)
    if kinds == {tuple}:
        return _Ragged(values)
    if kinds <= {str, bool, type(None)} and len(set(values)) == 1:
        return _Constant(values[0], len(values))
    strings: dict[str, str] = {}
    return tuple(strings.setdefault(value, value) if isinstance(value, str) else value for value in values)
