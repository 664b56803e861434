"""The runner, with scripted engines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flows import OTHER, PROBLEM, grown, solved
from scripted import ScriptedEngine

from ttc.engines.base import Draw, EngineReply
from ttc.errors import RunError
from ttc.execution.runner import Runner, start_flows
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.flows import score
from ttc.strategies.mcts import Mcts
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.particles import Particles
from ttc.strategies.revisions import Revisions
from ttc.types import Candidate, FinishReason, Flow, Problem, Reply, Request, Sample, Trace


def generator_script(request: Request, draw: Draw) -> Reply:
    return solved(request.trace, str(draw.index))


def verifier_script(request: Request, draw: Draw) -> Reply:
    return 1 / (1 + len(request.trace.steps[-1].text))


def test_equal_requests_of_one_problem_are_different_draws_and_replies_keep_their_order() -> None:
    runner = Runner(ScriptedEngine(generator_script, per_poll=2))
    [outcome] = runner.run(start_flows([PROBLEM], lambda problem: Majority().solve(problem, 5)))
    assert [candidate.trace.text[-4] for candidate in outcome.candidates] == list("01234")


def test_each_problem_counts_its_own_draws() -> None:
    runner = Runner(ScriptedEngine(generator_script))
    outcomes = runner.run(start_flows([PROBLEM, OTHER], lambda problem: Majority().solve(problem, 2)))
    texts = {outcome.problem.id: [c.trace.text[-4] for c in outcome.candidates] for outcome in outcomes}
    assert texts == {"p1": ["0", "1"], "p2": ["0", "1"]}


def test_a_run_seed_reaches_the_engine_with_every_draw() -> None:
    seen = []

    def script(request: Request, draw: Draw) -> Reply:
        seen.append(draw)
        return solved(request.trace)

    list(Runner(ScriptedEngine(script), seed=7).run(start_flows([PROBLEM], lambda p: Majority().solve(p, 2))))
    assert seen == [Draw(7, 0), Draw(7, 1)]


def test_a_straggler_delays_only_its_own_problem() -> None:
    def slow(problem: Problem) -> Flow:
        for _ in range(50):
            yield [Sample(Trace(problem))]
        return [Candidate(Trace(problem))]

    def solve(problem: Problem) -> Flow:
        return slow(problem) if problem is PROBLEM else Majority().solve(problem, 1)

    outcomes = Runner(ScriptedEngine(generator_script)).run(start_flows([PROBLEM, OTHER], solve))
    assert [outcome.problem.id for outcome in outcomes] == ["p2", "p1"]


def test_problems_start_only_while_there_is_room_in_flight() -> None:
    engine = ScriptedEngine(generator_script)
    problems = [Problem(str(i), "q", "0") for i in range(40)]
    runner = Runner(engine, max_in_flight=10)
    outcomes = list(runner.run(start_flows(problems, lambda problem: Majority().solve(problem, 4))))
    assert len(outcomes) == 40
    assert engine.most_queued <= 10 + 4  # a problem's own requests may exceed the bound, another problem's may not


def test_the_ledger_is_the_sum_of_the_problems_costs() -> None:
    runner = Runner(ScriptedEngine(generator_script), ScriptedEngine(verifier_script))
    outcomes = list(runner.run(start_flows([PROBLEM, OTHER], lambda problem: BestOfN().solve(problem, 3))))
    assert sum(outcome.tokens.decoded for outcome in outcomes) == runner.ledger.tokens.decoded > 0


def test_beam_search_runs_through_the_runner() -> None:
    def script(request: Request, draw: Draw) -> Reply:
        if len(request.trace.steps) == 2:
            return solved(request.trace)
        return grown(request.trace, "x" * (draw.index + 1) + "\n")

    runner = Runner(ScriptedEngine(script, per_poll=3), ScriptedEngine(verifier_script, per_poll=3))
    [outcome] = runner.run(start_flows([PROBLEM], lambda problem: Beam(width=2).solve(problem, 4)))
    assert len(outcome.candidates) == 4
    # The shortest steps score best, so every survivor begins with the shortest or the second shortest step.
    assert {candidate.trace.steps[0].text for candidate in outcome.candidates} <= {"x\n", "xx\n"}


def test_an_identical_prefix_of_one_problem_is_scored_once() -> None:
    requests = []

    def script(request: Request, draw: Draw) -> Reply:
        requests.append(request)
        return 0.5

    def flow(problem: Problem) -> Flow:
        same, other = solved(Trace(problem)), solved(Trace(problem), "3")
        first = yield from score([same, other, same])
        second = yield from score([same])
        return [Candidate(same, (value,)) for value in (*first, *second)]

    runner = Runner(ScriptedEngine(generator_script), ScriptedEngine(script))
    [outcome] = runner.run(start_flows([PROBLEM], flow))
    assert [candidate.values for candidate in outcome.candidates] == [(0.5,)] * 4
    assert [request.trace.text for request in requests] == [f"The answer is $\\boxed{{{n}}}$." for n in (2, 3)]


def test_a_dead_engine_ends_the_run_with_one_line() -> None:
    def script(request: Request, draw: Draw) -> Reply:
        raise RuntimeError("out of memory")

    with pytest.raises(RunError, match=r"should generate died .RuntimeError: out of memory.; run the same command"):
        list(Runner(ScriptedEngine(script)).run(start_flows([PROBLEM], lambda problem: Majority().solve(problem, 1))))


def test_scores_without_a_verifier_are_an_error() -> None:
    runner = Runner(ScriptedEngine(generator_script))
    with pytest.raises(RunError, match="no verifier was started"):
        list(runner.run(start_flows([PROBLEM], lambda problem: BestOfN().solve(problem, 1))))


def test_a_reply_of_the_wrong_type_is_an_error_and_never_dropped() -> None:
    runner = Runner(ScriptedEngine(lambda request, draw: 0.5))
    with pytest.raises(TypeError, match="a Sample request must be answered with a Trace, not a float"):
        list(runner.run(start_flows([PROBLEM], lambda problem: Majority().solve(problem, 1))))
    runner = Runner(ScriptedEngine(generator_script), ScriptedEngine(generator_script))
    with pytest.raises(TypeError, match="a Score request must be answered with a float, not a Trace"):
        list(runner.run(start_flows([PROBLEM], lambda problem: BestOfN().solve(problem, 1))))


def test_an_error_without_a_message_is_reported_with_its_place() -> None:
    def script(request: Request, draw: Draw) -> Reply:
        raise AssertionError

    with pytest.raises(RunError, match=r"died \(AssertionError: in script, test_runner.py:\d+\); run the same command"):
        list(Runner(ScriptedEngine(script)).run(start_flows([PROBLEM], lambda problem: Majority().solve(problem, 1))))


def test_an_error_of_several_lines_is_reported_on_one() -> None:
    def script(request: Request, draw: Draw) -> Reply:
        raise ValueError("first\n  second")

    with pytest.raises(RunError, match=r"died \(ValueError: first second\)"):
        list(Runner(ScriptedEngine(script)).run(start_flows([PROBLEM], lambda problem: Majority().solve(problem, 1))))


def test_an_engine_that_fails_on_taking_a_request_is_reported_too() -> None:
    class Refusing(ScriptedEngine):
        def submit(self, ticket: int, request: Request, draw: Draw) -> None:
            raise KeyError("template")

    with pytest.raises(RunError, match=r"should generate died \(KeyError: 'template'\)"):
        list(Runner(Refusing(generator_script)).run(start_flows([PROBLEM], lambda p: Majority().solve(p, 1))))


@pytest.mark.parametrize("strategy", [BestOfN(), BestOfN(step_values=True), Beam(), Mcts(), Particles(), Revisions()])
def test_a_problem_without_room_for_a_solution_is_counted_and_never_scored(strategy: Strategy) -> None:
    runner = Runner(
        ScriptedEngine(lambda request, draw: request.trace.extended((), FinishReason.LENGTH)),
        ScriptedEngine(lambda request, draw: pytest.fail("the verifier was asked")),
    )
    [outcome] = runner.run(start_flows([PROBLEM], lambda problem: strategy.solve(problem, 4)))
    assert [candidate.values for candidate in outcome.candidates] == [(0.0,)] * 4
    assert (outcome.shortfalls.without_room, outcome.shortfalls.truncated) == (1, 0)


def test_what_falls_short_is_counted_by_problem() -> None:
    class Short(ScriptedEngine):
        def poll(self) -> list[EngineReply]:
            return [replace(reply, partial=True, hidden_attempts=1) for reply in super().poll()]

    runner = Runner(Short(generator_script), Short(verifier_script))
    [outcome] = runner.run(start_flows([PROBLEM], lambda problem: Revisions("4:1").solve(problem, 4)))
    found = outcome.shortfalls
    assert (found.revisions, found.revisions_short, found.revisions_blind) == (3, 3, 1)
    assert found.scores == found.scores_partial > 0 and found.solutions == 4
