"""Classes of equal answers of one problem, for votes: answers that the grader does not tell apart.

"Accepted for" is no equivalence relation: 5 is accepted for x=5 and for y=5, which are not accepted for each other. So
a class has a head, and a member is accepted for the head, as the head is for the member.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ttc.grading.equivalence import equivalent, leave_undecided
from ttc.grading.form import Form, Kind
from ttc.grading.parsing import normalize_answer, parse_answer

Pair = tuple[str, str]
"""An answer and a gold answer."""

MAX_COST = 20_000  # of the comparisons in this process for one problem, see `_cost`: a few seconds
MAX_PAIRS = 100  # given to the workers for one problem

_RELATION = re.compile(r"[=<>]|\\[lg]eq")


def classes_by_structure(answers: Iterable[str]) -> dict[str, int]:
    """Return the classes of answers without workers and in little time, where there is no grader; see `Partition`.

    Pairs that only a worker could decide are different.
    """
    return Partition(_decide, lambda pairs: [False] * len(pairs), max_cost=MAX_COST // 10).classes(answers)


@lru_cache(maxsize=1 << 16)  # a strategy may look at the vote after every sample
def _decide(answer: str, gold: str) -> bool | None:
    return equivalent(parse_answer(answer), parse_answer(gold), leave_undecided)


@dataclass(frozen=True, slots=True)
class Partition:
    """Partitions answers into classes.

    Attributes:
        decide: returns whether an answer is accepted for a gold answer; None if a worker must decide.
        ask: returns the same for pairs that a worker must decide.
        units: whether the units of answers are compared.
        max_cost: of the comparisons by `decide`, see `_cost`.
    """

    decide: Callable[[str, str], bool | None]
    ask: Callable[[Sequence[Pair]], list[bool]]
    units: bool = False
    max_cost: int = MAX_COST

    def classes(self, answers: Iterable[str]) -> dict[str, int]:
        """Return the number of the class of each answer; the order of the answers does not matter.

        Answers that cannot be compared within the limits of this module are in different classes. The most frequent are
        compared first.
        """
        waiting = self._nodes(answers)
        effort = _Effort(self.max_cost, MAX_PAIRS)
        found = []
        while waiting:
            head, *others = waiting
            members = [head, *self._agreeing(self._equal_to(head, others, effort), head)]
            found.append([spelling for node in members for spelling in node.spellings])
            taken = {node.key for node in members}
            waiting = [node for node in others if node.key not in taken]
        return _numbered(found)

    def _nodes(self, answers: Iterable[str]) -> list[_Node]:
        """Return the answers that differ by more than spelling: unambiguous ones first, then unnamed, then frequent."""
        votes = Counter(answers)
        spellings: dict[str, list[str]] = {}
        for answer in votes:
            spellings.setdefault(normalize_answer(answer, units=self.units), []).append(answer)
        nodes = []
        for key, members in spellings.items():
            text = min(members, key=lambda member: (len(member), member))
            form = parse_answer(text)
            label = (form.name, form.unit if self.units else None)
            nodes.append(_Node(key, text, form, tuple(members), label))
        count = {node.key: sum(votes[member] for member in node.spellings) for node in nodes}
        return sorted(nodes, key=lambda n: (n.form.other is not None, any(n.label), -count[n.key], n.key))

    def _equal_to(self, head: _Node, others: Sequence[_Node], effort: _Effort) -> list[_Node]:
        """Return the nodes that are accepted for `head`, as it is for them."""
        verdicts: dict[str, bool | None] = {}
        for node in others:
            if _may_be_equal(node.form, head.form) and effort.compare(node.form, head.form):
                verdicts[node.key] = self._mutual(node.text, head.text)
        unsure = [node for node in others if verdicts.get(node.key, False) is None]
        unsure = unsure[: effort.take_pairs(len(unsure))]
        accepted = self.ask([(node.text, head.text) for node in unsure])
        unsure = [node for node, verdict in zip(unsure, accepted, strict=True) if verdict]
        accepted = self.ask([(head.text, node.text) for node in unsure])
        same = {node.key for node, verdict in zip(unsure, accepted, strict=True) if verdict}
        return [node for node in others if verdicts.get(node.key) or node.key in same]

    def _agreeing(self, nodes: Sequence[_Node], head: _Node) -> list[_Node]:
        """Leave out nodes that differ from each other: all names, if there are several, and what differs for sure."""
        for place in (0, 1):
            if head.label[place] is None and len({node.label[place] for node in nodes} - {None}) > 1:
                nodes = [node for node in nodes if node.label[place] is None]
        kept: list[_Node] = []
        for node in nodes:
            if all(self._mutual(node.text, other.text) is not False for other in kept):
                kept.append(node)
        return kept

    def _mutual(self, first: str, second: str) -> bool | None:
        verdict = self.decide(first, second)
        if verdict is False:
            return False
        other = self.decide(second, first)
        return False if other is False else (True if verdict and other else None)


@dataclass(frozen=True, slots=True)
class _Node:
    """Spellings with the same normalised form.

    Attributes:
        text: one of them, for the comparisons.
        label: its name and its unit, which another answer may lack: x in x=5, km in 5 km.
    """

    key: str
    text: str
    form: Form
    spellings: tuple[str, ...]
    label: tuple[str | None, str | None]


@dataclass(slots=True)
class _Effort:
    """What remains to be spent on one problem's answers."""

    cost: int
    pairs: int

    def compare(self, first: Form, second: Form) -> bool:
        """Whether two forms may still be compared."""
        self.cost -= _cost(first, second)
        return self.cost >= 0

    def take_pairs(self, wanted: int) -> int:
        """Return how many of the pairs may be given to the workers."""
        taken = min(wanted, self.pairs)
        self.pairs -= taken
        return taken


def _cost(first: Form, second: Form) -> int:
    """Return roughly how long a comparison takes, relative to one of two numbers."""
    if len(first.parts) == len(second.parts) and first.parts:
        return len(first.parts) ** 2
    if Kind.FORMULA not in (first.kind, second.kind):
        return 1
    return 20 if _RELATION.search(first.key) and _RELATION.search(second.key) else 2


def _may_be_equal(first: Form, second: Form) -> bool:
    """Return False for two different numbers, and for answers that differ in percent signs: 15% is 15, and is 0.15."""
    if first.kind is second.kind is Kind.NUMBER and first.key != second.key and not (first.other or second.other):
        return False
    return _percents(first) == _percents(second)


def _percents(form: Form) -> tuple[object, ...]:
    """Return where a form has percent signs."""
    return (form.percent, *map(_percents, form.parts))


def _numbered(classes: Iterable[Collection[str]]) -> dict[str, int]:
    """Number the classes in a random but fixed order: ties of votes must not favour short or frequent answers."""
    keys = [(min(map(normalize_answer, members)), members) for members in classes]
    keys.sort(key=lambda pair: (zlib.crc32(pair[0].encode(errors="surrogatepass")), pair[0]))
    return {answer: number for number, (_, members) in enumerate(keys) for answer in members}
