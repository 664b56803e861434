"""Monte-Carlo tree search over steps, guided by the verifier's values instead of random outcomes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from ttc.errors import UserError
from ttc.strategies.base import Strategy
from ttc.strategies.flows import sample, score_steps
from ttc.types import Candidate, Flow, Problem, Step, Trace


@dataclass
class Mcts(Strategy):
    """N simulations: descend by UCT, sample one whole solution from there, score its steps, back up its value.

    At a node the descent continues to the child with the largest mean value + `exploration` · sqrt(ln n / n_child), n
    being visits, until it reaches a node that has been sampled from at most `widening` · sqrt(n) times (progressive
    widening, Coulom 2007). A solution's value is the verifier's at its end. `parallel` simulations run at once, each
    counted as a visit of value 0 until it returns (virtual loss). The candidates are the N solutions.
    """

    exploration: float = 0.5
    widening: float = 1.0  # samples from a node visited n times: about widening · sqrt(n)
    parallel: int = 4  # simulations at once

    def check(self, budget: int) -> None:
        super().check(budget)
        if self.exploration < 0:
            raise UserError(f"strategy.exploration={self.exploration} must not be negative; use e.g. 0.5.")
        if self.widening <= 0:
            raise UserError(f"strategy.widening={self.widening} must be above 0; use e.g. 1.0.")
        if self.parallel < 1:
            raise UserError(f"strategy.parallel={self.parallel} must be at least 1; use e.g. 4.")

    def solve(self, problem: Problem, budget: int) -> Flow:
        root = TreeNode(Trace(problem))
        candidates: list[Candidate] = []
        while len(candidates) < budget:
            paths = [self.descend(root) for _ in range(min(self.parallel, budget - len(candidates)))]
            traces = yield from sample([path[-1].trace for path in paths])
            values = yield from score_steps(traces)
            for path, trace, of_steps in zip(paths, traces, values, strict=True):
                path += add_steps(path[-1], trace)
                for node in path:
                    node.total += of_steps[-1]
                candidates.append(Candidate(trace, of_steps))
        return candidates

    def descend(self, root: TreeNode) -> list[TreeNode]:
        """Return the path from the root to the node from which to sample, each node visited once more."""
        path = [root]
        root.visits += 1
        while (node := path[-1]).children and node.samples > self.widening * math.sqrt(node.visits):
            path.append(self._best(node))
            path[-1].visits += 1
        path[-1].samples += 1
        return path

    def _best(self, node: TreeNode) -> TreeNode:
        spread = math.log(node.visits)
        return max(
            node.children.values(),
            key=lambda child: child.total / child.visits + self.exploration * math.sqrt(spread / child.visits),
        )


@dataclass
class TreeNode:
    """A prefix that may be continued, with the visits and the total value of the solutions through it."""

    trace: Trace
    children: dict[Step, TreeNode] = field(default_factory=dict)
    visits: int = 0
    samples: int = 0  # solutions sampled from here
    total: float = 0.0


def add_steps(node: TreeNode, trace: Trace) -> Sequence[TreeNode]:
    """Add a solution's steps below `node` and return their nodes, each visited once; its last step ends it: no node."""
    added = []
    for count in range(len(node.trace.steps) + 1, len(trace.steps)):
        step = trace.steps[count - 1]
        node = node.children.setdefault(step, TreeNode(trace.prefix(count)))
        node.visits += 1
        added.append(node)
    return added
