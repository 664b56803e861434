r"""Normalization of LaTeX by string rewriting, without parsing the formula.

Every pattern here is linear in the length of its text: whitespace is collapsed first, and no quantifier is nested.
"""

from __future__ import annotations

import re

_UNICODE = str.maketrans(
    {
        "−": "-", "–": "-", "π": r"\pi ", "√": r"\sqrt ", "∞": r"\infty ", "°": r"^\circ ", "≤": r"\leq ",
        "≥": r"\geq ", "∪": r"\cup ", "∈": r"\in ", "±": r"\pm ", "∓": r"\mp ", "×": r"\cdot ", "·": r"\cdot ",
        "≈": r"\approx ", "÷": "/", "²": "^2", "³": "^3", "½": r"\frac{1}{2}", "θ": r"\theta ", "≠": r"\neq ",
        "∅": r"\emptyset ", "ℝ": r"\mathbb{R} ", "\u00a0": " ", "’": "'", "′": "'", "“": "", "”": "", "`": "",
        "（": "(", "）": ")", "，": ", ", "、": ", ", "：": ":", "；": "; ", "。": ".", "％": "%", "＝": "=", "＞": ">",
        "＜": "<", "＋": "+", "－": "-", "\0": " ",
    }
)  # fmt: skip
_RENAMED = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "le": "leq", "ge": "geq", "leqslant": "leq", "geqslant": "geq",
    "lbrace": "{", "rbrace": "}", "times": "cdot", "ast": "cdot", "degree": "circ", "ne": "neq", "dbinom": "binom",
    "tbinom": "binom", "varnothing": "emptyset", "backslash": "setminus", "Reals": "mathbb{R}",
}  # fmt: skip
_SYMBOLS = {"lt": "<", "gt": ">", "langle": "(", "rangle": ")", "lbrack": "[", "rbrack": "]", "prime": "'"}
_SYMBOLS |= {"colon": ":", "div": "/", "cr": "\\\\"}
_SYMBOLS |= dict.fromkeys(("vert", "lvert", "rvert", "mid"), "|")
_SPACING = ("quad", "qquad", "enspace", "thinspace", ",", ";", ":", ">", " ")
_DROPPED = ("left", "right", "displaystyle", "textstyle", "limits", "!")
_STYLES = ("boldsymbol", "bm", "mathbf", "mathit", "mathsf", "underline", "ensuremath", "bf", "rm", "it")
_STYLED_LETTER = re.compile(rf"\\(?:{'|'.join(_STYLES[:7])}) ?\{{(\w)\}}")
_COMMAND = re.compile(r"\\([A-Za-z]+|[!,;:> ])")
_MACROS = {old: "\\" + new for old, new in _RENAMED.items()} | _SYMBOLS
_MACROS |= dict.fromkeys(_SPACING, " ") | dict.fromkeys(_DROPPED + _STYLES, "")
_MACROS |= {size + side: "" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")}

TEXT_COMMAND = r"\\(?:text[a-z]*|mbox|hbox|mathrm|operatorname\*?)"
TEXT = re.compile(TEXT_COMMAND + r" ?\{([^{}]*)\}")
_COLOR = re.compile(r"\\(?:text)?color ?\{[A-Za-z]*\}")
_BLACKBOARD = re.compile(r"\\(?:mathbb|mathbf|mathds|Bbb) ?(?:\{R\}|R(?![A-Za-z]))")
_OR_TEXT = r"\\(?:text[a-z]*|mbox|mathrm) ?\{ ?,? ?(and|or) ?\}"
_OR = re.compile(rf",? ?(?:{_OR_TEXT}|(?<=[ }}$,\d])(and|or)(?=[ $\\\d])) ?")
_PAIRS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("{", "}"))
_BOXES = ((r"\boxed{", "}"), (r"\fbox{", "}"))
_THOUSANDS_COMMA = re.compile(r"(?<=\d)(?:\{,\}|,\\[!,]) ?(?=\d{3})")
_RATIO = re.compile(r"(?<=\d) ?(?:\\text ?\{ ?to ?\}|to) ?(?=\d)")
_ROW_SKIP = re.compile(r"\\\\ ?\[[^\[\]]*\]")
_MATRIX = re.compile(r"\{(?:[bB]|small)?matrix\}|\{array\}(?: ?\{[clr| ]+\})?")
_BRACKETED_MATRIX = re.compile(r"[(\[] ?(\\begin\{pmatrix\})|(\\end\{pmatrix\}) ?[)\]]")

_BRACED_COMMAND = re.compile(r"\\(frac|binom|sqrt)(?![A-Za-z])")
_TOKEN = re.compile(r" ?(\\[A-Za-z]+|[^\s{}\\])")
_LAST_TOKEN = re.compile(r" ?(\\[A-Za-z]+|\d+|[^\s{}\\])")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_INDEX = re.compile(r" ?\[[^\]]*\]")
_MATH_WORDS = "sqrt|pi|infty|infinity|inf|theta|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|log|ln|exp"
_PLAIN_WORD = re.compile(rf"(?<![\\A-Za-z])({_MATH_WORDS})(?![A-Za-z])")
_SQRT_CALL = re.compile(r"\\sqrt ?\(([^()]*)\)")
_BARE_EXPONENT = re.compile(r"\^(-\d+)")
_REDUNDANT_BRACES = re.compile(r"([\^_])\{(\w)\}(?!\d)")
_SPACED_INDEX = re.compile(r"_(\d) (?=\d)")
_PRIMES = re.compile(r"\^\{?('+)\}?")
_REDUNDANT_CDOT = re.compile(r"(?<![\d/])(\d+)\\cdot ?(?=[A-Za-z]|\\(?:pi|sqrt)(?![a-z]))")
_PRODUCT_OF_POWERS = re.compile(r"(\^\d|\^\{[^{}]*\}) (?=\d)")
_SPACE = re.compile(r"(\\[A-Za-z]+) (?=[A-Za-z])| ")


