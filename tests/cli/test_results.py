"""`ttc show` and `ttc compare` on the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from run_records import write_run

from ttc.cli import app


def ttc(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        app(list(arguments), prog_name="ttc")
    captured = capsys.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """Two finished runs, of dependent and of independent samples."""
    write_run(tmp_path / "beam", strategy="beam", selections={"weighted": {}})
    write_run(tmp_path / "bon")
    return [str(tmp_path / "beam"), str(tmp_path / "bon")]


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("text", "row  strategy"), ("md", "| row | strategy |"), ("csv", "row,strategy,"), ("latex", "% needs \\usepa")],
)
def test_compare_prints_every_format_and_writes_csv_too(
    runs: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, beginning: str
) -> None:
    file = tmp_path / "table.csv"
    code, out, err = ttc(capsys, "compare", *runs, "--budget", "2", "--format", name, "--csv", str(file))
    assert (code, err) == (0, "") and out.startswith(beginning)
    [beam, bon] = csv.DictReader(file.open())
    assert (beam["strategy"], beam["generations"], bon["generations"]) == ("beam", "4.0", "2.0")
    if name == "csv":
        assert out == file.read_text()


@pytest.mark.parametrize("name", ["text", "md", "csv", "latex"])
def test_show_prints_finished_runs_in_every_format(
    runs: list[str], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code, out, err = ttc(capsys, "show", *runs, "--format", name)
    assert (code, err) == (0, "") and "weighted" in out and "beam" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "--format", "html"], "--format html: is not known; use text, md, csv, latex."),
        (["compare", "--format", "html"], "--format html: is not known; use text, md, csv, latex."),
        (["compare", "--budget", "8"], "has 4 samples per problem; give at most 4."),
        (["compare", "--selection", "pass@2"], "are not independent; use one of weighted."),
        (["compare", "--budget", "0"], "'--budget'"),
    ],
)
def test_a_bad_option_is_one_line(
    runs: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, out, err = ttc(capsys, *arguments, *runs)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ") and message in err
