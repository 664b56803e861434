"""What `ttc store` shows and exports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal

from ttc.errors import UserError
from ttc.files import atomic_path, check_output, stat_regular, written_for
from ttc.runs.records import ProblemRecord
from ttc.store.database import Store
from ttc.terminal import plain_table, print_plain

ROWS_AT_ONCE = 50_000


def open_existing(path: Path) -> Store:
    """Open a store that exists.

    Raises:
        UserError: there is none.
    """
    try:
        stat_regular(path)
    except FileNotFoundError:
        raise UserError(f"--path {path}: no such store; a run creates one, or give another path.") from None
    except OSError as error:
        raise UserError(f"--path {path} is not a store ({error.strerror}); give another path.") from None
    return Store(path)


def show_store(store: Store, console: Console | None = None) -> None:
    """Print the store's size, its replies by engine, and the results of its runs."""
    console = console or Console(highlight=False)
    files = [store.path, *store.path.parent.glob(f"{store.path.name}-wal")]
    print_plain(console, f"{store.path}: {decimal(sum(file.stat().st_size for file in files))}")
    grid = plain_table("engine", "kind", right=("replies", "size"))
    for engine, kind, count, size in store.summary():
        grid.add_row(engine, kind, f"{count:,}", decimal(size))
    console.print(grid)
    _show_results(store, console)


def _show_results(store: Store, console: Console) -> None:
    grid = plain_table("strategy", "data", "generator", right=("budget", "seed", "problems", "accuracy %"))
    skipped = Skipped()
    for _, rows in groupby(_whole_results(store, skipped), key=lambda row: row["run"]):
        problems = list(rows)
        run = json.loads(str(problems[0]["run"]))
        names = (str(run["strategy"]["class"]), _name(run, "data", "name"), _name(run, "generator", "model"))
        accuracy = 100 * sum(problem["correct"] is True for problem in problems) / len(problems)
        grid.add_row(*names, str(run["budget"]), str(run["seed"]), str(len(problems)), f"{accuracy:.1f}")
    if grid.row_count:
        console.print("\nresults", style="dim")
        console.print(grid)
    if skipped.count:
        console.print(f"\n{skipped}")


def _name(run: Mapping[str, Any], part: str, key: str) -> str:
    given = run.get(part)
    return str(given.get(key, "")) if isinstance(given, dict) else ""


@dataclass
class Skipped:
    """How many damaged rows were left out."""

    count: int = 0

    def __str__(self) -> str:
        return f"{self.count:,} damaged {'row' if self.count == 1 else 'rows'} left out"


def export_replies(store: Store, out: Path) -> tuple[int, Skipped]:
    """Write one row per reply to a parquet file; return the number of rows, and of damaged ones left out.

    Columns: key (hex), engine, kind, made, value (of a score), finish, text and token_ids (of a sample's new steps,
    joined), and the tokens that it cost: prompt, cached, decoded.
    """
    import pyarrow as pa

    schema = pa.schema(
        [(name, pa.string()) for name in ("key", "engine", "kind", "made")]
        + [("value", pa.float64()), ("finish", pa.string()), ("text", pa.string())]
        + [("token_ids", pa.list_(pa.int32())), *((name, pa.int32()) for name in ("prompt", "cached", "decoded"))]
    )
    skipped = Skipped()
    written = _write(out, schema, _whole(store.rows(), _row, skipped))
    skipped.count += store.damaged
    return written, skipped


