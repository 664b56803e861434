"""The notes of a merged run: those of its shards, each once, and what fell short in all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ttc.app.shards import Shard
from ttc.errors import UserError
from ttc.execution.choosing import relative_bins_note
from ttc.execution.shortfalls import WARNING, Shortfalls
from ttc.runs.directory import RunDirectory


def merged_notes(shards: Sequence[Shard], missing: Sequence[str], bins_note: str | None) -> list[str]:
    """Return the notes; one that not all shards have names the shard."""
    total = total_shortfalls(shards)
    others = [_lasting_notes(shard) for shard in shards]
    shared = [note for note in others[0] if all(note in notes for notes in others)]
    return [
        f"merged from {'1 run' if len(shards) == 1 else f'{len(shards)} runs'}, one per shard",
        *_missing_note(shards, missing),
        *dict.fromkeys([*shared, *([bins_note] if bins_note else [])]),
        *(total.notes(_token_limit(shards[0])) if total is not None else []),
        *(
            _of_shard(note, shard)
            for shard, notes in zip(shards, others, strict=True)
            for note in notes
            if note not in shared
        ),
    ]


def notes_of(shard: Shard) -> list[str]:
    """Return the notes of a shard's own run."""
    given = shard.run.summary.get("notes")
    return [note for note in given if isinstance(note, str)] if isinstance(given, list) else []


def total_shortfalls(shards: Sequence[Shard]) -> Shortfalls | None:
    """Return the sum of what fell short; None where a run of an older version does not count it.

    Raises:
        UserError: a summary holds something else.
    """
    total = Shortfalls()
    for shard in shards:
        found = _shortfalls(shard)
        if found is None:
            return None
        total += found
    return total


def _shortfalls(shard: Shard) -> Shortfalls | None:
    given = shard.run.summary.get("shortfalls")
    if given is None:
        return None
    try:
        found = Shortfalls(**given)
        if all(type(count) is int for count in found.to_json().values()):
            return found
    except TypeError:
        pass
    raise UserError(
        f"{RunDirectory(shard.place).summary_file}: shortfalls are not what a run writes; run the experiment again."
    )


def _token_limit(shard: Shard) -> str:
    return str(shard.run.summary.get("token_limit", "the generator's limit of tokens"))


def _lasting_notes(shard: Shard) -> list[str]:
    """Return the notes that hold for the merged run too."""
    shortfalls = _shortfalls(shard)
    replaced = shortfalls.notes(_token_limit(shard)) if shortfalls is not None else []
    replaced.append(relative_bins_note(shard.name))
    return [note for note in notes_of(shard) if note not in replaced]


def _missing_note(shards: Sequence[Shard], missing: Sequence[str]) -> Iterator[str]:
    if missing:
        absent = f"shard {missing[0]} is" if len(missing) == 1 else f"shards {', '.join(missing)} are"
        yield f"{WARNING}{absent} missing (--allow-missing): the tables are of the problems of the other {len(shards)}"


def _of_shard(note: str, shard: Shard) -> str:
    start = WARNING if note.startswith(WARNING) else ""
    return f"{start}of shard {shard.name}: {note.removeprefix(WARNING)}"
