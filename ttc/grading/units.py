r"""Units at the end of an answer: 5 km, 12\text{ cm}^2, 30^\circ, 9 (apples), 40\%, \$4, 25\,\mathrm{m}/\mathrm{s}."""

from __future__ import annotations

import re

from ttc.grading.latex import TEXT, TEXT_COMMAND

_SYMBOLS = (
    "sec|min|rpm|mph|amu|mol|cal|rad|lbs|hrs|yrs|kHz|MHz|keV|MeV|kPa|USD|EUR|cm|mm|km|dm|kg|mg|ft|in|mi|hr|yd|sq|cu|oz|lb|"
    "ml|mL|gm|GB|MB|kB|kW|kJ|Pa|Hz|eV|kN|nm"
)
_LETTERS = frozenset("mgshLNJWVKCF")  # after a space or as text only: 5 m is a length, 5m a product
_GLUED = frozenset({"cm", "mm", "km", "kg", "ft", "in", "mL"})
_SCALES = dict(hundred=100, thousand=10**3, million=10**6, billion=10**9, trillion=10**12, dozen=12, score=20)
_MATH_WORDS = (
    "abc|xyz|sqrt|sinh?|cosh?|tanh?|cot|sec|csc|log|ln|exp|arcsin|arccos|arctan|lim|max|min|gcd|lcm|det|pi|theta|alpha|beta|"
    "infty|infinity|thirds?|halves|half|quarters?|fourths?"
)
_OTHER_WORDS = "mod|and|or|not|choose|if|for|where|when|with|is|are|less|more|fewer|than|least|most|only|each"
_UNIT_WORD = re.compile(rf"(?!(?:{_MATH_WORDS}|{_OTHER_WORDS}|{'|'.join(_SCALES)})\b)[a-z]{{3,}}|of|{_SYMBOLS}")
_NOT_A_UNIT = re.compile(rf"[ap]\.? ?m\.?|.*[\d\\].*|(?:.* )?(?:{_OTHER_WORDS})\b.*", re.IGNORECASE)
_TOKEN = re.compile(
    rf"{TEXT_COMMAND} ?\{{[^{{}}]*\}}|\\[A-Za-z]+|\^ ?(?:\{{ ?-?\d \}}|\{{-?\d\}}|\d)|[A-Za-z]+\.?|[一-鿿]+|\([^()]*\)|"
    r"\d+|\S| "
)
_TEXT_POWER = re.compile(r"\^?[23]$")
_REMARK = re.compile(r"\(?(?:in total|total|altogether)\)?|\\text ?\{ ?(?:in total|total|altogether)\}")
_POWER = re.compile(r"\^ ?\{? ?(-?[123]) ?\}?")
_DEGREES = re.compile(r" ?\^? ?\{? ?\\circ ?\}? ?(?:\\(?:text|mathrm) ?\{ ?([CF]) ?\}|([CF]))?$")
_TRIGONOMETRIC = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-z])")
_PERCENT = re.compile(r" ?(?:\\?%| percent)$")
_CURRENCY = re.compile(r"(USD|EUR|GBP|Rs\.?|[€£¥₹]) ?(?=[\d.])")
_BEFORE_WORDS = re.compile(rf"[\d}})i]$|\\pi$|(?:{'|'.join(_SCALES)})$")
_BEFORE_TEXT = re.compile(r"[^=+\-(,^_{<>*/]$")
_ALIASES = dict(
    meter="m", metre="m", gram="g", second="s", sec="s", hour="h", hr="h", minute="min", liter="l", litre="l",
    foot="ft", feet="ft", inch="in", inche="in", mile="mi", yard="yd", pound="lb", ounce="oz",
    kilometer="km", kilometre="km",
    centimeter="cm", centimetre="cm", millimeter="mm", kilogram="kg", dollar="$", usd="$", degree="°", square="sq",
    eur="€", euro="€", celsius="C", fahrenheit="F", mph="mi/h",
)  # fmt: skip


def strip_unit(text: str) -> tuple[str, str | None]:
    """Return a value without the units around it, and the unit in a normal form (None if there is none)."""
    if currency := _CURRENCY.match(text):
        return text[currency.end() :], _ALIASES.get(currency[1].lower(), currency[1])
    if degrees := _DEGREES.search(text):
        if not degrees.start() or _TRIGONOMETRIC.search(text):
            return text, None
        return text[: degrees.start()], "°" + (degrees[1] or degrees[2] or "")
    value, unit = _split_unit(text)
    return (value, None if _REMARK.fullmatch(unit) else _normal(unit)) if unit else (text, None)


