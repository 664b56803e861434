r"""Extraction of the final answer from a solution: the last \boxed{}, with the usual fallbacks if there is no box.

Every pattern here takes time proportional to the text, whatever the text: it may come from a model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

END_OF_THOUGHT_MARKS = ("</think>", "</thinking>", "[/THINK]")
"""The marks after which a reasoning model answers."""

_THINKING_STARTS = re.compile(r"<think(?:ing)?>|\[THINK\]", re.IGNORECASE)
_THINKING_ENDS = re.compile("|".join(map(re.escape, END_OF_THOUGHT_MARKS)), re.IGNORECASE)
_TAG_OPENS = re.compile(r"<answer>", re.IGNORECASE)
_TAG_CLOSES = re.compile(r"</answer>", re.IGNORECASE)

# "\b" and "\f" are also JSON's escapes: in files written without care, \boxed has become a backspace and "oxed".
_BOX = re.compile(r"(?:\\(?:boxed|fbox|framebox)|\x08oxed|\x0cbox)(?![A-Za-z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_NAME = r"\\?[A-Za-z]+(?:_(?:\w|\{\w+\}))?\s*=\s*"
_NAME_BEFORE = re.compile(rf"(?<![A-Za-z\\]){_NAME}$")
_FILL = r"(?:[\s$*~]|\\[()\[\],;:! ]|\\q?quad(?![a-z]))*+"
_JOINT = r"(?:\\(?:text|mbox|mathrm)\{\s*)?(and\b|or\b|[,;，；、和与或])(?:\s*\})?"
_BETWEEN_BOXES = re.compile(rf"(?:{_FILL}{_JOINT})+{_FILL}({_NAME})?")
_BLANK_LINE = re.compile(r"\n\s*\n")
_MAX_BETWEEN = 80  # characters between two boxes of one list
_MAX_LISTED = 32
_INTEGER = re.compile(r"-?\d+")

_HASHES = re.compile(r"#{4,}([^\n#]*)")
_HEADING = re.compile(r"[\s*_]*(?:\d+[.)]\s+)?[^\W\d_]")  # of Markdown: "#### Step 2: Solve for x"
_LEAD = r"therefore|thus|then|hence|indeed|simply|just|equal to|given by|approximately|about|roughly|option|choice"
_ANSWER_IS = re.compile(
    r"(?:\b(?:answer|correct (?:option|choice))"
    r"(?:\s++(?:is|equals|(?:would|will|must|should) be)\b\s*+:?|\**+\s*+[:：])"
    r"|^[ \t#*_]*+(?:the )?(?:final )?answer[ \t*_]*+$"  # a heading; the answer is below it
    r"|答案\s*+(?:应该?)?[是为為]\s*+[:：]?|答案\**+\s*+[:：]|故选\s*+[:：]?)"
    rf"[\s*}}]*+(?:(?:{_LEAD})\b[\s*,:]*+)*+",
    re.IGNORECASE | re.MULTILINE,
)
_MATH = re.compile(r"\$\$(.+?)\$\$|\$((?:\\.|[^$\\])++)\$(?!\d)|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_MATH_OPENING = re.compile(r"\$|\\\(|\\\[")
_BETWEEN_FORMULAS = re.compile(r"[ \t]*+(?:,\s*+(?:(?:and|or)\b\s*+)?|(?:and|or)\b\s*+)(?=\$|\\[(\[])")
_LIST_END = re.compile(r"\s*+(?:[.。!]|\*\*|$)|[ \t]*+\n")
_CODE = re.compile(r"`++([^`\n]++)`")
_SENTENCE_END = re.compile(
    r"[.!?](?=\s|\*|$)|[。！？；\n]|<\||</s>"  # also special tokens: <|im_end|>
    r"|(?<!\s),?\s++\(?(?:because|since|which|in total|in all|altogether)\b"
    r"|,\s*+(?:so|as|but|and so|hence|thus|therefore|where|making|giving|meaning|i\.e\.)(?!\w)"
    r"|，\s*+(?:因为|因此|所以|即|其中)"
)


def extract_answer(text: str) -> str | None:
    r"""Return the final answer that a solution states, or None if it states none.

    Only what follows a model's thinking (</think>) counts, and of that only the content of <answer> tags, if there are
    any; a text whose last thought never ends has no answer. There, the last \boxed{...} or \fbox{...} decides (with
    nested braces; also \boxed 5), together with the boxes that it forms a list with: "\boxed{3} and \boxed{5}" is
    "3, 5". If that box is empty or cut off, there is no answer, even if an earlier box is complete. Only in a text
    without any box, the fallbacks are, in this order: the last "#### 18" (GSM8K); the last "answer is ...",
    "answer: ...", "答案是..." or heading "Final Answer" with a line below it. The last number of a text is never used
    as a guess.
    """
    text = spoken(text)
    if tagged := _tagged(text):
        return _stated(tagged) or tagged
    return _stated(text)


def gold_answer(text: str) -> str:
    """Return the answer in a gold field: its final answer if it is a solution that states one, else the field itself.

    Reading the result again changes nothing.
    """
    text = text.strip()
    while (found := extract_answer(text)) and len(found) < len(text):
        text = found
    return text


def is_unreadable_solution(gold: str) -> bool:
    """Whether a gold field surely holds a worked solution, several sentences long, that states no final answer."""
    return len(gold) > 200 and len(re.findall(r"[a-z)$][.!?](?=\s|$)", gold)) > 2 and gold_answer(gold) == gold.strip()


def spoken(text: str) -> str:
    """Return what follows a text's thinking; nothing where the last thought does not end."""
    for last in list(_THINKING_ENDS.finditer(text))[-1:]:
        text = text[last.end() :]
    return "" if _THINKING_STARTS.search(text) else text