def tidy(answer: str) -> str:
    """Return `answer` without delimiters, spacing commands, dollar signs, styles and command aliases.

    Words and single spaces are kept; "or" becomes `\\or`, "and" a comma.
    """
    text = _strip_delimiters(" ".join(answer.translate(_UNICODE).split()))
    text = _RATIO.sub(":", text)
    text = _THOUSANDS_COMMA.sub("", text).replace("{:}", ":").replace("~", " ")
    text = text.replace(r"\$", "").replace("$", " ")
    if "\\" in text:
        text = _STYLED_LETTER.sub(r"\1", _BLACKBOARD.sub(r"\\mathbb{R}", _COLOR.sub("", text)))
        text = _ROW_SKIP.sub(r"\\\\", text).replace("\\\\", "\0")
        text = _COMMAND.sub(lambda found: _MACROS.get(found[1], found[0]), text).replace("\0", "\\\\")
        text = _BRACKETED_MATRIX.sub(r"\1\2", _MATRIX.sub("{pmatrix}", text))
    if "or" in text or "and" in text:
        text = _OR.sub(lambda found: r" \or " if "or" in (found[1], found[2]) else ", ", text)
    return _strip_delimiters(" ".join(text.split()))


def _strip_delimiters(text: str) -> str:
    before = None
    while before != text:
        before = text = strip_punctuation(text)
        for opening, closing in _BOXES + _PAIRS:
            if text.startswith(opening) and text.endswith(closing):
                inner = text[len(opening) : -len(closing)]
                if inner and opening not in inner and inner.count("{") == inner.count("}"):
                    text = inner
    return text


def strip_punctuation(text: str) -> str:
    """Return `text` without trailing spaces and punctuation; 0.333... keeps its dots."""
    bare = text.strip().rstrip(".,;: ")
    if bare[-1:].isdigit() and text[len(bare) :].startswith("..."):
        return bare + "..."
    return bare + text.strip()[len(bare) :][:1].strip() if bare.endswith("\\") else bare


def unwrap_text(text: str) -> str:
    r"""Return the content of an answer that is a single \text{...}, and any other answer unchanged."""
    wrapped = TEXT.fullmatch(text)
    return wrapped[1].strip() if wrapped else text


def compact(text: str) -> str:
    r"""Return tidy `text` as one canonical line: no redundant spaces or braces, but all braces of \frac and \sqrt."""
    text = TEXT.sub(r"\1", text)
    text = _PLAIN_WORD.sub(lambda found: {"infinity": r"\infty", "inf": r"\infty"}.get(found[1], "\\" + found[1]), text)
    text = text.replace("**", "^").replace("*", r"\cdot ").replace("<=", r"\leq ").replace(">=", r"\geq ")
    text = text.replace(r"^{\circ}", r"^\circ")
    text = _BARE_EXPONENT.sub(r"^{\1}", _PRIMES.sub(r"\1", text))
    if "\\" in text:
        text = _insert_braces(_SQRT_CALL.sub(r"\\sqrt{\1}", text))
    text = _SPACED_INDEX.sub(r"_{\1}", text)
    text = _PRODUCT_OF_POWERS.sub(r"\1\\cdot ", " ".join(text.split()))
    text = _SPACE.sub(_kept_space, text)
    text = _REDUNDANT_CDOT.sub(r"\1", text)
    return _REDUNDANT_BRACES.sub(r"\1\2", text).replace("+\\infty", "\\infty").removeprefix("+")


def _kept_space(found: re.Match[str]) -> str:
    """Keep the space after a command, and between digits: 2 3 is not 23."""
    text, start, end = found.string, found.start(), found.end()
    if found[1]:
        return found[1] + " "
    return " " if text[start - 1 : start].isdigit() and text[end : end + 1].isdigit() else ""


def _insert_braces(text: str) -> str:
    r"""Insert the braces that are optional in TeX: \frac12, \sqrt2, \frac{\sqrt3}2.

    A last argument takes all its digits: TeX reads \sqrt21 as \sqrt{2}1, but authors mean \sqrt{21}.
    """
    commands = list(_BRACED_COMMAND.finditer(text))
    if not commands:
        return text
    closing_braces = _matching_braces(text)
    pieces: list[tuple[int, str]] = []
    for command in commands:
        position = command.end()
        if command[1] == "sqrt" and (index := _INDEX.match(text, position)):
            position = index.end()
        for pattern in (_LAST_TOKEN,) if command[1] == "sqrt" else (_TOKEN, _LAST_TOKEN):
            token = pattern.match(text, position)
            if token:
                pieces += [(token.start(1), "{"), (token.end(1), "}")]
                position = token.end(1)
            else:
                position = closing_braces.get(text.find("{", position), len(text)) + 1
    if not pieces:
        return text
    pieces.sort(key=lambda piece: piece[0])  # stable: the "}" of one argument stays before the "{" of the next
    parts, start = [], 0
    for position, brace in pieces:
        parts += [text[start:position], brace]
        start = position
    return "".join(parts) + text[start:]


def _matching_braces(text: str) -> dict[int, int]:
    r"""Return the position of the closing brace of each opening one; \{ and \} are not braces."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            opened.append(brace.start())
        elif brace[0] == "}" and opened:
            pairs[opened.pop()] = brace.start()
    return pairs
