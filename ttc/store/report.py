"""What `ttc store` shows, exports and deletes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal

from ttc.errors import UserError
from ttc.files import atomic_path
from ttc.store.database import Store
from ttc.terminal import plain_table

ROWS_AT_ONCE = 50_000


def open_existing(path: Path) -> Store:
    """Open a store that exists.

    Raises:
        UserError: there is none.
    """
    if not path.is_file():
        raise UserError(f"--path {path}: no such store; a run creates one, or give another path.")
    return Store(path)


def show_store(store: Store, console: Console | None = None) -> None:
    """Print the store's size, its replies by engine, and the results of its runs."""
    console = console or Console(highlight=False)
    files = [store.path, *store.path.parent.glob(f"{store.path.name}-wal")]
    console.print(f"{store.path}: {decimal(sum(file.stat().st_size for file in files))}", soft_wrap=True)
    grid = plain_table("engine", "kind", right=("replies", "size"))
    for engine, kind, count, size in store.summary():
        grid.add_row(engine, kind, f"{count:,}", decimal(size))
    console.print(grid)
    _show_results(store, console)


def _show_results(store: Store, console: Console) -> None:
    grid = plain_table("strategy", "data", "generator", right=("budget", "seed", "problems", "accuracy %"))
    for _, rows in groupby(store.results(), key=lambda row: row[0]):
        problems = list(rows)
        run = problems[0][0]
        names = (run["strategy"]["class"], run["data"].get("name", ""), run["generator"].get("model", ""))
        accuracy = 100 * sum(problem["correct"] for _, problem, _ in problems) / len(problems)
        grid.add_row(*names, str(run["budget"]), str(run["seed"]), str(len(problems)), f"{accuracy:.1f}")
    if grid.row_count:
        console.print("\nresults", style="dim")
        console.print(grid)


def export_replies(store: Store, out: Path) -> int:
    """Write one row per reply to a parquet file; return the number of rows.

    Columns: key (hex), engine, kind, made, value (of a score), finish, text and token_ids (of a sample's new steps,
    joined), and the tokens that it cost: prompt, cached, decoded.
    """
    import pyarrow as pa

    schema = pa.schema(
        [(name, pa.string()) for name in ("key", "engine", "kind", "made")]
        + [("value", pa.float64()), ("finish", pa.string()), ("text", pa.string())]
        + [("token_ids", pa.list_(pa.int32())), *((name, pa.int32()) for name in ("prompt", "cached", "decoded"))]
    )
    return _write(out, schema, (_row(*row) for row in store.rows()))


def export_results(store: Store, out: Path) -> int:
    """Write one row per problem of each run to a parquet file; return the number of rows.

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
    return _write(out, schema, (_result(*row) for row in store.results()))


def _write(out: Path, schema: Any, rows: Iterator[dict[str, object]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not out.parent.is_dir():
        raise UserError(f"{out} cannot be written: {out.parent} is not a directory; choose another file.")
    count = 0
    try:
        with atomic_path(out) as draft, pq.ParquetWriter(draft, schema) as writer:
            while chunk := list(islice(rows, ROWS_AT_ONCE)):
                writer.write_table(pa.Table.from_pylist(chunk, schema=schema))
                count += len(chunk)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); choose another file.") from None
    return count


def prune(store: Store, engine: str | None, before: str | None) -> int:
    """Delete an engine's replies, or those from before a day, or both; return the number deleted.

    Raises:
        UserError: neither is given, an unknown engine, or not a day.
    """
    if engine is None and before is None:
        raise UserError("nothing chosen; give --engine NAME or --before DAY, or delete the file to remove everything.")
    if before is not None:
        try:
            date.fromisoformat(before)
        except ValueError:
            raise UserError(f"--before {before} is not a day; use e.g. 2026-01-31.") from None
    engines = {name for name, *_ in store.summary()}
    if engine is not None and engine not in engines:
        raise UserError(
            f"--engine {engine}: the store holds none of its replies, only those of {', '.join(sorted(engines))}."
        )
    return store.prune(engine=engine, before=before)


def _row(key: bytes, engine: str, kind: str, body: str, made: str) -> dict[str, object]:
    reply = json.loads(body)
    steps = reply.get("steps")
    prompt, cached, decoded = reply["usage"]
    return {
        "key": key.hex(),
        "engine": engine,
        "kind": kind,
        "made": made,
        "value": reply.get("value"),
        "finish": reply.get("finish"),
        "text": None if steps is None else "".join(text for text, _ in steps),
        "token_ids": None if steps is None else [token for _, ids in steps for token in ids],
        "prompt": prompt,
        "cached": cached,
        "decoded": decoded,
    }


def _result(run: dict[str, Any], problem: dict[str, Any], made: str) -> dict[str, object]:
    candidates = problem["candidates"]
    return {
        "run": json.dumps(run),
        "strategy": run["strategy"]["class"],
        "made": made,
        "problem": problem["id"],
        "selected": json.dumps(problem["selected"]),
        "answers": [candidate["answer"] for candidate in candidates],
        "corrects": [candidate["correct"] for candidate in candidates],
        "scores": [candidate["values"][-1] if candidate["values"] else None for candidate in candidates],
        **{name: run[name] for name in ("budget", "seed")},
        **{name: problem[name] for name in ("level", "quintile", "gold", "correct", "oracle", "generations")},
    }
