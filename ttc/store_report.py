"""What `ttc store` shows and exports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ttc.errors import UserError
from ttc.store import Store

ROWS_AT_ONCE = 50_000


def existing(path: Path) -> Store:
    """Open a store that is there; nothing is made where none is."""
    if not path.is_file():
        raise UserError(f"--path {path}: no such store; a run makes one, or name another.")
    return Store(path)


def show(store: Store, console: Console | None = None) -> None:
    """Print the store's size, and how many replies of which engine it holds."""
    console = console or Console(highlight=False)
    files = [store.path, *store.path.parent.glob(f"{store.path.name}-wal")]
    console.print(f"{store.path}: {_size(sum(file.stat().st_size for file in files))}", soft_wrap=True)
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name, justify in (("engine", "left"), ("kind", "left"), ("replies", "right"), ("size", "right")):
        grid.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for engine, kind, count, size in store.summary():
        grid.add_row(engine, kind, f"{count:,}", _size(size))
    console.print(grid)
    _show_runs(store, console)


def _show_runs(store: Store, console: Console) -> None:
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("strategy", "data", "generator", "budget", "seed", "problems", "accuracy %"):
        grid.add_column(name, justify="left" if name in ("strategy", "data", "generator") else "right")
    for _, rows in groupby(store.results(), key=lambda row: row[0]):
        problems = list(rows)
        run = problems[0][0]
        names = (run["strategy"]["class"], run["data"].get("name", ""), run["generator"].get("model", ""))
        accuracy = 100 * sum(problem["correct"] for _, problem, _ in problems) / len(problems)
        grid.add_row(*names, str(run["budget"]), str(run["seed"]), str(len(problems)), f"{accuracy:.1f}")
    if grid.row_count:
        console.print("\nresults", style="dim")
        console.print(grid)


def export(store: Store, out: Path) -> int:
    """Write every reply as a row of a parquet file; return how many.

    Columns: key (hex), engine, kind, made, value (a score's), finish, text and token_ids (a sample's new steps,
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
    """Write what each run found out about each problem as a row of a parquet file; return how many.

    Columns: run (its settings as JSON), strategy, budget, seed, made, problem, level, quintile, gold, correct (of the
    configured selection), oracle, selected (JSON), generations, and of each candidate answers, corrects and scores (the
    last value).
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

    draft = out.with_name(f".{out.name}.draft")
    count = 0
    try:
        with pq.ParquetWriter(draft, schema) as writer:
            while chunk := list(islice(rows, ROWS_AT_ONCE)):
                writer.write_table(pa.Table.from_pylist(chunk, schema=schema))
                count += len(chunk)
        draft.replace(out)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); name another file.") from None
    finally:
        draft.unlink(missing_ok=True)
    return count


def prune(store: Store, engine: str | None, before: str | None) -> int:
    """Delete an engine's replies, or those from before a day, or both; return how many."""
    if engine is None and before is None:
        raise UserError("nothing chosen; give --engine NAME or --before DAY, or delete the file to lose all.")
    if before is not None:
        try:
            date.fromisoformat(before)
        except ValueError:
            raise UserError(f"--before {before} is not a day; write e.g. 2026-01-31.") from None
    engines = {name for name, *_ in store.summary()}
    if engine is not None and engine not in engines:
        raise UserError(f"--engine {engine}: the store holds none of its replies, but of {', '.join(sorted(engines))}.")
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


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
