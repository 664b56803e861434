r"""Spellings of LaTeX made one: what can be rewritten in a string without knowing what it means."""

from __future__ import annotations

import re

from ttc.grading.extract import closing_brace

_SIGNS = str.maketrans(
    {
        "−": "-", "–": "-", "π": r"\pi ", "√": r"\sqrt ", "∞": r"\infty ", "°": r"^\circ ", "≤": r"\leq ",
        "≥": r"\geq ", "∪": r"\cup ", "∈": r"\in ", "±": r"\pm ", "×": r"\cdot ", "·": r"\cdot ", "≈": r"\approx ",
        "²": "^2", "³": "^3", "½": r"\frac{1}{2}", "θ": r"\theta ", "≠": r"\neq ", "\u00a0": " ", "’": "'", "“": "",
        "”": "",
    }
)  # fmt: skip
_RENAMED = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "le": "leq", "ge": "geq", "leqslant": "leq", "geqslant": "geq",
    "lbrace": "{", "rbrace": "}", "times": "cdot", "degree": "circ", "ne": "neq", "dbinom": "binom", "tbinom": "binom",
    "varnothing": "emptyset",
}  # fmt: skip
_SIGNED = {"lt": "<", "gt": ">", "langle": "(", "rangle": ")", "lbrack": "[", "rbrack": "]"}
_SIGNED |= dict.fromkeys(("vert", "lvert", "rvert", "mid"), "|")
_SPACING = ("quad", "qquad", "enspace", "thinspace", ",", ";", ":", ">", " ")
_DROPPED = ("left", "right", "displaystyle", "textstyle", "limits", "!")
_COMMAND = re.compile(r"\\([A-Za-z]+|[!,;:> ])")
_MACROS = {old: "\\" + new for old, new in _RENAMED.items()} | _SIGNED
_MACROS |= dict.fromkeys(_SPACING, " ") | dict.fromkeys(_DROPPED, "")
_MACROS |= {size + side: "" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")}

TEXT = re.compile(r"\\(?:text[a-z]*|mbox|hbox|mathrm|mathbf|mathit|mathsf|operatorname\*?)\s*\{([^{}]*)\}")
_OR_TEXT = r"\\(?:text[a-z]*|mbox|mathrm)\s*\{\s*,?\s*(?:and|or)\s*\}"
_OR = re.compile(rf"\s*,?\s*(?:{_OR_TEXT}|(?<=[\s}}$,])(?:and|or)(?=[\s$\\]))\s*")
_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), (r"\boxed{", "}"))
_TRAILING_POINT = re.compile(r"(?<!\\)[.,;:]+$")
_THOUSANDS_COMMA = re.compile(r"(?<=\d)(?:\{,\}|,\\[!,])\s*(?=\d{3})")
_ROW_SKIP = re.compile(r"\\\\\[[^\]]*\]")
_MATRIX = re.compile(r"\{(?:[bB]|small)?matrix\}|\{array\}(?:\{[clr| ]+\})?")

_UNIT_TEXT = re.compile(TEXT.pattern + r"\s*(?:\^\s*\{?\d\}?)?$")
_NO_UNIT = re.compile(r"\s*(?:[ap]\.?\s*m\.?|[ie]|.*\d.*)\s*", re.IGNORECASE | re.DOTALL)  # 8 p.m. is not 8 a.m.
_DEGREES = re.compile(r"\s*\^?\s*\{?\s*\\circ\s*\}?\s*(?:[CF])?$")
_NO_UNIT_WORD = r"(?!(?:abc|xyz|sqrt|sin|cos|tan|cot|sec|csc|log|mod|and)\b)"
_UNIT_WORD = rf"(?:{_NO_UNIT_WORD}[a-z]{{3,}}|cm|mm|km|kg|ft|in|mi|hr|sq|cu|oz|lb|ml|mL)\.?"
_UNIT_WORDS = re.compile(
    rf"(?<=[\d}}i])(?:\s+{_UNIT_WORD}(?:\s+{_UNIT_WORD})*|(?<=\d)\s*(?:cm|mm|km|kg|ft))(?:\s*\^\s*\{{?[23]\}}?)?$"
)
_PERCENT = re.compile(r"\s*(?:\\?%|\bpercent)$")

