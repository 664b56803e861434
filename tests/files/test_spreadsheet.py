"""CSV files are safe to open in a spreadsheet program, and are read back as they were."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.files import read_csv, write_csv
from ttc.terminal import printable


def test_csv_is_written_with_six_decimals(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": ["x"], "share": [1 / 3]}))
    assert (tmp_path / "a.csv").read_bytes() == b"name,share\nx,0.333333\n"


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\n=1", "\uff1d1+1", "'=1"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path: Path, text: str) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": [text], text: ["x"]}))
    raw = pd.read_csv(tmp_path / "a.csv", dtype=str)
    assert [raw.columns[1], raw["name"][0]] == [f"'{text}", f"'{text}"]
    read = read_csv(tmp_path / "a.csv")
    assert [read.columns[1], read["name"][0]] == [text, text]


def test_numbers_and_ordinary_texts_stay_as_they_are(tmp_path: Path) -> None:
    table = pd.DataFrame({"text": ["-3", "+1e5", "-0.5", "beam", "a=b", "it's", "'quoted'"], "share": [-0.25] * 7})
    write_csv(tmp_path / "a.csv", table)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[1:] == [f"{text},-0.250000" for text in table["text"]]


def test_control_characters_are_written_as_escapes(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": ["\x1b[31mred\r"]}))
    assert (tmp_path / "a.csv").read_bytes() == b"name\n\\x1b[31mred\\x0d\n"


@settings(max_examples=100)
@given(st.lists(st.text("'=+-@\t\r\n\",a1. \x1b", min_size=1, max_size=6), max_size=4))
def test_every_printable_text_is_read_back(texts: list[str]) -> None:
    words = [f"{text}z" for text in texts]  # neither blank nor a number
    with TemporaryDirectory() as directory:
        path = Path(directory) / "a.csv"
        write_csv(path, pd.DataFrame({"text": words, "n": 0.5}))
        assert [*read_csv(path)["text"]] == [printable(word) for word in words]