def export_results(store: Store, out: Path) -> tuple[int, Skipped]:
    """Write one row per problem of each run to a parquet file; return the number of rows, and of damaged ones left out.

    Columns: run (its settings as JSON), strategy, budget, seed, made, problem, level, quintile, gold, correct (of the
    configured selection), oracle, selected (JSON), generations, and for each candidate its answers, corrects and scores
    (the last value).
    """
    import pyarrow as pa

    types = {
        **dict.fromkeys(("run", "strategy", "made", "problem", "gold", "selected"), pa.string()),
        **dict.fromkeys(("budget", "seed", "level", "quintile", "generations"), pa.int64()),
        **dict.fromkeys(("correct", "oracle"), pa.bool_()),
        "answers": pa.list_(pa.string()),
        "corrects": pa.list_(pa.bool_()),
        "scores": pa.list_(pa.float64()),
    }
    schema = pa.schema(list(types.items()))
    skipped = Skipped()
    return _write(out, schema, _whole_results(store, skipped)), skipped


def _whole_results(store: Store, skipped: Skipped) -> Iterator[dict[str, object]]:
    return _whole(store.results(), _result, skipped)


def _whole(
    rows: Iterable[tuple[Any, ...]], convert: Callable[..., dict[str, object]], skipped: Skipped
) -> Iterator[dict[str, object]]:
    """Convert the rows; count those that are damaged instead."""
    for row in rows:
        try:
            converted = convert(*row)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
            skipped.count += 1
        else:
            yield converted


def _write(out: Path, schema: Any, rows: Iterator[dict[str, object]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_output(out, "OUT")
    count = 0
    try:
        with written_for(out, "OUT"), atomic_path(out) as draft, pq.ParquetWriter(draft, schema) as writer:
            while chunk := list(islice(rows, ROWS_AT_ONCE)):
                writer.write_table(pa.Table.from_pylist(chunk, schema=schema))
                count += len(chunk)
    except pa.ArrowException as error:
        raise UserError(f"{out} cannot be written: a row does not fit its column ({error}).") from None
    return count


def _row(key: bytes, engine: str, kind: str, body: str, made: str) -> dict[str, object]:
    reply = json.loads(body)
    steps, value = reply.get("steps"), reply.get("value")
    prompt, cached, decoded = map(_small, reply["usage"])
    return {
        "key": key.hex(),
        "engine": _text(engine),
        "kind": _text(kind),
        "made": _text(made),
        "value": None if value is None else float(value),
        "finish": _optional_text(reply.get("finish")),
        "text": None if steps is None else "".join(_text(text) for text, _ in steps),
        "token_ids": None if steps is None else [_small(token) for _, ids in steps for token in ids],
        "prompt": prompt,
        "cached": cached,
        "decoded": decoded,
    }


def _small(number: object) -> int:
    if type(number) is not int or not 0 <= number < 2**31:
        raise ValueError("not a count or a token id")
    return number


def _result(run: str, problem: str, made: str) -> dict[str, object]:
    settings, record = json.loads(run), ProblemRecord.from_json(json.loads(problem))
    candidates = record.candidates
    numbers = {name: settings[name] for name in ("budget", "seed")}
    numbers |= {name: getattr(record, name) for name in ("level", "quintile", "generations")}
    if any(number is not None and (type(number) is not int or abs(number) >= 2**63) for number in numbers.values()):
        raise ValueError("not a whole number of 64 bits")
    selected = {name: {"answer": chosen.answer, "correct": chosen.correct} for name, chosen in record.selected.items()}
    return {
        "run": run,
        "strategy": _text(settings["strategy"]["class"]),
        "made": made,
        "problem": _text(record.id),
        "selected": json.dumps(selected),
        "answers": [_optional_text(candidate.answer) for candidate in candidates],
        "corrects": [candidate.correct for candidate in candidates],
        "scores": [float(candidate.values[-1]) if candidate.values else None for candidate in candidates],
        **numbers,
        **{"gold": _text(record.gold), "correct": record.correct, "oracle": record.oracle},
    }


def _text(text: object) -> str:
    """Return a text that parquet holds: lone surrogates, which UTF-8 refuses, become \\udXXX escapes."""
    if not isinstance(text, str):
        raise TypeError("not text")
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def _optional_text(text: object) -> str | None:
    return None if text is None else _text(text)
