"""The steps of a problem's candidates as one tree: the search's own where it was recorded, else that of their texts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ttc.runs.records import CandidateRecord
from ttc.runs.trees import SearchTree

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_PARAGRAPHS = re.compile(r"(?s:.+?)(?:\n\s*\n|\Z)")


def split_steps(text: str, values: int, paragraphs: bool = False) -> list[str]:
    """Split a solution into steps, each with its separator, as its values fit; or else at line ends or at blank lines.

    `paragraphs` says which: texts with blank lines have formulas of several lines, which stay whole.
    """
    for separator in ("\n", "\n\n") if values > 1 else ():
        pieces = text.split(separator)
        steps = [f"{piece}{separator}" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
        if len(steps) == values:
            return steps
    return (_PARAGRAPHS if paragraphs else _LINES).findall(text)


def prefix_tree(candidates: Sequence[CandidateRecord]) -> SearchTree:
    """Return the tree of the candidates' texts: equal beginnings are one path.

    A step has the value of the first candidate that has one there. Where there is only one value for several steps, it
    is that of the whole solution.
    """
    nodes: dict[tuple[int, str], int] = {}
    values: list[float | None] = []
    draws: list[int] = []
    finishes: list[str] = []
    ends = []
    paragraphs = any("\n\n" in candidate.text for candidate in candidates)
    for candidate in candidates:
        steps = split_steps(candidate.text, len(candidate.values), paragraphs)
        missing = len(steps) - len(candidate.values)
        own = [*[None] * missing, *candidate.values][: len(steps)]  # a shorter list holds the last steps' values
        node = -1
        for step, value in zip(steps, own, strict=True):
            node = nodes.setdefault((node, step), len(nodes))
            if node == len(values):
                values.append(None)
                draws.append(0)
                finishes.append("step")
            values[node] = value if values[node] is None else values[node]
            draws[node] += 1
        if node >= 0:
            finishes[node] = candidate.finish or "stop"
        ends.append(node)
    parents, texts = zip(*nodes, strict=True) if nodes else ((), ())
    return SearchTree(
        parents=parents,
        texts=texts,
        values=tuple(values),
        rounds=(1,) * len(nodes),
        draws=tuple(draws),
        finishes=tuple(finishes),
        rollouts=(False,) * len(nodes),
        candidates=tuple(ends),
    )


def path_to(tree: SearchTree, node: int) -> list[int]:
    """Return the nodes from the first step to a node."""
    path = []
    while node >= 0:
        path.append(node)
        node = tree.parents[node]
    return path[::-1]


def judged_values(tree: SearchTree, candidates: Sequence[CandidateRecord]) -> tuple[list[float | None], list[bool]]:
    """Return the value by which the search judged each step, and whether it read that value by looking ahead.

    A tree holds the verifier's values where it was asked: for a step that was looked ahead from, at its rollout's end.
    A candidate's record has the values of its steps as the search used them; for the others the rollout is followed.
    A value that cannot be told apart from those of other rollouts stays unknown.
    """
    values, ahead = [*tree.values], [False] * len(tree.values)
    if not any(tree.rollouts):
        return values, ahead
    depths = _depths(tree)
    known: set[int] = set()
    for candidate, node in zip(candidates, tree.candidates, strict=True):
        if node >= 0 and node not in known and len(candidate.values) == depths[node] + 1:
            for at, value in zip(path_to(tree, node), candidate.values, strict=True):
                values[at], ahead[at] = value, tree.finishes[at] == "step"
                known.add(at)
    ends = _rollout_ends(tree, depths)
    for node, rollout in enumerate(tree.rollouts):
        if not rollout and node not in known and tree.finishes[node] == "step":
            values[node], ahead[node] = ends.get(node), True
    return values, ahead


def _depths(tree: SearchTree) -> list[int]:
    depths: list[int] = []
    for parent in tree.parents:
        depths.append(0 if parent < 0 else depths[parent] + 1)
    return depths


def _rollout_ends(tree: SearchTree, depths: Sequence[int]) -> dict[int, float]:
    """Return the value at the end of the rollout from each node, where there is only one that it can be.

    A rollout has k steps unless its solution ends before; k is the length of the longest.
    """
    lengths: list[int] = []  # how many rollout steps in a row end at a node
    for parent, rollout in zip(tree.parents, tree.rollouts, strict=True):
        lengths.append((lengths[parent] if parent >= 0 else 0) + 1 if rollout else 0)
    k = max(lengths)
    found: dict[int, list[float]] = {}
    for node, value in enumerate(tree.values):
        if value is None:
            continue
        ended = tree.finishes[node] != "step"
        for above in path_to(tree, node)[-k - 1 : -1]:
            if ended or depths[node] - depths[above] == k:
                found.setdefault(above, []).append(value)
    return {node: values[0] for node, values in found.items() if len(values) == 1}
