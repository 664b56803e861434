"""The classes of equal answers of one problem, and why each selection chose the one that it chose."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ttc.grading import classes_by_structure
from ttc.runs.records import CandidateRecord, ProblemRecord
from ttc.selection import Aggregation, SelectionRule, aggregate, choose
from ttc.types import Candidate, Problem, Trace

_DRAWN = "a fixed random order decides"


@dataclass
class AnswerClass:
    """The candidates whose answers are equal.

    Attributes:
        answer: the commonest spelling.
        votes: candidates.
        scores: of those candidates that have one.
        correct: whether one of the answers was graded correct.
        chain_weight: the summed scores of the chains that chose it.
    """

    number: int
    answer: str
    votes: int
    scores: Sequence[float]
    correct: bool
    chain_weight: float | None = None

    @property
    def weight(self) -> float | None:
        return math.fsum(self.scores) if self.scores else None

    @property
    def highest(self) -> float | None:
        return max(self.scores, default=None)


@dataclass(frozen=True)
class Choice:
    """What one selection chose: its answer and grade as the run stored them, the class, and the reason in words."""

    rule: SelectionRule
    answer: str | None
    correct: bool
    number: int | None
    reason: str


@dataclass(frozen=True)
class Answers:
    """All answers to one problem.

    Attributes:
        classes: by votes, the most frequent first.
        choices: one for each selection of the run.
        scores: of each candidate; None: it has none.
        groups: the class of each answer.
    """

    classes: Sequence[AnswerClass]
    choices: Sequence[Choice]
    scores: Sequence[float | None]
    groups: Mapping[str, int]

    def score_of(self, rule: str) -> float | None:
        """Return the highest score among the candidates whose answer a selection chose."""
        number = next((choice.number for choice in self.choices if choice.rule == rule), None)
        return next((found.highest for found in self.classes if found.number == number), None)


def answers(record: ProblemRecord, aggregation: Aggregation) -> Answers:
    """Group a problem's candidates by answer, and explain its selections; see `ttc.selection.choose` for the rules."""
    groups = answer_groups(record.candidates)
    scores = [_score(candidate, aggregation) for candidate in record.candidates]
    members: dict[int, list[int]] = {}
    for place, candidate in enumerate(record.candidates):
        if candidate.answer is not None:
            members.setdefault(groups[candidate.answer], []).append(place)
    classes = {number: _class(number, places, record, scores) for number, places in members.items()}
    rules = [rule for rule in SelectionRule if rule in record.selected]
    weighed = {rule: _weights(rule, record, aggregation, groups, scores) for rule in rules}
    for number, weights in weighed.get(SelectionRule.hierarchical, {}).items():
        classes[number].chain_weight = math.fsum(weights)
    choices = [_choice(rule, record, groups, classes, weighed[rule]) for rule in rules]
    ordered = sorted(classes.values(), key=lambda found: (-found.votes, -(found.weight or 0.0), found.number))
    return Answers(ordered, choices, scores, groups)


def answer_groups(candidates: Sequence[CandidateRecord]) -> Mapping[str, int]:
    """Return the class of each answer: as the run stored it, or by structure for the runs of older versions."""
    stored = {c.answer: c.group for c in candidates if c.answer is not None and c.group is not None}
    missing = [c.answer for c in candidates if c.answer is not None and c.answer not in stored]
    return classes_by_structure(c.answer for c in candidates if c.answer is not None) if missing else stored


def _score(candidate: CandidateRecord, aggregation: Aggregation) -> float | None:
    score = aggregate(candidate.values, aggregation) if candidate.values else None
    return None if score is None or math.isnan(score) else score


def _class(number: int, places: Sequence[int], record: ProblemRecord, scores: Sequence[float | None]) -> AnswerClass:
    found = [record.candidates[place] for place in places]
    spellings = Counter(candidate.answer for candidate in found if candidate.answer is not None)
    answer = min(spellings, key=lambda spelling: (-spellings[spelling], len(spelling), spelling))
    known = [score for place in places if (score := scores[place]) is not None]
    return AnswerClass(number, answer, len(found), known, any(candidate.correct for candidate in found))


