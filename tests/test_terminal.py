"""What is printed is safe to print; shares come with their intervals."""

from __future__ import annotations

import io
import logging
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from ttc.analysis.intervals import unanimous_interval
from ttc.terminal import PlainFormatter, percent_with_error, plain_table, print_plain, printable, printable_line

HOSTILE = [
    "[/red]x",
    "[bold]b[/]",
    "[a,b]",
    "\x1b[31mred",
    "\x9b31m",
    "\u202eabc",
    "a\rb",
    ":smile:",
    "half \ud83d",
    "[link=x]y",
]


def console() -> Console:
    return Console(file=io.StringIO(), width=200, force_terminal=True, color_system="standard")


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return Text.from_ansi(console.file.getvalue()).plain  # without rich's own styles


def test_control_characters_become_escapes_and_printable_unicode_stays() -> None:
    assert printable("a\x1b[31m\x00\x7f\x9b\u202e\u2028\ud83d") == "a\\x1b[31m\\x00\\x7f\\x9b\\u202e\\u2028\\ud83d"
    assert printable("é 中 π \t 👩‍🔬\r\nb") == "é 中 π \t 👩‍🔬\nb"


@given(st.text(alphabet=st.characters()))
def test_no_text_controls_the_terminal(text: str) -> None:
    safe = printable(text)
    safe.encode()
    controls = {character for character in safe if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")}
    assert controls <= {"\t", "\n"}
    assert printable_line(text).isprintable() or not safe.isprintable()
    assert "\n" not in printable_line(text)


def test_a_line_is_cut_to_its_limit() -> None:
    assert printable_line("a\n b  c") == "a b c"
    assert printable_line("x" * 100, 10) == "xxxxxxx..."


@pytest.mark.parametrize("text", HOSTILE)
def test_a_table_shows_every_text_as_it_is(text: str) -> None:
    out = console()
    grid = plain_table(text, right=(text,), title=text)
    grid.add_row(text, Text("styled", style="bold"))
    out.print(grid)
    assert shown(out).count(printable_line(text)) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_a_line_is_printed_as_it_is(text: str) -> None:
    out = console()
    print_plain(out, f"{text} at the end")
    assert shown(out) == f"{printable(text)} at the end\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_log_record_is_printable(text: str) -> None:
    record = logging.LogRecord("ttc", logging.ERROR, "file", 1, "seen: %s", (text,), None)
    assert PlainFormatter("%(levelname)s: %(message)s").format(record) == f"ERROR: seen: {printable(text)}"


def test_an_interval_is_printed_as_half_its_width() -> None:
    assert percent_with_error(0.571, 0.532, 0.61) == "57.1 ±3.9"


def test_an_interval_that_ends_at_its_mean_is_printed_one_sided() -> None:
    assert percent_with_error(1.0, 0.963, 1.0) == "100.0 -3.7"
    assert percent_with_error(0.0, 0.0, 0.037) == "0.0 +3.7"


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n", [1, 5, 100, 500])
def test_unanimous_problems_are_never_printed_with_an_error_of_zero(value: float, n: int) -> None:
    cell = unanimous_interval(value, n)
    text = percent_with_error(cell.mean, cell.lo, cell.hi)
    assert not text.endswith(("±0.0", "+0.0", "-0.0"))