_TAKES_BRACES = re.compile(r"\\(frac|binom|sqrt)(?![A-Za-z])")
_TOKEN = re.compile(r"\s*(\\[A-Za-z]+|[^\s{}\\])")
_LAST_TOKEN = re.compile(r"\s*(\\[A-Za-z]+|\d+|[^\s{}\\])")
_INDEX = re.compile(r"\s*\[[^\]]*\]")
_MATH_WORDS = "sqrt|pi|infty|infinity|inf|theta|sin|cos|tan|cot|sec|csc|log|ln"
_PLAIN_WORD = re.compile(rf"(?<![\\A-Za-z])({_MATH_WORDS})(?![A-Za-z])")
_CALLED_ROOT = re.compile(r"\\sqrt\s*\(([^()]*)\)")
_NEEDLESS_BRACES = re.compile(r"([\^_])\{(\w)\}")
_NEEDLESS_CDOT = re.compile(r"(?<=\d)\\cdot ?(?=[A-Za-z]|\\(?:pi|sqrt)(?![a-z]))")
_GAP = re.compile(r"(\\[A-Za-z]+)\s+(?=[A-Za-z])|\s+")


def tidy(answer: str) -> str:
    """Return `answer` without delimiters, spacing commands, money signs and second names; its words and gaps stay."""
    text = _without_delimiters(answer.translate(_SIGNS))
    text = _THOUSANDS_COMMA.sub("", text)
    text = text.replace(r"\$", "").replace("$", " ").replace("~", " ")
    if "\\" in text:
        text = _ROW_SKIP.sub(r"\\\\", text).replace("\\\\", "\0")
        text = _COMMAND.sub(lambda found: _MACROS.get(found[1], found[0]), text).replace("\0", "\\\\")
        text = _MATRIX.sub("{pmatrix}", text)
    if "or" in text or "and" in text:
        text = _OR.sub(", ", text)
    return _without_delimiters(text)


def _without_delimiters(text: str) -> str:
    before = None
    while before != text:
        before = text = _TRAILING_POINT.sub("", text.strip()).rstrip()
        for opening, closing in _DELIMITERS:
            if text.startswith(opening) and text.endswith(closing):
                inner = text[len(opening) : -len(closing)]
                if inner and opening not in inner and inner.count("{") == inner.count("}"):
                    text = inner
    return text


def without_wrapper(text: str) -> str:
    r"""Return the inside of an answer that is nothing but one \text{...}."""
    wrapped = TEXT.fullmatch(text)
    return wrapped[1].strip() if wrapped else text


def without_units(text: str) -> tuple[str, bool]:
    """Return a value without the units, degrees or percent sign behind it, and whether there was a percent sign."""
    while (unit := _UNIT_TEXT.search(text)) and not _NO_UNIT.fullmatch(unit[1]):
        kept = text[: unit.start()].rstrip()
        if not kept or kept[-1] in "=+-(,^_{":
            break
        if unit[1].strip() in ("percent", "%"):
            return kept, True
        text = kept
    for ending, percent in ((_PERCENT, True), (_DEGREES, False), (_UNIT_WORDS, False)):
        found = ending.search(text)
        if found and found.start() > 0:
            return text[: found.start()].rstrip(), percent
    return text, False


def compact(text: str) -> str:
    r"""Return tidy `text` in one canonical line: no needless spaces or braces, \frac and \sqrt always with braces."""
    text = TEXT.sub(r"\1", text)
    text = _PLAIN_WORD.sub(lambda found: {"infinity": r"\infty", "inf": r"\infty"}.get(found[1], "\\" + found[1]), text)
    text = text.replace("**", "^").replace("*", r"\cdot ").replace("<=", r"\leq ").replace(">=", r"\geq ")
    if "\\" in text:
        text = _with_braces(_CALLED_ROOT.sub(r"\\sqrt{\1}", text))
    text = _GAP.sub(lambda found: found[1] + " " if found[1] else "", text)
    text = _NEEDLESS_CDOT.sub("", text)
    return _NEEDLESS_BRACES.sub(r"\1\2", text).replace("+\\infty", "\\infty").removeprefix("+")


def _with_braces(text: str) -> str:
    r"""Put the braces in that TeX lets one leave away: \frac12, \sqrt2, \frac{\sqrt3}2.

    A last argument takes all its digits: TeX reads \sqrt21 as \sqrt{2}1, but nobody means that.
    """
    pieces: list[tuple[int, str]] = []
    for command in _TAKES_BRACES.finditer(text):
        at = command.end()
        if command[1] == "sqrt" and (index := _INDEX.match(text, at)):
            at = index.end()
        for pattern in (_LAST_TOKEN,) if command[1] == "sqrt" else (_TOKEN, _LAST_TOKEN):
            token = pattern.match(text, at)
            if token:
                pieces += [(token.start(1), "{"), (token.end(1), "}")]
                at = token.end(1)
            else:
                at = (closing_brace(text, text.find("{", at)) or len(text)) + 1
    if not pieces:
        return text
    pieces.sort(key=lambda piece: piece[0])  # stable: "}" of one argument stays before "{" of the next
    parts, start = [], 0
    for at, brace in pieces:
        parts += [text[start:at], brace]
        start = at
    return "".join(parts) + text[start:]
