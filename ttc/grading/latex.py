r"""Normalization of LaTeX by string rewriting, without parsing the formula."""

from __future__ import annotations

import re

from ttc.grading.extract import closing_brace

_UNICODE = str.maketrans(
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
_SYMBOLS = {"lt": "<", "gt": ">", "langle": "(", "rangle": ")", "lbrack": "[", "rbrack": "]"}
_SYMBOLS |= dict.fromkeys(("vert", "lvert", "rvert", "mid"), "|")
_SPACING = ("quad", "qquad", "enspace", "thinspace", ",", ";", ":", ">", " ")
_DROPPED = ("left", "right", "displaystyle", "textstyle", "limits", "!")
_COMMAND = re.compile(r"\\([A-Za-z]+|[!,;:> ])")
_MACROS = {old: "\\" + new for old, new in _RENAMED.items()} | _SYMBOLS
_MACROS |= dict.fromkeys(_SPACING, " ") | dict.fromkeys(_DROPPED, "")
_MACROS |= {size + side: "" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")}

TEXT = re.compile(r"\\(?:text[a-z]*|mbox|hbox|mathrm|mathbf|mathit|mathsf|operatorname\*?)\s*\{([^{}]*)\}")
_OR_TEXT = r"\\(?:text[a-z]*|mbox|mathrm)\s*\{\s*,?\s*(?:and|or)\s*\}"
_OR = re.compile(rf"\s*,?\s*(?:{_OR_TEXT}|(?<=[\s}}$,])(?:and|or)(?=[\s$\\]))\s*")
_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), (r"\boxed{", "}"))
_TRAILING_PUNCTUATION = re.compile(r"(?<!\\)[.,;:]+$")
_THOUSANDS_COMMA = re.compile(r"(?<=\d)(?:\{,\}|,\\[!,])\s*(?=\d{3})")
_ROW_SKIP = re.compile(r"\\\\\[[^\]]*\]")
_MATRIX = re.compile(r"\{(?:[bB]|small)?matrix\}|\{array\}(?:\{[clr| ]+\})?")

_UNIT_TEXT = re.compile(TEXT.pattern + r"\s*(?:\^\s*\{?\d\}?)?$")
_NOT_A_UNIT = re.compile(r"\s*(?:[ap]\.?\s*m\.?|[ie]|.*\d.*)\s*", re.IGNORECASE | re.DOTALL)  # 8 p.m. is not 8 a.m.
_DEGREES = re.compile(r"\s*\^?\s*\{?\s*\\circ\s*\}?\s*(?:[CF])?$")
_NOT_A_UNIT_WORD = r"(?!(?:abc|xyz|sqrt|sin|cos|tan|cot|sec|csc|log|mod|and)\b)"
_UNIT_WORD = rf"(?:{_NOT_A_UNIT_WORD}[a-z]{{3,}}|cm|mm|km|kg|ft|in|mi|hr|sq|cu|oz|lb|ml|mL)\.?"
_UNIT_WORDS = re.compile(
    rf"(?<=[\d}}i])(?:\s+{_UNIT_WORD}(?:\s+{_UNIT_WORD})*|(?<=\d)\s*(?:cm|mm|km|kg|ft))(?:\s*\^\s*\{{?[23]\}}?)?$"
)
_PERCENT = re.compile(r"\s*(?:\\?%|\bpercent)$")

_BRACED_COMMAND = re.compile(r"\\(frac|binom|sqrt)(?![A-Za-z])")
_TOKEN = re.compile(r"\s*(\\[A-Za-z]+|[^\s{}\\])")
_LAST_TOKEN = re.compile(r"\s*(\\[A-Za-z]+|\d+|[^\s{}\\])")
_INDEX = re.compile(r"\s*\[[^\]]*\]")
_MATH_WORDS = "sqrt|pi|infty|infinity|inf|theta|sin|cos|tan|cot|sec|csc|log|ln"
_PLAIN_WORD = re.compile(rf"(?<![\\A-Za-z])({_MATH_WORDS})(?![A-Za-z])")
_SQRT_CALL = re.compile(r"\\sqrt\s*\(([^()]*)\)")
_REDUNDANT_BRACES = re.compile(r"([\^_])\{(\w)\}")
_REDUNDANT_CDOT = re.compile(r"(?<=\d)\\cdot ?(?=[A-Za-z]|\\(?:pi|sqrt)(?![a-z]))")
_WHITESPACE = re.compile(r"(\\[A-Za-z]+)\s+(?=[A-Za-z])|\s+")


