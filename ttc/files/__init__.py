"""How the package reads and writes files: regular files only, row by row, and atomically."""

from ttc.files.reading import MAX_ROW_BYTES, parse_json, read_json, read_jsonl, read_lines
from ttc.files.regular import expanded, open_regular, stat_regular
from ttc.files.spreadsheet import neutralized, read_csv, write_csv
from ttc.files.writing import (
    atomic_path,
    check_output,
    jsonl_row,
    write_json,
    write_lines,
    write_text,
    written_for,
)

__all__ = [
    "MAX_ROW_BYTES",
    "atomic_path",
    "check_output",
    "expanded",
    "jsonl_row",
    "neutralized",
    "open_regular",
    "parse_json",
    "read_csv",
    "read_json",
    "read_jsonl",
    "read_lines",
    "stat_regular",
    "write_csv",
    "write_json",
    "write_lines",
    "write_text",
    "written_for",
]
