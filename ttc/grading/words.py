r"""Answers in words, choices such as (C), and the phrases around an answer."""

from __future__ import annotations

import re

from ttc.grading.form import Form, Kind
from ttc.grading.latex import TEXT, TEXT_COMMAND

_WORDS = re.compile(r"(?:(?:a|an|the) )?[a-z]{3,}(?:[ '-][a-z]+)*\.?", re.IGNORECASE)
_WRAPPED_WORDS = re.compile(r"[(a-z][a-z',.\- ]+\)?", re.IGNORECASE)
_ARTICLES = re.compile(r"\b(?:a|an|the) ")
_SHORT_WORDS = frozenset({"yes", "no", "odd"})
_NO_SOLUTION = re.compile(r"(?:there (?:is|are) )?no (?:real )?(?:solutions?|roots?)|(?:the )?empty set", re.IGNORECASE)
_ALL_REALS = re.compile(r"(?:the set of )?all real(?:s| numbers| values)?(?: (?:of )?x)?", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,2}(?::\d\d)?) ?([ap])\.? ?m\.?", re.IGNORECASE)
_TIME_ENDINGS = ("m", "m.", "m}", "m.}", "M", "M.", "M}", "M.}")
_PHRASE = re.compile(
    r"(?:\\text[a-z]* ?\{ ?)?(?:the )?(?:final )?(?:answer|solution)s?"
    r"(?:(?: is| are) ?:|(?: is| are)| ?:)(?: ?\})? ?(?=\S)",
    re.IGNORECASE,
)
_QUALIFIER = re.compile(r" ?\\text ?\{ ?,? ?for (?:all|any|every)\b|,? for (?:all|any|every) ")
_CHOICE = re.compile(
    rf"{TEXT_COMMAND} ?\{{ ?\(?([A-J])\)? ?\}}\)?\.?(?= |\\|$)|(?:{TEXT_COMMAND} ?\{{ ?)?"
    r"(?:(?:[Oo]ption|[Cc]hoice|[Aa]nswer) \(?([A-J])\b|\(([A-J])\)(?=[ \\}.:]|$)|\{?([A-J])[.:)] )"
)


def parse_words(text: str, wrapped: bool) -> Form | None:
    r"""Parse words; the key has no case, articles or brackets.

    `wrapped` words were inside \text{}. Otherwise two or three letters are a product of variables, not a word.
    """
    if text[:1].isdigit():
        time = _TIME.fullmatch(" ".join(TEXT.sub(r"\1", text).split())) if text.endswith(_TIME_ENDINGS) else None
        return Form(Kind.WORDS, f"{time[1]}{time[2]}m".casefold()) if time else None
    if not (_WRAPPED_WORDS if wrapped else _WORDS).fullmatch(text):
        return None
    key = _ARTICLES.sub("", " ".join(text.strip("() .").casefold().split()))
    if _NO_SOLUTION.fullmatch(key):
        return Form(Kind.WORDS, "no solution")
    if "," in text or key == "infinity" or len(key) < 2 or not (wrapped or len(key) > 3 or key in _SHORT_WORDS):
        return None
    return Form(Kind.WORDS, key)


def is_all_reals(text: str) -> bool:
    """Whether the text names the set of all real numbers."""
    return text == r"\mathbb{R}" or bool(_ALL_REALS.fullmatch(text))


def is_empty_set(line: str) -> bool:
    """Whether the compact line denotes the empty set."""
    return line in (r"\emptyset", r"\{\}")


def strip_phrases(text: str) -> str:
    r"""Return an answer without "the answer is" before it and "for all x" after it."""
    if (phrase := _PHRASE.match(text)) and text.count("{") == text.count("}"):
        text = text[phrase.end() :]
    qualifier = _QUALIFIER.search(text)
    return text[: qualifier.start()].strip() if qualifier and qualifier.start() else text


def choice_letter(text: str) -> str | None:
    r"""Return the letter of an answer that names a choice with its text: (C) 12, C. 12, \textbf{(C)}\ 12, option C."""
    found = _CHOICE.match(text)
    return next((letter for letter in found.groups() if letter), None) if found else None
