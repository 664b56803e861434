"""What the page gets to know about each problem: one row of its list, and everything for its own view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ttc.report.answers import Answers, answers
from ttc.report.blocks import all_rounded, rounded
from ttc.report.formulas import answer_formula, find_formulas
from ttc.report.steps import judged_values, path_to, prefix_tree
from ttc.runs.records import CandidateRecord, ProblemRecord
from ttc.runs.trees import SearchTree
from ttc.selection import Aggregation, SelectionRule
from ttc.terminal import printable, printable_line

HIGH_VALUE = 0.8  # a wrong answer with such a value is over-optimised
SNIPPET = 120  # characters of a question in the list
_SAME = 0.00051  # values closer than that are the tree's: it stores four significant digits


@dataclass(frozen=True)
class ProblemView:
    """One problem: `row` for the list, `detail` for its own view, and the formulas in the texts of both."""

    row: Mapping[str, object]
    detail: Mapping[str, object]
    formulas: Mapping[str, int]
    chosen_value: float | None
    correct: bool


def view_problem(
    record: ProblemRecord, recorded: SearchTree | None, selection: str, aggregation: Aggregation
) -> ProblemView:
    """Return what the page shows of a problem; `recorded` is the tree that the search left, if it did."""
    found = answers(record, aggregation)
    fits = recorded is not None and len(recorded.candidates) == len(record.candidates)
    tree = recorded if recorded is not None and fits else prefix_tree(record.candidates)
    texts = [printable(text) for text in tree.texts]
    values, ahead = judged_values(tree, record.candidates)
    answer_texts = [printable_line(c.answer) for c in record.candidates if c.answer is not None]
    chosen = found.score_of(selection)
    detail = {
        "question": printable(record.question or ""),
        "gold": printable_line(record.gold),
        "route": None if record.route is None else printable_line(record.route),
        "generations": record.generations,
        "classes": [_class(found, place) for place in range(len(found.classes))],
        "choices": [_choice(found, place) for place in range(len(found.choices))],
        "tree": _tree(tree, texts, recorded=fits) | {"values": all_rounded(values), "ahead": list(map(int, ahead))},
        "candidates": _candidates(record.candidates, found, tree, values),
    }
    counted = find_formulas([record.question or "", *texts, record.gold])
    counted.update(formula for text in [record.gold, *answer_texts] if (formula := answer_formula(text)))
    return ProblemView(_row(record, found, chosen), detail, counted, chosen, record.correct)


def _row(record: ProblemRecord, found: Answers, chosen: float | None) -> dict[str, object]:
    question = printable_line(record.question or "", SNIPPET)
    majority = record.selected.get(SelectionRule.majority)
    return {
        "id": printable_line(record.id, 200),
        "question": question,
        "subject": None if record.subject is None else printable_line(record.subject, 100),
        "level": record.level,
        "quintile": record.quintile,
        "correct": record.correct,
        "majority": None if majority is None else majority.correct,
        "oracle": record.oracle,
        "candidates": len(record.candidates),
        "share": rounded(record.pass1),
        "highest": rounded(max((score for score in found.scores if score is not None), default=None)),
        "chosen": rounded(chosen),
        "turned": _turns(record.candidates),
    }


def _turns(candidates: Sequence[CandidateRecord]) -> int:
    """Count the correct attempts that the next revision in their chain turned wrong."""
    last: dict[int, bool] = {}
    turned = 0
    for candidate in candidates:
        if candidate.chain is not None:
            turned += last.get(candidate.chain, False) and not candidate.correct
            last[candidate.chain] = candidate.correct
    return turned


def _class(found: Answers, place: int) -> dict[str, object]:
    own = found.classes[place]
    return {
        "number": own.number,
        "answer": printable_line(own.answer),
        "votes": own.votes,
        "weight": rounded(own.weight),
        "highest": rounded(own.highest),
        "chains": rounded(own.chain_weight),
        "correct": own.correct,
    }


def _choice(found: Answers, place: int) -> dict[str, object]:
    choice = found.choices[place]
    return {
        "rule": str(choice.rule),
        "answer": None if choice.answer is None else printable_line(choice.answer),
        "correct": choice.correct,
        "number": choice.number,
        "reason": choice.reason,
    }


def _tree(tree: SearchTree, texts: Sequence[str], recorded: bool) -> dict[str, object]:
    return {
        "recorded": recorded,
        "parents": tree.parents,
        "texts": texts,
        "rounds": tree.rounds,
        "draws": tree.draws,
        "finishes": [printable_line(finish, 20) for finish in tree.finishes],
        "rollouts": [int(rollout) for rollout in tree.rollouts],
    }


def _candidates(
    candidates: Sequence[CandidateRecord], found: Answers, tree: SearchTree, judged: Sequence[float | None]
) -> dict[str, object]:
    """Return the candidates by column; texts and values only where they are not those of the path in the tree."""
    texts: dict[int, str] = {}
    values: dict[int, list[float | int | None]] = {}
    for place, (candidate, node) in enumerate(zip(candidates, tree.candidates, strict=True)):
        path = path_to(tree, node)
        if "".join(tree.texts[at] for at in path) != candidate.text:
            texts[place] = printable(candidate.text)
        if not _are_same([judged[at] for at in path], candidate.values):
            values[place] = all_rounded(candidate.values)
    return {
        "nodes": tree.candidates,
        "answers": [None if c.answer is None else printable_line(c.answer) for c in candidates],
        "classes": [None if c.answer is None else found.groups[c.answer] for c in candidates],
        "correct": [int(c.correct) for c in candidates],
        "scores": all_rounded(found.scores),
        "finishes": [None if c.finish is None else printable_line(c.finish, 20) for c in candidates],
        "tokens": [c.tokens for c in candidates],
        "chains": [c.chain for c in candidates],
        "texts": texts,
        "values": values,
    }


def _are_same(path: Sequence[float | None], own: Sequence[float]) -> bool:
    """Whether a candidate's values are those at the end of its path, before which nothing was scored."""
    before, rest = path[: len(path) - len(own)], path[len(path) - len(own) :]
    if len(own) > len(path) or any(value is not None for value in before):
        return False
    return all(a is not None and abs(a - b) <= _SAME for a, b in zip(rest, own, strict=True))


def over_optimised_from(views: Iterable[ProblemView]) -> float:
    """Return the value from which on a wrong choice counts as over-optimised: 0.8, or the run's top fifth if lower."""
    known = [view.chosen_value for view in views if view.chosen_value is not None]
    return min(HIGH_VALUE, float(np.quantile(known, 0.8))) if known else HIGH_VALUE


def columns(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """Return the rows of the list by column, which compresses better."""
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def batches(views: Sequence[ProblemView], size: int) -> Iterator[Sequence[ProblemView]]:
    """Yield the problems in groups that are compressed together."""
    for start in range(0, len(views), size):
        yield views[start : start + size]