def strip_percent(text: str) -> tuple[str, bool]:
    """Return a value without its percent sign, and whether it had one."""
    for word in (r"\text{percent}", r"\text{ percent}", r"\text{%}", r"\text{\%}"):
        if text.endswith(word):
            return text.removesuffix(word).rstrip(), True
    found = _PERCENT.search(text)
    return (text[: found.start()].rstrip(), True) if found and found.start() else (text, False)


def strip_scale(text: str) -> tuple[str, int]:
    r"""Return a value without its scale word and the scale: 12 million is 12 and 1,000,000."""
    bare = TEXT.sub(lambda found: f" {found[1].strip()}", text)
    value, _, word = bare.rpartition(" ")
    scale = _SCALES.get(word.strip().lower(), 1)
    return (value.strip(), scale) if value and scale > 1 else (text, 1)


def _split_unit(text: str) -> tuple[str, str]:
    """Split at the first of the unit tokens that end the text; the value must not end in an operator."""
    tokens = list(_TOKEN.finditer(text))
    start = end = len(tokens)  # tokens[start:] is the unit so far
    while end and _may_end_a_unit(tokens, end - 1):
        end -= 1
        if _is_unit(tokens, end):
            start = end
    value = text[: tokens[start].start()].rstrip() if start < len(tokens) else text
    may_precede = _BEFORE_WORDS if "\\" not in text[len(value) :] else _BEFORE_TEXT  # plain words may be variables
    if not may_precede.search(value):
        return text, ""
    if value.endswith((r"\cdot", r"\or", r"\leq", r"\geq")):
        return text, ""
    return value, text[len(value) :].strip()


def _may_end_a_unit(tokens: list[re.Match[str]], index: int) -> bool:
    token = tokens[index][0]
    return token in (" ", "/", r"\cdot") or bool(_POWER.fullmatch(token)) or _is_unit(tokens, index)


def _is_unit(tokens: list[re.Match[str]], index: int) -> bool:
    """Whether a token is the name of a unit: text, a known symbol, a word of three letters, or words in brackets."""
    token, before = tokens[index][0], tokens[index - 1][0] if index else ""
    if token.startswith("\\"):
        if text := TEXT.fullmatch(token):
            return _is_unit_text(_TEXT_POWER.sub("", text[1].strip(" .~")))
        return token in (r"\Omega", r"\mu")
    if token in "€£¥₹":
        return True
    if token.startswith("("):
        inner = TEXT.sub(r"\1", token[1:-1])
        words = inner.split()
        known = [word for word in words if len(word) > 2 and not _is_product(word)]
        return before == " " and bool(known) and _is_unit_text(inner)
    if token[0] >= "一":
        return bool(re.fullmatch("[一-鿿]+", token))
    word = token.rstrip(".")
    if word in _GLUED and before[-1:].isdigit():
        return True
    if before not in (" ", "/", "}", ")"):
        return False
    return word in _LETTERS or (bool(_UNIT_WORD.fullmatch(word)) and not _is_product(word))


def _is_product(word: str) -> bool:
    """Whether a word is rather a product of neighbouring letters, such as pqr."""
    return 2 < len(word) < 6 and list(word) == sorted(word) and ord(word[-1]) - ord(word[0]) <= len(word)


def _is_unit_text(text: str) -> bool:
    words = text.split()
    if not words or _NOT_A_UNIT.fullmatch(text) or any(word.lower().strip(".") in _SCALES for word in words):
        return False
    return len(text) > 1 or text in _LETTERS or text in "AΩ"


def _normal(unit: str) -> str:
    """Return a spelling that equal units share: meters and m, cm^2 and square cm."""
    text = TEXT.sub(r" \1 ", unit).replace("{", "").replace("}", "").replace(" per ", "/").partition(" of ")[0]
    words = re.findall(r"[^\W\d]+\.?|[/()]|\^ ?-?\d|\\?\S", text)
    names = [_ALIASES.get(_singular(word), _singular(word)) for word in words if word not in "()."]
    joined = "".join(names)
    for word, power in (("sq", "^2"), ("cubic", "^3"), ("cu", "^3")):
        if joined.startswith(word) and joined != word:
            joined = joined.removeprefix(word) + power
    return joined.replace(" ", "")


def _singular(word: str) -> str:
    word = word.strip(". ")
    lower = word.lower() if len(word) > 2 else word
    return lower.removesuffix("s") if len(lower) > 2 else lower
