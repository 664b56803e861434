r"""Extraction of the final answer from a solution: the last \boxed{}, with the usual fallbacks if there is no box."""

from __future__ import annotations

import re

_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*")
_HASHES = re.compile(r"####[ \t]*([^\n]*)")
_ANSWER_IS = re.compile(r"\banswer(?:\s+is\b\s*:?|\*{0,2}\s*:)\*{0,2}\s*", re.IGNORECASE)
_MATH = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_MATH_OPENING = re.compile(r"\$|\\\(|\\\[")
_SENTENCE_END = re.compile(r"[.!?](?=\s|\*|$)|\n|,?\s+(?:because|since|which)\b")


def extract_answer(text: str) -> str | None:
    r"""Return the final answer that a solution states, or None if it states none.

    The last \boxed{...} or \fbox{...} decides (with nested braces; also \boxed 5). If that box is empty or cut off,
    there is no answer, even if an earlier box is complete. Only in a text without any box, the fallbacks are, in this
    order: the last "#### 18" (GSM8K), the last "answer is ..." or "answer: ...". The last number of a text is never
    used as a guess.
    """
    boxes = list(_BOX.finditer(text))
    if boxes:
        return _box_content(text, boxes[-1].end())
    hashes = _HASHES.findall(text)
    if hashes:
        return hashes[-1].strip() or None
    phrases = list(_ANSWER_IS.finditer(text))
    return _phrase_content(text[phrases[-1].end() :]) if phrases else None


def gold_answer(text: str) -> str:
    r"""Return the answer in a gold field: the field itself, or its final answer if it is a solution (\boxed, ####)."""
    is_solution = "\\boxed" in text or "####" in text
    return (extract_answer(text) if is_solution else None) or text.strip()


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
    r"""Return the position of the brace that closes the one at `start`, or None; \{ and \} are not counted."""
    depth, position = 0, start
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return None


def _phrase_content(rest: str) -> str | None:
    """Return what follows "the answer is": a leading formula, otherwise the words up to the end of the sentence."""
    formula = _MATH.match(rest)
    if formula:
        return next(group for group in formula.groups() if group is not None).strip() or None
    if _MATH_OPENING.match(rest) and not re.match(r"\$\d", rest):  # "$18" is money, "$\frac{1" was cut off
        return None
    end = _SENTENCE_END.search(rest)
    return (rest[: end.start()] if end else rest).strip().strip("*").strip() or None
