"""LaTeX formulas in texts become MathML, as plain data: no text of a model can become another element of the page."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Node = list[object]
"""An element: its tag, its attributes (0: none), then its children: nodes, or a text."""

MAX_FORMULAS = 20_000
MAX_LENGTH = 1_000  # characters; longer formulas stay as they are
MAX_DEPTH = 60
MAX_NODES = 3_000

# The page finds formulas with the same pattern. As in pandoc, `$` before a space or after one is no delimiter, nor is a
# closing one before a digit: "$5 or $6" is money.
PATTERN = (
    r"(?<!\\)\$\$(?:[^$\\]|\\.){1,1000}\$\$"
    r"|\\\[.{1,1000}?\\\]"
    r"|\\\(.{1,1000}?\\\)"
    r"|(?<!\\)\$(?![\s$])(?:[^$\\]|\\.){1,1000}(?<!\s)\$(?!\d)"
)
_FORMULA = re.compile(PATTERN, re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4})")  # of ttc.terminal.printable: what it hid stays in view
_PLAIN_ANSWER = re.compile(r"[^\\^_]*")

_TAGS = frozenset(
    (
        *("math", "mi", "mn", "mo", "mtext", "mspace", "mrow", "mfrac", "msqrt", "mroot", "mstyle", "mpadded"),
        *("mphantom", "menclose", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts"),
        *("mprescripts", "mtable", "mtr", "mtd"),
    )
)
_ATTRIBUTES = frozenset(
    (
        *("display", "stretchy", "fence", "form", "separator", "accent", "accentunder", "minsize", "maxsize"),
        *("movablelimits", "largeop", "symmetric", "lspace", "rspace", "linethickness", "width", "height", "depth"),
        *("voffset", "displaystyle", "scriptlevel", "mathvariant", "notation", "columnalign", "rowlines"),
        *("columnlines", "columnspacing", "rowspacing"),
    )
)
_VALUE = re.compile(r"[\w .%+-]{0,40}")


class Formulas:
    """The MathML of formulas, each of which is converted once; those that fail to convert are absent."""

    def __init__(self, counts: Mapping[str, int], limit: int = MAX_FORMULAS) -> None:
        """Convert the `limit` commonest of the formulas, given with their delimiters."""
        commonest = sorted(counts, key=lambda source: (-counts[source], source))[:limit]
        self._nodes = {source: node for source in commonest if (node := convert(source)) is not None}

    def among(self, sources: Iterable[str]) -> dict[str, Node]:
        """Return the MathML of those of the formulas that have one."""
        return {source: self._nodes[source] for source in sorted(set(sources)) if source in self._nodes}


def find_formulas(texts: Iterable[str]) -> Counter[str]:
    """Count the formulas in texts, each with its delimiters."""
    return Counter(match[0] for text in texts for match in _FORMULA.finditer(text))


def answer_formula(answer: str) -> str | None:
    """Return an answer, which is LaTeX without delimiters, as a formula; None for plain text such as `13`."""
    return None if "$" in answer or _PLAIN_ANSWER.fullmatch(answer) else f"${answer}$"


def convert(source: str) -> Node | None:
    """Return the MathML of a formula with its delimiters; None if it is too long, or cannot be converted."""
    from latex2mathml.converter import convert_to_element

    double = source.startswith(("$$", "\\"))
    latex = source[2:-2] if double else source[1:-1]
    if len(latex) > MAX_LENGTH or not latex.strip() or _ESCAPE.search(latex):
        return None
    display = "block" if source.startswith(("$$", "\\[")) else "inline"
    try:
        return _Builder().build(convert_to_element(latex, display=display))
    except Exception:  # it meets arbitrary text, for which the converter raises whatever its parsing runs into
        return None


class _Refused(Exception):
    """The converter returned what is not on the lists."""


class _Builder:
    """Rebuilds the converter's elements from allow-lists, in bounded size."""

    def __init__(self) -> None:
        self._nodes = 0

    def build(self, element: Element, depth: int = 0) -> Node:
        tag = str(element.tag).rpartition("}")[2]
        self._nodes += 1
        if tag not in _TAGS or depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise _Refused(tag)
        children = [self.build(child, depth + 1) for child in element]
        attributes = self._attributes(element, top=depth == 0)
        if tag == "mrow" and len(children) == 1 and not attributes:
            return children[0]
        if children:
            return [tag, attributes or 0, *children]
        text = html.unescape(element.text or "")
        return [tag, attributes or 0, text] if text else [tag, attributes or 0]

    def _attributes(self, element: Element, top: bool) -> dict[str, str]:
        kept = {str(name): str(value) for name, value in element.attrib.items() if name in _ATTRIBUTES}
        if kept.get("display") == "inline" and top:
            del kept["display"]  # the default
        return {name: value for name, value in kept.items() if _VALUE.fullmatch(value)}
