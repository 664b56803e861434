"""The searches beside beam search, driven by hand: lookahead, DVTS, particles, adaptive self-consistency, MCTS."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from flows import PROBLEM, drive, finish, grown, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.adaptive import AdaptiveConsistency, majority_probability
from ttc.strategies.beam import Beam
from ttc.strategies.dvts import Dvts
from ttc.strategies.flows import Node
from ttc.strategies.lookahead import Lookahead
from ttc.strategies.mcts import Mcts
from ttc.strategies.particles import Particles
from ttc.types import FinishReason, Reply, Request, Sample, Score, Trace


class RandomEngine:
    """Answers at random, the same for the same seed; counts the samples that begin at a problem."""

    def __init__(self, seed: int, ends: float = 0.3) -> None:
        self.rng, self.ends = random.Random(seed), ends
        self.asked: Counter[str] = Counter()

    def __call__(self, request: Request) -> Reply:
        if isinstance(request, Score):
            self.asked["scores"] += 1
            return self.rng.random()
        self.asked["greedy" if request.temperature == 0 else "samples"] += 1
        trace = request.trace
        for _ in range(request.max_steps or 20):
            if self.rng.random() < self.ends:
                return solved(trace, str(self.rng.randrange(3)))
            trace = grown(trace, f"{self.rng.random()}\n")
        return trace if request.max_steps else solved(trace)


def test_lookahead_of_no_steps_is_beam_search() -> None:
    strategies = Beam(width=2), Lookahead(width=2, k=0)
    (candidates, asked), (same, same_asked) = (drive(s.solve(PROBLEM, 8), RandomEngine(5)) for s in strategies)
    assert candidates == same and asked == same_asked


def test_a_step_is_judged_by_its_greedy_rollout_which_is_thrown_away() -> None:
    flow = Lookahead(width=2, k=3).solve(PROBLEM, 8)
    assert start(flow) == [Sample(Trace(PROBLEM), max_steps=1)] * 2
    steps: list[Any] = [grown(Trace(PROBLEM), "a\n"), grown(Trace(PROBLEM), "b\n")]
    assert flow.send(steps) == [Sample(step, max_steps=3, temperature=0.0) for step in steps]
    rolled: list[Any] = [solved(steps[0]), grown(steps[1], "b and more\n")]
    assert flow.send(rolled) == [Score(trace) for trace in rolled]
    assert flow.send([0.9, 0.1]) == [Sample(steps[0], max_steps=1)] * 2


def test_a_finished_beam_is_judged_as_it_is() -> None:
    flow = Lookahead(width=2, k=1).solve(PROBLEM, 4)
    start(flow)
    whole, half = solved(Trace(PROBLEM)), grown(Trace(PROBLEM), "a\n")
    assert flow.send([whole, half]) == [Sample(half, max_steps=1, temperature=0.0)]
    rolled = solved(half, "7")
    assert flow.send([rolled]) == [Score(whole), Score(rolled)]


@pytest.mark.parametrize(
    ("strategy", "budget", "message"),
    [
        (Lookahead(k=3), 63, "budget=63 is not a multiple of k + 1 = 4, what a beam costs; use 48 or 64."),
        (Lookahead(k=1), 20, "10 beams of k + 1 = 2 generations, which strategy.width=4 does not divide; use 16 or 24"),
        (Lookahead(k=1, width=None), 16, "use 8 or 18."),
        (Lookahead(k=1, width=0), 16, "strategy.width=0 is no beam width"),
        (Lookahead(k=-1), 16, "use 0 or more"),
        (Dvts(width=4), 10, "use 8 or 12"),
        (Particles(temperature=0), 4, "not above 0"),
        (Particles(rounds=0), 4, "use 1 or more"),
        (AdaptiveConsistency(confidence=1.0), 4, "between 0.5 and 1"),
        (AdaptiveConsistency(batch=0), 4, "use 1 or more"),
        (Mcts(parallel=0), 4, "use 1 or more"),
        (Mcts(widening=0), 4, "not above 0"),
        (Mcts(exploration=-1), 4, "use 0 or more"),
    ],
)  # fmt: skip
def test_what_cannot_be_spent_is_refused_with_a_remedy(strategy: Any, budget: int, message: str) -> None:
    with pytest.raises(UserError) as error:
        strategy.check(budget)
    assert message in str(error.value)


def test_dvts_keeps_the_best_of_each_tree() -> None:
    flow = Dvts(width=2).solve(PROBLEM, 4)
    assert start(flow) == [Sample(Trace(PROBLEM), max_steps=1)] * 4
    steps: list[Any] = [grown(Trace(PROBLEM), f"{name}\n") for name in "abcd"]
    assert flow.send(steps) == [Score(step) for step in steps]
    asked = flow.send([0.9, 0.8, 0.1, 0.2])  # beam search would keep a and b
    assert asked == [Sample(steps[0], max_steps=1)] * 2 + [Sample(steps[3], max_steps=1)] * 2
    flow.send([solved(steps[0]), solved(steps[0]), solved(steps[3]), grown(steps[3], "e\n")])
    asked = flow.send([0.5, 0.5, 0.5, 0.5])  # the first tree is done, the second goes on
    assert [request.trace.text for request in asked] == ["d\ne\n"]
    flow.send([solved(asked[0].trace)])
    assert len(finish(flow, [0.5])) == 4


def test_particles_weigh_as_the_odds_of_their_values() -> None:
    nodes = [Node(Trace(PROBLEM), (value,)) for value in (0.5, 0.75, 0.9)]  # odds 1, 3, 9
    shares = weights(nodes, temperature=1.0)
    assert [share / shares[0] for share in shares] == pytest.approx([1, 3, 9])
    flat = weights(nodes, temperature=2.0)
    assert [share / flat[0] for share in flat] == pytest.approx([1, 3**0.5, 3])


def test_particles_of_no_value_die_and_finished_ones_are_drawn_without_being_continued() -> None:
    flow = Particles().solve(PROBLEM, 30)
    start(flow)
    good, bad, whole = grown(Trace(PROBLEM), "a\n"), grown(Trace(PROBLEM), "b\n"), solved(Trace(PROBLEM))
    flow.send([good, bad, whole] * 10)
    asked = flow.send([0.5, 0.0, 0.5] * 10)
    assert {request.trace for request in asked} == {good} and 5 < len(asked) < 25
    flow.send([solved(good)] * len(asked))
    candidates = finish(flow, [0.5] * len(asked))
    assert Counter(c.trace for c in candidates) == {whole: 30 - len(asked), solved(good): len(asked)}


def test_sampling_stops_when_the_vote_is_settled_by_the_beta_criterion() -> None:
    flow = AdaptiveConsistency(confidence=0.95).solve(PROBLEM, 64)  # four of four: 31/32
    assert len(start(flow)) == 1
    for _ in range(3):
        assert len(flow.send([solved(Trace(PROBLEM))])) == 1
    assert len(finish(flow, [solved(Trace(PROBLEM))])) == 4


def test_a_solution_without_an_answer_is_no_vote() -> None:
    votes = [solved(Trace(PROBLEM))] * 3
    assert not AdaptiveConsistency().is_settled([*votes, grown(Trace(PROBLEM), "cut", FinishReason.LENGTH)])
    assert AdaptiveConsistency().is_settled([*votes, solved(Trace(PROBLEM))])


@pytest.mark.parametrize(("first", "second"), [(1, 0), (4, 0), (5, 3), (20, 13), (40, 40)])
def test_the_majority_probability_is_the_integral_of_the_beta_density(first: int, second: int) -> None:
    points = 20_001
    grid = [i / (points - 1) for i in range(points)]
    density = [p**first * (1 - p) ** second for p in grid]
    upper = sum(density[points // 2 + 1 :]) + density[points // 2] / 2
    assert majority_probability(first, second) == pytest.approx(upper / sum(density), abs=1e-3)


def test_mcts_returns_to_the_prefix_whose_solutions_were_judged_best() -> None:
    flow = Mcts(exploration=0.0, widening=1.0, parallel=1).solve(PROBLEM, 4)
    start(flow)
    good = solved(grown(Trace(PROBLEM), "good\n"))
    flow.send([good])
    [root] = flow.send([0.9, 0.9])  # one sample of two visits: there is room for another
    assert root.trace == Trace(PROBLEM)
    flow.send([solved(grown(Trace(PROBLEM), "bad\n"))])
    [deeper] = flow.send([0.1, 0.1])  # two samples of three visits: the walk goes down
    assert deeper.trace.text == "good\n"


def test_mcts_goes_down_where_every_solution_begins_alike() -> None:
    engine = RandomEngine(1)
    deepest = 0

    def answer(request: Request) -> Reply:
        nonlocal deepest
        if isinstance(request, Score):
            return engine(request)
        deepest = max(deepest, len(request.trace.steps))
        return (
            solved(grown(grown(request.trace, "a\n"), "b\n")) if len(request.trace.steps) < 4 else solved(request.trace)
        )

    drive(Mcts(parallel=1).solve(PROBLEM, 16), answer)
    assert deepest >= 2


@given(
    name=st.sampled_from(["lookahead", "dvts", "particles", "adaptive", "mcts"]),
    width=st.integers(1, 5),
    multiple=st.integers(1, 5),
    k=st.integers(0, 3),
    seed=st.integers(0, 1000),
)
def test_every_search_spends_exactly_its_budget_or_where_it_may_stop_early_no_more(
    name: str, width: int, multiple: int, k: int, seed: int
) -> None:
    strategy: Any = {
        "lookahead": Lookahead(width=width, k=k, rounds=60),
        "dvts": Dvts(width=width, rounds=60),
        "particles": Particles(rounds=60),
        "adaptive": AdaptiveConsistency(batch=width),
        "mcts": Mcts(parallel=width),
    }[name]
    budget = width * multiple * (k + 1)
    strategy.check(budget)
    engine = RandomEngine(seed)
    candidates, _ = drive(strategy.solve(PROBLEM, budget), engine)
    spent = len(candidates) * strategy.generations_per_candidate
    assert spent == budget or (name == "adaptive" and spent < budget)
    assert all(candidate.trace.is_finished for candidate in candidates)
    if name in ("adaptive", "mcts"):
        assert engine.asked["samples"] == spent
