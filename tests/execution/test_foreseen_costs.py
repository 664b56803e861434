"""What a problem will cost is charged to a ledger while its strategy is rehearsed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wordy import SHAPE, STRATEGIES

from ttc.cost import Flops, Ledger, Tokens
from ttc.execution import foreseen_costs
from ttc.execution.foreseen_costs import STEPS, ForeseenCost, Lengths, Models, foreseen_cost
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.lookahead import Lookahead
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.revisions import Revisions
from ttc.strategies.threshold import Threshold

LENGTHS = Lengths(prompt=30, solution=80, verifier_prompt=20)
MODELS = Models(SHAPE, replace(SHAPE, params=500))


def cost(strategy: Strategy, budget: int, lengths: Lengths = LENGTHS) -> ForeseenCost:
    return foreseen_cost(strategy, budget, lengths, MODELS)


def test_one_solution_costs_what_a_ledger_charges_for_it() -> None:
    ledger = Ledger(MODELS.generator, MODELS.verifier)
    ledger.charge_sample(30, 0, 80)
    ledger.charge_score(20 + 80, 0)
    assert cost(BestOfN(), 1) == ForeseenCost(ledger.tokens, ledger.flops())
    assert ledger.flops().paper == 2 * (SHAPE.params + 500) * 80


def test_independent_samples_compute_their_prompt_once_but_for_its_last_token() -> None:
    expected = Tokens(prompt=30 + 3, cached=3 * 29, decoded=4 * 80, prm=20 + 4 * 80, prm_cached=3 * 20)
    assert cost(BestOfN(), 4).tokens == expected


def test_a_search_decodes_whole_solutions_and_has_every_step_read_once() -> None:
    found = cost(Beam(), 16).tokens
    assert found.decoded == 16 * 80 and found.prm == 20 + 16 * 80
    assert found.prompt == 30 + 15 + 16 * (STEPS - 1)  # the last token before each step
    assert found.prm_cached > 16 * 80


def test_a_solution_that_is_shorter_than_its_steps_is_decoded_in_full() -> None:
    assert cost(Beam(), 8, replace(LENGTHS, solution=3)).tokens.decoded == 8 * 3


def test_a_verifier_without_a_prefix_cache_reads_everything_again() -> None:
    uncached = cost(BestOfN(), 4, replace(LENGTHS, verifier_caches=False)).tokens
    assert (uncached.prm, uncached.prm_cached) == (4 * (20 + 80), 0)


def test_a_prefix_cache_serves_whole_blocks() -> None:
    blocks = cost(BestOfN(), 2, replace(LENGTHS, block=16, verifier_block=32)).tokens
    assert (blocks.prompt, blocks.cached) == (30 + 30 - 16, 16)
    assert (blocks.prm, blocks.prm_cached) == (2 * (20 + 80), 0)


def test_what_closes_a_reading_is_read_with_every_score() -> None:
    plain, closed = (cost(BestOfN(), 4, replace(LENGTHS, verifier_closing=count)).tokens for count in (0, 7))
    assert closed.prm - plain.prm == 4 * 7 and closed.prm_cached == plain.prm_cached


def test_earlier_attempts_are_part_of_a_revisions_prompt_and_of_what_some_verifiers_read() -> None:
    chain = Revisions("sequential", shown=1)
    alone, chained = cost(Majority(), 4).tokens, cost(chain, 4).tokens
    assert chained.prompt == 30 + 3 * 80 and alone.prompt == 30 + 3
    seen = cost(chain, 4, replace(LENGTHS, verifier_sees_attempts=True)).tokens
    assert seen.prm == 4 * (80 + 80) - 80 + 20 and chained.prm == 4 * 80 + 20


def test_a_greedy_rollout_is_computed_once_however_often_it_is_asked_for() -> None:
    assert 4 * 80 < cost(Lookahead(k=1), 8).tokens.decoded <= 8 * 80


@pytest.mark.parametrize("make", STRATEGIES)
@given(budget=st.integers(1, 40), solution=st.integers(1, 200))
def test_no_strategy_decodes_more_than_its_budget(make: Callable[[], Strategy], budget: int, solution: int) -> None:
    strategy = make()
    spendable = strategy.largest_spendable(budget)
    if spendable:
        found = cost(strategy, spendable, replace(LENGTHS, solution=solution))
        assert 0 < found.tokens.decoded <= spendable * solution
        assert found.tokens.prm > 0 or not strategy.needs_verifier


def test_a_controller_costs_what_its_costliest_route_does() -> None:
    controller = Threshold(probes=2)
    found = cost(controller, 16)
    routes = [cost(route, 16) for route in controller.routes(16)]
    assert len(routes) == 4 and len({route.tokens for route in routes}) > 1
    assert found.tokens.computed == max(route.tokens.computed for route in routes)
    only_search = Threshold(probes=2, sequential=Beam(), hybrid=Beam(), parallel=Beam())
    assert cost(only_search, 16) == cost(controller.routes(16)[3], 16) != found


def test_a_route_is_taken_whatever_the_probes_are_worth() -> None:
    routes = Threshold().routes(16)
    assert isinstance(routes[0].choose(0.0, 16), str)  # type: ignore[attr-defined]
    assert [route.choose(0.99, 16) for route in routes] == [  # type: ignore[attr-defined]
        "sequential",
        "hybrid",
        "parallel",
        "beam",
    ]


@pytest.mark.parametrize("strategy", [BestOfN(), Beam(), Lookahead(k=1)])
def test_a_large_budget_costs_in_proportion_to_a_smaller_one(
    strategy: Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = cost(strategy, 64).tokens
    monkeypatch.setattr(foreseen_costs, "REHEARSED", 16)
    scaled = cost(strategy, 64).tokens
    assert scaled != exact
    assert scaled.computed == pytest.approx(exact.computed, rel=0.05)


def test_the_flops_of_a_model_of_unknown_size_are_unknown_and_its_tokens_are_not() -> None:
    for models in (Models(None, SHAPE), Models(SHAPE, None)):
        found = foreseen_cost(BestOfN(), 4, LENGTHS, models)
        assert found.flops == Flops(None, None) and found.tokens == cost(BestOfN(), 4).tokens
    assert foreseen_cost(Majority(), 4, LENGTHS, Models(SHAPE, None)).flops.paper is not None


def test_costs_add_up_and_an_unknown_part_makes_the_sum_unknown() -> None:
    one, unknown = ForeseenCost(Tokens(decoded=2), Flops(3, 4)), ForeseenCost(Tokens(decoded=1), Flops())
    assert one + one == one.times(2) == ForeseenCost(Tokens(decoded=4), Flops(6, 8))
    assert one + unknown == ForeseenCost(Tokens(decoded=3), Flops())
