"""The tree of a search holds every step that was sampled, with the verifier's values; scripted engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from random import Random

import pytest
from flows import OTHER, PROBLEM, grown, solved, step
from scripted import ScriptedEngine

from ttc.engines.base import Draw
from ttc.execution.runner import Outcome, Runner, start_flows
from ttc.runs.trees import SearchTree
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.dvts import Dvts
from ttc.strategies.flows import sample
from ttc.strategies.lookahead import Lookahead
from ttc.strategies.mcts import Mcts
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.particles import Particles
from ttc.strategies.revisions import Revisions
from ttc.strategies.threshold import Threshold
from ttc.types import Candidate, FinishReason, Flow, Problem, Reply, Request, Sample, Score, Trace

SEARCHES = [Beam(width=2), Dvts(width=4), Particles(), Lookahead(width=2, k=1), Lookahead(width=2, k=2)]
WHOLE = [BestOfN(), Majority(), Mcts(), Revisions()]
Log = list[tuple[Request, Reply]]
Path = tuple[str, ...]  # the texts of the steps up to a node


def sampled(request: Request, draw: Draw) -> Reply:
    """One of three steps, at random but reproducibly; the fourth step at the latest ends the solution."""
    assert isinstance(request, Sample)
    trace = request.trace
    for number in count():
        rng = Random(f"{trace.problem.id} {trace.text} {draw if request.temperature is None else 'greedy'}")
        if len(trace.steps) == 3 or rng.random() < 0.1:
            return solved(trace, str(rng.randrange(2)))
        if number == request.max_steps:
            return trace
        trace = grown(trace, f"{rng.choice('abc')}\n")
    raise AssertionError


def valued(request: Request, draw: Draw) -> Reply:
    return Random(request.trace.text).random()


def searched(
    strategy: Strategy,
    generate: Callable[[Request, Draw], Reply] = sampled,
    score: Callable[[Request, Draw], Reply] = valued,
    budget: int = 12,
    per_poll: int = 3,
) -> Outcome:
    runner = Runner(ScriptedEngine(generate, per_poll), ScriptedEngine(score, per_poll))
    [outcome] = runner.run(start_flows([PROBLEM], lambda problem: strategy.solve(problem, budget)))
    return outcome


def tree_of(outcome: Outcome) -> SearchTree:
    assert outcome.tree is not None
    return outcome.tree


def paths(tree: SearchTree) -> list[Path]:
    """Return the texts of the steps up to each node."""
    found: list[Path] = []
    for parent, text in zip(tree.parents, tree.texts, strict=True):
        found.append((*(found[parent] if parent >= 0 else ()), text))
    return found


def logged(flow: Flow, log: list[Log]) -> Flow:
    """Run a flow; log each batch of its requests with the replies."""
    requests = next(flow)
    while True:
        replies = yield requests
        log.append(list(zip(requests, replies, strict=True)))
        try:
            requests = flow.send(replies)
        except StopIteration as stop:
            found: list[Candidate] = stop.value
            return found


def texts(trace: Trace) -> Path:
    return tuple(step.text for step in trace.steps)


@pytest.mark.parametrize("strategy", SEARCHES, ids=repr)
def test_a_tree_says_what_the_log_of_all_requests_says(strategy: Strategy) -> None:
    log: list[Log] = []
    runner = Runner(ScriptedEngine(sampled, 3), ScriptedEngine(valued, 3))
    [outcome] = runner.run([(PROBLEM, logged(strategy.solve(PROBLEM, 12), log))])
    rounds: dict[bool, dict[Path, int]] = {True: {}, False: {}}  # of steps looked ahead to, and of others
    draws: dict[bool, Counter[Path]] = {True: Counter(), False: Counter()}
    values: dict[Path, float] = {}
    ends: dict[Path, str] = {}
    number = 0
    for batch in log:
        number += any(isinstance(request, Sample) and request.temperature is None for request, _ in batch)
        for request, reply in batch:
            if isinstance(reply, float):
                values[texts(request.trace)] = reply
                continue
            assert isinstance(request, Sample)
            ahead = request.temperature == 0
            for length in range(len(request.trace.steps) + 1, len(reply.steps) + 1):
                path = texts(reply)[:length]
                draws[ahead][path] += 1
                rounds[ahead].setdefault(path, number)
                ends[path] = str(reply.finish) if length == len(reply.steps) else "step"
    tree = tree_of(outcome)
    found = paths(tree)
    assert len(found) == len(set(found))
    assert dict(zip(found, tree.draws, strict=True)) == {**draws[True], **draws[False]}
    assert dict(zip(found, tree.rounds, strict=True)) == rounds[True] | rounds[False]
    assert dict(zip(found, tree.rollouts, strict=True)) == {path: path not in draws[False] for path in found}
    assert dict(zip(found, tree.values, strict=True)) == {path: values.get(path) for path in found}
    assert dict(zip(found, tree.finishes, strict=True)) == ends
    assert all(parent < node for node, parent in enumerate(tree.parents))


@pytest.mark.parametrize("strategy", SEARCHES, ids=repr)
def test_the_nodes_of_the_candidates_spell_their_texts(strategy: Strategy) -> None:
    outcome = searched(strategy)
    found = paths(tree_of(outcome))
    spelled = ["".join(found[node]) for node in tree_of(outcome).candidates]
    assert spelled == [candidate.trace.text for candidate in outcome.candidates] and len(set(spelled)) > 1


@pytest.mark.parametrize("strategy", SEARCHES, ids=repr)
def test_a_tree_does_not_depend_on_the_order_in_which_replies_arrive(strategy: Strategy) -> None:
    assert searched(strategy, per_poll=1).tree == searched(strategy, per_poll=100).tree


def test_steps_that_were_pruned_are_in_the_tree() -> None:
    def script(request: Request, draw: Draw) -> Reply:
        if request.trace.steps:
            return solved(request.trace)
        return grown(request.trace, "good\n" if draw.index % 2 else "bad\n")

    outcome = searched(Beam(width=4), script, lambda request, _: 0.1 if "bad" in request.trace.text else 0.9, budget=4)
    assert outcome.tree == SearchTree(
        parents=(-1, -1, 1),
        texts=("bad\n", "good\n", "The answer is $\\boxed{2}$."),
        values=(0.1, 0.9, 0.9),
        rounds=(1, 1, 2),
        draws=(2, 2, 4),
        finishes=("step", "step", "stop"),
        rollouts=(False, False, False),
        candidates=(2, 2, 2, 2),
    )


def test_steps_that_were_only_looked_ahead_to_are_marked_and_carry_the_value() -> None:
    def script(request: Request, draw: Draw) -> Reply:
        assert isinstance(request, Sample)
        if request.temperature == 0:
            return grown(request.trace, "ahead\n")
        return solved(request.trace) if request.trace.steps else grown(request.trace, f"step {draw.index}\n")

    tree = tree_of(searched(Lookahead(width=2, k=1), script, valued, budget=4))
    answer = "The answer is $\\boxed{2}$."
    assert tree.texts == ("step 0\n", "step 1\n", "ahead\n", "ahead\n", answer)
    assert tree.rollouts == (False, False, True, True, False)
    assert tree.rounds == (1, 1, 1, 1, 2) and tree.draws == (1, 1, 1, 1, 2)
    assert tree.values == (None, None, *(Random(f"step {n}\nahead\n").random() for n in (0, 1)), tree.values[4])


def test_a_step_that_is_looked_ahead_to_and_then_sampled_belongs_to_the_search() -> None:
    def script(request: Request, draw: Draw) -> Reply:
        return solved(request.trace) if len(request.trace.steps) == 2 else grown(request.trace, "same\n")

    tree = tree_of(searched(Lookahead(width=2, k=1), script, budget=4))
    assert tree.texts == ("same\n", "same\n", "The answer is $\\boxed{2}$.")
    assert (tree.rollouts, tree.rounds, tree.draws) == ((False,) * 3, (1, 2, 3), (2, 2, 2))


@pytest.mark.parametrize("strategy", WHOLE, ids=repr)
def test_whole_solutions_make_no_tree(strategy: Strategy) -> None:
    assert searched(strategy, budget=8).tree is None


def test_a_controllers_probes_are_at_no_node_of_the_search_that_follows() -> None:
    def script(request: Request, draw: Draw) -> Reply:
        assert isinstance(request, Sample)
        return solved(grown(request.trace, "probe\n")) if request.max_steps is None else sampled(request, draw)

    outcome = searched(Threshold(probes=4, beam=Beam(width=2)), script, lambda request, _: 0.1)
    nodes = tree_of(outcome).candidates
    assert len(nodes) == len(outcome.candidates) == 12
    assert [node < 0 for node in nodes] == ["probe" in candidate.trace.text for candidate in outcome.candidates]
    assert "probe\n" not in tree_of(outcome).texts


def test_a_step_that_has_no_room_is_empty_and_ends_the_solution() -> None:
    def script(request: Request, draw: Draw) -> Reply:
        if request.trace.steps:
            return request.trace.extended((), FinishReason.LENGTH)
        return grown(request.trace, "long\n")

    tree = tree_of(searched(Beam(width=2), script, budget=2))
    assert (tree.texts, tree.finishes, tree.candidates) == (("long\n", ""), ("step", "length"), (1, 1))


def test_steps_of_a_whole_solution_that_a_search_continues_are_added_without_a_draw() -> None:
    def flow(problem: Problem) -> Flow:
        [whole] = yield from sample([Trace(problem)])
        [trace] = yield from sample([whole.prefix(1)], max_steps=1)
        return [Candidate(trace), Candidate(whole)]

    def script(request: Request, draw: Draw) -> Reply:
        return grown(request.trace, "next\n") if request.trace.steps else solved(grown(request.trace, "first\n"))

    [outcome] = Runner(ScriptedEngine(script)).run(start_flows([PROBLEM], flow))
    tree = tree_of(outcome)
    assert (tree.texts, tree.draws, tree.candidates) == (("first\n", "next\n"), (0, 1), (1, -1))


def test_a_value_outside_of_0_to_1_is_none_that_a_verifier_gave() -> None:
    tree = tree_of(searched(Beam(width=2), score=lambda request, _: float("nan"), budget=2))
    assert set(tree.values) == {None}


def test_every_problem_has_its_own_tree() -> None:
    def trees(*problems: Problem) -> dict[str, SearchTree | None]:
        runner = Runner(ScriptedEngine(sampled), ScriptedEngine(valued))
        flows = start_flows(problems, lambda problem: Beam(width=2).solve(problem, 8))
        return {outcome.problem.id: outcome.tree for outcome in runner.run(flows)}

    together = trees(PROBLEM, OTHER)
    assert together == trees(PROBLEM) | trees(OTHER) and together["p1"] != together["p2"]


def test_equal_traces_are_one_node_whichever_object_says_so() -> None:
    def flow(problem: Problem) -> Flow:
        [trace] = yield from sample([Trace(problem)], max_steps=1)
        copy = replace(trace, steps=(step(trace.steps[0].text),))
        [value] = yield [Score(copy)]
        assert isinstance(value, float)
        return [Candidate(copy, (value,))]

    runner = Runner(ScriptedEngine(lambda request, _: grown(request.trace, "a\n")), ScriptedEngine(valued))
    [outcome] = runner.run(start_flows([PROBLEM], flow))
    assert (tree_of(outcome).values, tree_of(outcome).candidates) == ((Random("a\n").random(),), (0,))