def closing_brace(text: str, start: int, end: int | None = None) -> int | None:
    r"""Return the position, before `end`, of the brace that closes the one at `start`, or None; \{ is not counted."""
    depth = 0
    for brace in _BRACE.finditer(text, start, len(text) if end is None else end):
        if brace[0] == "{":
            depth += 1
        elif brace[0] == "}":
            depth -= 1
            if depth == 0:
                return brace.start()
    return None


def _tagged(text: str) -> str | None:
    """Return the content of the last <answer> tags; they need not be closed, since "</answer>" may be a stop string."""
    for opening in list(_TAG_OPENS.finditer(text))[-1:]:
        closing = _TAG_CLOSES.search(text, opening.end())
        return text[opening.end() : closing.start() if closing else None].strip() or None
    return None


def _stated(text: str) -> str | None:
    boxes = list(_BOX.finditer(text))
    if boxes:
        return _boxed(text, boxes)
    if hashes := list(_HASHES.finditer(text)):
        last = hashes[-1]
        if not last[1].strip():
            return None
        if not _HEADING.match(last[1]) or not text[last.end() :].strip():
            return last[1].strip()
    phrases = list(_ANSWER_IS.finditer(text))
    return _phrase_content(text[phrases[-1].end() :]) if phrases else None


def _boxed(text: str, boxes: Sequence[re.Match[str]]) -> str | None:
    """Return the content of the last box, after those of the boxes that precede it in the same list."""
    last = _box_content(text, boxes[-1].end())
    if last is None:
        return None
    contents, name_of = [last], []  # from the last box to the first
    first = boxes[-1]
    for box in boxes[-2 : -_MAX_LISTED - 1 : -1]:
        end = closing_brace(text, box.end(), first.start()) if text[box.end()] == "{" else None
        if end is None or first.start() - end > _MAX_BETWEEN:
            break
        between = _BETWEEN_BOXES.fullmatch(text, end + 1, first.start())
        if not between or _BLANK_LINE.search(between[0]):
            break
        content = text[box.end() + 1 : end].strip()
        if between[1] in ("or", "或") and not (_INTEGER.fullmatch(content) and _INTEGER.fullmatch(contents[-1])):
            break  # mostly two spellings of one answer, such as 1/2 and 0.5
        contents.append(content)
        name_of.append(between[2] or "")
        first = box
    if len(set(contents)) == 1:
        return last
    before = _NAME_BEFORE.search(text, max(0, first.start() - _MAX_BETWEEN), first.start())
    name_of.append(before[0] if before else "")
    if all(name_of):  # $x=\boxed{3}$, $y=\boxed{5}$
        contents = [name + content for name, content in zip(name_of, contents, strict=True)]
    return ", ".join(reversed(contents))


def _box_content(text: str, start: int) -> str | None:
    if text[start : start + 1] == "{":
        end = closing_brace(text, start)
        content = text[start + 1 : end] if end is not None else ""
    else:
        line = text[start:].split("\n", 1)[0]
        head, closed, _ = line.partition("$")
        content = head if closed else " ".join(line.split()[:1]).rstrip(".,;")
    return content.strip() or None


def _phrase_content(rest: str) -> str | None:
    """Return what follows "the answer is": a leading formula, otherwise the words up to the end of the sentence."""
    if formulas := _leading_formulas(rest):
        return ", ".join(formulas)
    if _MATH_OPENING.match(rest) and not re.match(r"\$\d", rest):  # "$18" is money, "$\frac{1" was cut off
        return None
    if code := _CODE.match(rest):
        return code[1].strip() or None
    end = _SENTENCE_END.search(rest)
    return (rest[: end.start()] if end else rest).strip().strip("*").strip() or None


def _leading_formulas(rest: str) -> list[str]:
    """Return the formulas that a text begins with: the first, or a whole sentence's list of them."""
    found: list[str] = []
    position = 0
    while len(found) < _MAX_LISTED and (formula := _MATH.match(rest, position)):
        found.append(next(group for group in formula.groups() if group is not None).strip())
        position = formula.end()
        if not (joint := _BETWEEN_FORMULAS.match(rest, position)):
            return found if _LIST_END.match(rest, position) else found[:1]
        position = joint.end()
    return found[:1]