def tidy(answer: str) -> str:
    """Return `answer` without delimiters, spacing commands, dollar signs and command aliases.

    Words and whitespace are kept.
    """
    text = _strip_delimiters(answer.translate(_UNICODE))
    text = _THOUSANDS_COMMA.sub("", text)
    text = text.replace(r"\$", "").replace("$", " ").replace("~", " ")
    if "\\" in text:
        text = _ROW_SKIP.sub(r"\\\\", text).replace("\\\\", "\0")
        text = _COMMAND.sub(lambda found: _MACROS.get(found[1], found[0]), text).replace("\0", "\\\\")
        text = _MATRIX.sub("{pmatrix}", text)
    if "or" in text or "and" in text:
        text = _OR.sub(", ", text)
    return _strip_delimiters(text)


def _strip_delimiters(text: str) -> str:
    before = None
    while before != text:
        before = text = _TRAILING_PUNCTUATION.sub("", text.strip()).rstrip()
        for opening, closing in _DELIMITERS:
            if text.startswith(opening) and text.endswith(closing):
                inner = text[len(opening) : -len(closing)]
                if inner and opening not in inner and inner.count("{") == inner.count("}"):
                    text = inner
    return text


def unwrap_text(text: str) -> str:
    r"""Return the content of an answer that is a single \text{...}, and any other answer unchanged."""
    wrapped = TEXT.fullmatch(text)
    return wrapped[1].strip() if wrapped else text


def strip_units(text: str) -> tuple[str, bool]:
    """Return a value without its trailing units, degrees or percent sign, and whether it had a percent sign."""
    while (unit := _UNIT_TEXT.search(text)) and not _NOT_A_UNIT.fullmatch(unit[1]):
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
    r"""Return tidy `text` as one canonical line: no redundant spaces or braces, but all braces of \frac and \sqrt."""
    text = TEXT.sub(r"\1", text)
    text = _PLAIN_WORD.sub(lambda found: {"infinity": r"\infty", "inf": r"\infty"}.get(found[1], "\\" + found[1]), text)
    text = text.replace("**", "^").replace("*", r"\cdot ").replace("<=", r"\leq ").replace(">=", r"\geq ")
    if "\\" in text:
        text = _insert_braces(_SQRT_CALL.sub(r"\\sqrt{\1}", text))
    text = _WHITESPACE.sub(lambda found: found[1] + " " if found[1] else "", text)
    text = _REDUNDANT_CDOT.sub("", text)
    return _REDUNDANT_BRACES.sub(r"\1\2", text).replace("+\\infty", "\\infty").removeprefix("+")


def _insert_braces(text: str) -> str:
    r"""Insert the braces that are optional in TeX: \frac12, \sqrt2, \frac{\sqrt3}2.

    A last argument takes all its digits: TeX reads \sqrt21 as \sqrt{2}1, but authors mean \sqrt{21}.
    """
    pieces: list[tuple[int, str]] = []
    for command in _BRACED_COMMAND.finditer(text):
        position = command.end()
        if command[1] == "sqrt" and (index := _INDEX.match(text, position)):
            position = index.end()
        for pattern in (_LAST_TOKEN,) if command[1] == "sqrt" else (_TOKEN, _LAST_TOKEN):
            token = pattern.match(text, position)
            if token:
                pieces += [(token.start(1), "{"), (token.end(1), "}")]
                position = token.end(1)
            else:
                position = (closing_brace(text, text.find("{", position)) or len(text)) + 1
    if not pieces:
        return text
    pieces.sort(key=lambda piece: piece[0])  # stable: the "}" of one argument stays before the "{" of the next
    parts, start = [], 0
    for position, brace in pieces:
        parts += [text[start:position], brace]
        start = position
    return "".join(parts) + text[start:]