def _weights(
    rule: SelectionRule,
    record: ProblemRecord,
    aggregation: Aggregation,
    groups: Mapping[str, int],
    scores: Sequence[float | None],
) -> dict[int, list[float]]:
    """Return by class the weights that a selection sums."""
    given = [
        (groups[candidate.answer], candidate.chain, score)
        for candidate, score in zip(record.candidates, scores, strict=True)
        if candidate.answer is not None
    ]
    if rule is SelectionRule.majority:
        return _by_class((group, 1.0) for group, _, _ in given)
    scored = [(group, score) for group, _, score in given if score is not None]
    if rule is SelectionRule.best:
        highest = max((score for _, score in scored), default=math.nan)
        return _by_class((group, 1.0) for group, score in scored if score == highest)
    if rule is SelectionRule.weighted:
        return _by_class(scored)
    return _by_class(_chain_choices(record, aggregation, groups))


def _by_class(pairs: Iterable[tuple[int, float]]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for group, weight in pairs:
        found.setdefault(group, []).append(weight)
    return found


def _chain_choices(
    record: ProblemRecord, aggregation: Aggregation, groups: Mapping[str, int]
) -> list[tuple[int, float]]:
    """Return the class and the score of what `weighted` chooses in each chain; a candidate of none is its own chain."""
    trace = Trace(Problem(record.id, "", record.gold))
    chains: dict[object, list[Candidate]] = {}
    for place, candidate in enumerate(record.candidates):
        chain = ("alone", place) if candidate.chain is None else candidate.chain
        chains.setdefault(chain, []).append(Candidate(trace, candidate.values, candidate.answer))
    chosen = [choose(members, SelectionRule.weighted, aggregation, groups) for members in chains.values()]
    return [
        (groups[candidate.answer], aggregate(candidate.values, aggregation))
        for candidate in chosen
        if candidate is not None and candidate.answer is not None
    ]


def _choice(
    rule: SelectionRule,
    record: ProblemRecord,
    groups: Mapping[str, int],
    classes: Mapping[int, AnswerClass],
    weights: Mapping[int, Sequence[float]],
) -> Choice:
    stored = record.selected[rule]
    number = None if stored.answer is None else groups.get(stored.answer)
    if number is None:
        return Choice(rule, stored.answer, stored.correct, None, "no candidate has an answer and a value")
    return Choice(rule, stored.answer, stored.correct, number, _reason(rule, number, classes, weights))


def _reason(
    rule: SelectionRule,
    number: int,
    classes: Mapping[int, AnswerClass],
    weights: Mapping[int, Sequence[float]],
) -> str:
    """Say by which number the class leads, and what decided where others have the same."""
    if number not in weights:
        return "as the run stored it"
    total, votes, single = _rank(weights[number])
    others = [_rank(found) for other, found in weights.items() if other != number]
    tied = [rank for rank in others if rank[0] == total]
    if rule is SelectionRule.majority:
        cast = sum(found.votes for found in classes.values())
        return f"most votes: {votes} of {cast}" if not tied else f"a tie at {votes} of {cast} votes: {_DRAWN}"
    if rule is SelectionRule.best:
        reason = f"highest single value: {classes[number].highest:.3f}"
        if not others:
            return reason
        return f"{reason}, reached by more candidates" if not tied else f"{reason}, a tie: {_DRAWN}"
    what = "sum of values" if rule is SelectionRule.weighted else "sum over what each chain chose"
    reason = f"highest {what}: {total:.3f}"
    if not tied:
        runner_up = max(others, default=None)
        return reason if runner_up is None else f"{reason}, before {runner_up[0]:.3f}"
    if all(rank[1] < votes for rank in tied):
        return f"{reason}, a tie: more votes decide"
    if all(rank[1:] < (votes, single) for rank in tied):
        return f"{reason}, a tie: the higher single value decides"
    return f"{reason}, a tie: {_DRAWN}"


def _rank(weights: Sequence[float]) -> tuple[float, int, float]:
    return math.fsum(weights), len(weights), max(weights)
