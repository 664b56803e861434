"""`ttc store prune`: which replies to delete, shown before they are deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from ttc.errors import UserError
from ttc.store.database import Store

_EXAMPLES = "use e.g. 2026-01-31, 2026-01-31T12:00 or 2026-01-31T12:00+02:00."


@dataclass(frozen=True)
class Choice:
    """Replies of an engine, or made before a moment, or both; `before` has a time zone."""

    engine: str | None
    before: datetime | None

    def describe(self, store: Store, now: datetime) -> str:
        """Return what would be deleted, one line per engine and kind; empty if nothing would be."""
        found = store.ages(engine=self.engine, before=self._seconds())
        if not found:
            return ""
        lines = [
            f"{engine}: {count:,} {kind} {'reply' if count == 1 else 'replies'}, made {oldest} to {newest}"
            for engine, kind, count, oldest, newest in found
        ]
        if self.before is not None:
            future = ", which is in the future" if self.before > now else ""
            lines.insert(0, f"made before {self.before.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC{future}:")
        return "\n".join(lines)

    def delete(self, store: Store) -> int:
        """Delete them; return how many there were."""
        return store.prune(engine=self.engine, before=self._seconds())

    def _seconds(self) -> float | None:
        return None if self.before is None else self.before.timestamp()


def choose(store: Store, engine: str | None, before: str | None) -> Choice:
    """Check and parse the options of the command.

    Raises:
        UserError: neither is given, an unknown engine, or not a date or moment.
    """
    if engine is None and before is None:
        raise UserError("nothing chosen; give --engine NAME or --before DATE, or delete the file to remove everything.")
    engines = {name for name, *_ in store.summary()}
    if engine is not None and not engines:
        raise UserError(f"--engine {engine}: the store is empty; there is nothing to delete.")
    if engine is not None and engine not in engines:
        raise UserError(
            f"--engine {engine}: the store holds none of its replies; use one of {', '.join(sorted(engines))}."
        )
    return Choice(engine, None if before is None else _moment(before))


def _moment(text: str) -> datetime:
    """Parse an ISO 8601 date or moment; UTC, in which the store's times are, unless it names a zone."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        moment.astimezone(UTC)  # within the years 1 to 9999 there too
    except (ValueError, OverflowError):
        raise UserError(f"--before {text} is not a date or moment; {_EXAMPLES}") from None
    return moment


def prune(store: Store, choice: Choice, *, confirm: Callable[[str], bool]) -> int:
    """Delete the chosen replies if `confirm`, which is shown what they are, says so; return how many."""
    shown = choice.describe(store, datetime.now(UTC))
    return choice.delete(store) if shown and confirm(shown) else 0
