r"""Where a solution's final answer stands: the last \boxed{}, or the usual fallbacks when there is no box at all."""

from __future__ import annotations

import re

_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*")
_HASHES = re.compile(r"####[ \t]*([^\n]*)")
_ANSWER_IS = re.compile(r"\banswer(?:\s+is\b\s*:?|\*{0,2}\s*:)\*{0,2}\s*", re.IGNORECASE)
_MATH = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_MATH_OPENING = re.compile(r"\$|\\\(|\\\[")
_SENTENCE_END = re.compile(r"[.!?](?=\s|\*|$)|\n|,?\s+(?:because|since|which)\b")


def extract_answer(text: str) -> str | None:
    r"""Return the final answer a solution states, or None when it states none.

    The last \boxed{...} or \fbox{...} (nested braces; also \boxed 5) decides. A box that is empty or cut off is no
    answer, even when an earlier one is whole. Only a text without any box falls back to, in this order: the last
    "#### 18" (GSM8K), the last "answer is ..." or "answer: ...". The last number in the text is never guessed.
    """
    boxes = list(_BOX.finditer(text))
    if boxes:
        return _box_content(text, boxes[-1].end())
    hashes = _HASHES.findall(text)
    if hashes:
        return hashes[-1].strip() or None
    phrases = list(_ANSWER_IS.finditer(text))
    return _stated(text[phrases[-1].end() :]) if phrases else None


def gold_answer(text: str) -> str:
    r"""Return the answer of a gold field: itself, or what it states when it is a whole solution (\boxed, ####)."""
    whole = "\\boxed" in text or "####" in text
    return (extract_answer(text) if whole else None) or text.strip()


def _box_content(text: str, start: int) -> str | None:
    if text[start : start + 1] == "{":
        end = closing_brace(text, start)
        content = text[start + 1 : end] if end is not None else ""
    else:
        line = text[start:].split("\n", 1)[0]
        head, closed, _ = line.partition("$")
        content = head if closed else " ".join(line.split()[:1]).rstrip(".,;")
    return content.strip() or None


def closing_brace(text: str, start: int) -> int | None:
    r"""Return where the brace opened at `start` closes, or None when it never does; \{ and \} do not count."""
    depth, at = 0, start
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            at += 1
        elif sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return None


def _stated(rest: str) -> str | None:
    """Return what follows "the answer is": the formula it opens with, else the words up to the sentence's end."""
    formula = _MATH.match(rest)
    if formula:
        return next(group for group in formula.groups() if group is not None).strip() or None
    if _MATH_OPENING.match(rest) and not re.match(r"\$\d", rest):  # "$18" is money, "$\frac{1" was cut off
        return None
    end = _SENTENCE_END.search(rest)
    return (rest[: end.start()] if end else rest).strip().strip("*").strip() or None
