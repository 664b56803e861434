"""CSV files: nothing shifts an answer into another column unseen."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.data.csv_rows import read_csv_rows
from ttc.errors import UserError


def rows(tmp_path: Path, text: str | bytes) -> list[dict[str, str | None]]:
    path = tmp_path / "p.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [row for _, row in read_csv_rows(path)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "problem,answer\nFind it.,(1,2)\n",
            "p.csv:2 has 3 fields, the header has 2; put a field that contains a com",
        ),
        (
            "problem;answer\na;b\n\nx;y;z",
            "p.csv:4 has 3 fields, the header has 2; put a field that contains a semi",
        ),
        ("problem,answer\nonly\n", "p.csv:2 has 1 field, the header has 2"),
        ("answer,problem,answer\n1,2,3\n", "p.csv:1: the header has two columns named 'answer'; rename or remove one."),
        ('problem,answer\na,b\n"never,closed\nc,d\n', "p.csv:3 is not CSV (a double quote is opened and never closed"),
        ('problem,answer\n"a" b,c\n', "p.csv:2 is not CSV (',' expected after '\"'; put the field into double quotes"),
        (
            "problem,answer\ra,b\r",
            "p.csv:1 is not CSV (a line ends in a lone carriage return; save it with line feeds)",
        ),
        (b"problem,answer\na,b\x00\n", "p.csv:2 contains NUL characters; save it as UTF-8 text."),
        ("problem,answer\nx,y\n".encode("utf-16-le"), "p.csv:1 contains NUL characters"),
        ("problem,answer\nx,y\n".encode("utf-16"), "p.csv:1 is not UTF-8 text (byte 0)"),
    ],
)
def test_a_damaged_file_is_refused_with_the_line_and_the_remedy(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(UserError) as error:
        rows(tmp_path, text)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_decides_on_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    text = f'problem{delimiter}answer\n"a{delimiter} b"{delimiter}1\n'
    assert rows(tmp_path, text) == [{"problem": f"a{delimiter} b", "answer": "1"}]


@pytest.mark.parametrize("cell", ["", " ", "NaN", "nan", "None", "null", "NULL", '""'])
def test_a_cell_without_a_value_is_none(tmp_path: Path, cell: str) -> None:
    assert rows(tmp_path, f"problem,answer\na,{cell}\n") == [{"problem": "a", "answer": None}]


def test_what_spreadsheet_programs_add_is_left_out(tmp_path: Path) -> None:
    text = "\ufeffproblem , answer,\r\n a ,b,\r\n,,\r\n\r\n"  # a mark, blanks, columns without a name, blank rows
    assert rows(tmp_path, text) == [{"problem": " a ", "answer": "b"}]


@pytest.mark.parametrize("text", ["", "\n\n", "problem,answer\n"])
def test_a_file_without_rows_has_none(tmp_path: Path, text: str) -> None:
    assert rows(tmp_path, text) == []


def test_a_field_of_several_hundred_kilobytes_is_read(tmp_path: Path) -> None:
    assert rows(tmp_path, f"problem,answer\n{'x' * 300_000},1\n")[0]["problem"] == "x" * 300_000


CELL = st.text(alphabet='ab,;\t"\n\u2028\x85é ', min_size=1, max_size=8).map(lambda text: f"<{text}>")


@settings(max_examples=100)
@given(st.lists(st.tuples(CELL, CELL), max_size=4), st.booleans())
def test_whatever_the_csv_module_writes_is_read_back(table: list[tuple[str, str]], quoted: bool) -> None:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows(
        [("problem", "answer"), *table]
    )
    with TemporaryDirectory() as directory:
        found = rows(Path(directory), written.getvalue())
    assert [(row["problem"], row["answer"]) for row in found] == table
