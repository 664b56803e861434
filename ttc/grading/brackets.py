"""Splitting of LaTeX outside its brackets."""

from __future__ import annotations

import re
from itertools import accumulate

MAX_DEPTH = 40  # of nested brackets; what is nested deeper is no answer

_TOKENS = re.compile(r"\\(?:begin|end) ?\{\w+\*?\}|\\[A-Za-z]+|\\.|.", re.DOTALL)
_PAIRS = {")": "(", "]": "[", "}": "{"}
_OPENING, _CLOSING = frozenset({"(", "[", "{", "\\{"}), frozenset({")", "]", "}", "\\}"})


def split(text: str, *separators: str) -> list[str]:
    """Split at separators outside all brackets; the two brackets of a half-open interval may differ."""
    if not any(separator in text for separator in separators):
        return [text]
    pieces: list[list[str]] = [[]]
    depth = 0
    for token in _TOKENS.findall(text):
        depth += _step(token)
        if depth == 0 and token in separators:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return ["".join(piece) for piece in pieces]


def enclosed(text: str) -> tuple[str, str, str] | None:
    """Return opening bracket, content and closing bracket of a text that is one bracket; None for other texts."""
    if not text.startswith(("(", "[", "{", "\\{")):
        return None
    tokens = _TOKENS.findall(text)
    depths = list(accumulate(map(_step, tokens)))
    if len(tokens) < 3 or 0 not in depths or depths.index(0) < len(tokens) - 1:
        return None
    return tokens[0], "".join(tokens[1:-1]), tokens[-1]


def bracket_depths(text: str, opening: str = "([") -> list[int]:
    r"""Return for each character how many brackets are open there; braces count only as \{, or if `opening` has {."""
    depths, depth = [], 0
    for position, character in enumerate(text):
        escaped = text[position - 1 : position] == "\\"
        if character in opening or (character == "{" and escaped):
            depth += 1
        elif _PAIRS.get(character, " ") in opening or (character == "}" and escaped):
            depth -= 1
        depths.append(depth)
    return depths


def _step(token: str) -> int:
    return (token in _OPENING or token.startswith("\\begin")) - (token in _CLOSING or token.startswith("\\end"))
