"""What a run prints, and the files it leaves."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from run_records import records

from ttc.analysis.accuracy import CandidateRecord, ProblemRecord, accuracy_table, read_records, summarize
from ttc.analysis.display import headline, jsonl_row, rewrite_tables, show, write_lines, write_run
from ttc.analysis.tables import run_table
from ttc.cost import Tokens
from ttc.errors import UserError


def summary() -> dict[str, object]:
    return summarize(accuracy_table(records(), independent=True), "weighted") | {
        "generations": 6400,
        "tokens": {"prompt": 12345678, "cached": 12345678, "decoded": 89, "prm": 12345678, "prm_cached": 12345678},
        "flops": {"paper": 1.5e12, "full": None},
        "seconds": {"load": 13.24, "total": 99.0},
        "notes": ["quintiles [come] from elsewhere"],
    }


def lines(records: list[ProblemRecord]) -> list[str]:
    return [jsonl_row(record.to_json()) for record in records]


def printed(**options: object) -> str:
    stream = io.StringIO()
    table = accuracy_table(records(), independent=True)
    show("beam, budget 64, pocket test", table, summary(), Console(file=stream, highlight=False, **options))  # type: ignore[arg-type]
    return stream.getvalue()


def test_a_pipe_gets_plain_text_of_at_most_80_columns() -> None:
    text = printed()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    for line in ("weighted*        75.0", "6,400", "decoded 89", "1.5e+12 (paper), unknown (full)", "load 13.2"):
        assert line in text
    assert "note: quintiles [come] from elsewhere" in text


def test_a_terminal_gets_the_configured_selection_in_bold() -> None:
    lines = printed(force_terminal=True, width=80, color_system="standard").splitlines()
    (line,) = [line for line in lines if "weighted*" in line and "[" in line and "75.0" in line]
    assert "\x1b[1m" in line
    assert not any("\x1b[1m" in line for line in lines if "majority" in line and "75" in line)


def test_the_widest_table_fits_80_columns() -> None:
    wide = accuracy_table(records(), independent=True).assign(accuracy=0.555, lo=0.1, hi=1.0, n=500)
    stream = io.StringIO()
    show("x", wide, summary(), Console(file=stream, width=80))
    rows = [line for line in stream.getvalue().splitlines() if "55.5 ±45.0" in line]
    assert len(rows) == 4 and all(line.count("55.5 ±45.0") == 5 for line in rows)


def test_the_headline_says_when_only_some_problems_were_run() -> None:
    title = "beam, budget 64, pocket test (100 of 500 problems: data.limit=100)"
    assert headline("beam", 64, "pocket test", 100, 500) == title
    assert headline("majority", 4, "math500", 500, 500) == "majority, budget 4, math500 (500 problems)"


def test_identical_results_are_written_byte_for_byte_alike(tmp_path: Path) -> None:
    table = accuracy_table(records(), independent=True)
    write_run(tmp_path / "one", summary(), table, lines(records()))
    write_run(tmp_path / "two", dict(reversed(summary().items())), table, lines(records()))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["accuracy.csv", "problems.jsonl", "summary.json"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_was_written_can_be_read_again(tmp_path: Path) -> None:
    value = float(np.float32(0.1))
    rows = [replace(records()[0], candidates=(CandidateRecord("t", "1", True, "stop", (value, math.nan)),))]
    write_run(tmp_path, {"accuracy": 1 / 3, "bad": math.inf}, accuracy_table(records(), independent=True), lines(rows))
    assert json.loads((tmp_path / "summary.json").read_text()) == {"accuracy": 0.333333, "bad": None}
    assert read_records(tmp_path)[0].candidates[0].values == pytest.approx((value, math.nan), rel=0, abs=0, nan_ok=True)
    assert pd.read_csv(tmp_path / "accuracy.csv").columns[:3].tolist() == ["kind", "group", "selection"]
    assert read_records(tmp_path / "problems.jsonl")[0].tokens == Tokens(10, 0, 28, 30)


def test_the_tables_of_a_run_that_was_graded_again_follow_its_verdicts(tmp_path: Path) -> None:
    table = run_table(records(), independent=True)
    write_run(tmp_path, summarize(table, "weighted") | {"seed": 0, "notes": ["kept"]}, table, lines(records()))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    rewrite_tables(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    rows = [record.to_json() for record in read_records(tmp_path)]
    for row in rows:
        row["selected"]["weighted"]["correct"] = True
    write_lines(tmp_path / "problems.jsonl", map(jsonl_row, rows))
    rewrite_tables(tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["accuracy"] == 1 and summary["notes"] == ["kept"]
    found = pd.read_csv(tmp_path / "accuracy.csv").query("kind == 'overall'").set_index("selection")["accuracy"]
    assert found["weighted"] == 1 and found["majority"] == table["accuracy"][table["selection"] == "majority"].iloc[0]


def test_a_text_with_exotic_line_ends_stays_one_row(tmp_path: Path) -> None:
    text = "one\u2028two\x85three"
    rows = [replace(records()[0], candidates=(CandidateRecord(text, "1", True),))]
    write_run(tmp_path, {}, accuracy_table(rows, independent=True), lines(rows))
    assert read_records(tmp_path)[0].candidates[0].text == text


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = accuracy_table(records(), independent=True)
    write_run(tmp_path, {"accuracy": 1.0}, table, lines(records()))

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_run(tmp_path, {"accuracy": 0.0}, table, [])
    assert len(read_records(tmp_path)) == 4
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_that_is_no_run_is_refused_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_records(tmp_path)
    good = json.dumps(records()[0].to_json())
    for bad in ("{", "[]", "{}", '{"id": "a", "selected": {}, "candidates": [3]}'):
        (tmp_path / "problems.jsonl").write_text(f"{good}\n{bad}\n")
        with pytest.raises(UserError, match=r"problems\.jsonl:2 is not a row"):
            read_records(tmp_path)
