"""`ttc report` and `ttc view` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import CommandLine
from report_runs import mixed_records, write_report_run


def test_a_report_is_one_file(ttc: CommandLine, tmp_path: Path) -> None:
    write_report_run(tmp_path / "runs" / "0", mixed_records())
    write_report_run(tmp_path / "runs" / "1", mixed_records(), budget=8)
    outcome = ttc("report", "runs", "--out", "report.html")
    assert (outcome.code, outcome.err) == (0, "") and outcome.out.startswith("report.html: 0.1 MB")
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "runs"], "Missing option '--out'"),
        (["report", "nothing", "--out", "r.html"], "nothing holds no finished run"),
        (["report", "runs", "--out", "no/r.html"], "--out no/r.html cannot be written"),
        (["report", "runs", "--out", "r.html", "--figures", "runs"], "--figures runs holds no SVG file"),
        (["view"], "outputs is not a directory"),
        (["view", "runs/summary.json"], "is not a directory"),
        (["view", "runs", "--port", "70000"], "'--port'"),
    ],
)
def test_a_bad_argument_is_one_line(ttc: CommandLine, tmp_path: Path, arguments: list[str], message: str) -> None:
    write_report_run(tmp_path / "runs", mixed_records())
    outcome = ttc(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1) and message in outcome.err


def test_a_damaged_run_leaves_an_older_report_alone(ttc: CommandLine, tmp_path: Path) -> None:
    write_report_run(tmp_path / "run", mixed_records())
    (tmp_path / "run" / "accuracy.csv").write_text("nothing")
    (tmp_path / "r.html").write_text("older")
    outcome = ttc("report", "run", "--out", "r.html")
    assert outcome.code == 2 and (tmp_path / "r.html").read_text() == "older"
