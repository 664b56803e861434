"""`ttc store prune` compares moments, and says what it is about to delete."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ttc.cli import app
from ttc.store.database import Store
from ttc.store.pruning import choose, prune

MADE = ["2025-12-28T23:59:59Z", "2025-12-29T00:00:00Z", "2026-01-01T12:00:00Z", "2026-11-25T08:00:00Z"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a store with one reply for each moment of MADE."""
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.keep([(bytes([n]), "judge" if n else "small", "score", "{}") for n in range(len(MADE))])
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "UPDATE replies SET made = ? WHERE key = ?", [(m, bytes([n])) for n, m in enumerate(MADE)]
        )
    return path


def ttc(path: Path, *arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["store", "prune", *arguments, "--path", str(path)])
    return found.exit_code, found.output


@pytest.mark.parametrize(
    ("before", "deleted"),
    [
        ("2025-12-29", 1),
        ("20251229", 1),  # sorts after every moment, as text
        ("2026-W01-1", 1),  # the Monday of the first week: 2025-12-29
        ("2026-W01", 1),
        ("2025-12-29T00:00:01", 2),
        ("2025-12-29T00:00:00.5Z", 2),
        ("2025-12-29T01:00+02:00", 0),
        ("2025-12-28T22:00-04:00", 2),
        ("2026-01-01 12:00", 2),
        ("2026-01-01 12:00:01", 3),
        ("2026-11-25T08:00:01Z", 4),
        ("9999-12-31", 4),
        ("0001-01-01", 0),
    ],
)
def test_a_date_or_moment_deletes_exactly_the_replies_made_before_it(path: Path, before: str, deleted: int) -> None:
    code, output = ttc(path, "--before", before, "--yes")
    assert (code, output.split()[0]) == (0, str(deleted))
    with Store(path) as store:
        assert [row[4] for row in store.rows()] == MADE[deleted:]


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.none() | st.integers(-14 * 60, 14 * 60),
    st.lists(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), max_size=5),
)
@settings(max_examples=30, derandomize=True)
def test_moments_are_compared_whatever_their_spelling_and_zone(
    tmp_path_factory: pytest.TempPathFactory, before: datetime, offset: int | None, made: list[datetime]
) -> None:
    if offset is not None:
        before = before.replace(tzinfo=timezone(timedelta(minutes=offset)))
    made = [moment.replace(microsecond=0, tzinfo=UTC) for moment in made]
    expected = [moment for moment in made if moment >= (before if before.tzinfo else before.replace(tzinfo=UTC))]
    with Store(tmp_path_factory.mktemp("store") / "s.sqlite") as store:
        store.keep([(bytes([n]), "e", "score", "{}") for n in range(len(made))])
        rows = [(f"{moment:%Y-%m-%dT%H:%M:%SZ}", bytes([n])) for n, moment in enumerate(made)]
        store._connection.executemany("UPDATE replies SET made = ? WHERE key = ?", rows)
        assert prune(store, choose(store, None, before.isoformat()), confirm=lambda shown: True) == len(made) - len(
            expected
        )
        assert len(list(store.rows())) == len(expected)


def test_what_will_be_deleted_is_shown_with_its_age_before_anybody_is_asked(path: Path) -> None:
    shown: list[str] = []

    def refuse(text: str) -> bool:
        shown.append(text)
        return False

    with Store(path) as store:
        assert prune(store, choose(store, None, "2026-02-01T01:00+01:00"), confirm=refuse) == 0
        assert len(list(store.rows())) == 4
    assert shown == [
        "made before 2026-02-01 00:00:00 UTC:\n"
        "judge: 2 score replies, made 2025-12-29T00:00:00Z to 2026-01-01T12:00:00Z\n"
        "small: 1 score reply, made 2025-12-28T23:59:59Z to 2025-12-28T23:59:59Z"
    ]


def test_a_moment_in_the_future_is_said_to_be_one(path: Path) -> None:
    with Store(path) as store:
        choice = choose(store, "small", "9999-01-01")
        assert "9999-01-01 00:00:00 UTC, which is in the future:" in choice.describe(store, datetime.now(UTC))


def test_without_a_terminal_nothing_is_deleted_unless_yes_is_given(path: Path) -> None:
    code, output = ttc(path, "--engine", "judge")
    assert code == 2 and "judge: 3 score replies" in output
    assert output.splitlines()[-1] == (
        "error: nothing was deleted: there is no terminal to ask on; add --yes to delete these replies."
    )
    assert ttc(path, "--engine", "judge", "--yes") == (0, "3 replies deleted\n")
    assert ttc(path, "--before", "2000-01-01") == (0, "0 replies deleted\n")  # nothing to ask about


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing chosen"),
        (["--before", "soon"], "soon is not a date or moment; use e.g. 2026-01-31"),
        (["--before", "2026-02-30"], "not a date or moment"),
        (["--before", "31.01.2026"], "not a date or moment"),
        (["--before", "0001-01-01T00:00+14:00"], "not a date or moment"),
        (["--before", ""], "not a date or moment"),
        (["--engine", "jugde"], "holds none of its replies; use one of judge, small."),
    ],
)
def test_an_impossible_choice_is_one_line_and_deletes_nothing(path: Path, options: list[str], message: str) -> None:
    code, output = ttc(path, *options, "--yes")
    assert (code, output.count("\n")) == (2, 1) and message in output
    with Store(path) as store:
        assert len(list(store.rows())) == 4


def test_an_engine_of_an_empty_store_is_refused_because_the_store_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    with Store(path):
        pass
    assert ttc(path, "--engine", "judge", "--yes") == (
        2,
        "error: --engine judge: the store is empty; there is nothing to delete.\n",
    )
