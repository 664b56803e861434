"""What smaller budgets of independent samples would have cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from menus import problem_record

from ttc.analysis.subset_costs import Shapes, distinct_in_subset, flops_of, flops_of_subsets
from ttc.cost import Flops, FlopsConvention, Ledger, ModelShape
from ttc.runs.records import ProblemRecord

SHAPES = Shapes(ModelShape(1000, 800, 2, 16, 200), ModelShape(900, 880, 2, 16))


def measured_record(texts: list[str], prompt: int = 20, decoded: int = 30) -> ProblemRecord:
    """A problem whose samples share the prompt's first 16 tokens, and whose equal texts are scored once."""
    ledger = Ledger(SHAPES.generator, SHAPES.verifier)
    for place in range(len(texts)):
        cached = 16 if place else 0
        ledger.charge_sample(prompt - cached, cached, decoded)
    for place, _ in enumerate(set(texts)):
        cached = 16 if place else 0
        ledger.charge_score(prompt + decoded - cached, cached)
    record = problem_record("a", [True] * len(texts))
    candidates = tuple(replace(c, text=text) for c, text in zip(record.candidates, texts, strict=True))
    return replace(record, candidates=candidates, tokens=ledger.tokens, flops=ledger.flops())


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=6), st.data())
def test_the_expected_number_of_different_texts_is_that_over_all_subsets(texts: list[str], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(texts)))
    brute = [len({texts[place] for place in subset}) for subset in combinations(range(len(texts)), k)]
    assert distinct_in_subset(Counter(texts).values(), k) == pytest.approx(sum(brute) / len(brute))


@pytest.mark.parametrize("texts", [["a", "b", "c", "d"], ["a", "a", "b", "b"], ["a"] * 4])
def test_all_samples_cost_what_was_measured(texts: list[str]) -> None:
    record = measured_record(texts)
    found = flops_of_subsets([record], 4, SHAPES)
    assert {convention: found[convention]["a"] for convention in FlopsConvention} == {
        FlopsConvention.paper: record.flops.paper,
        FlopsConvention.full: pytest.approx(record.flops.full),
    }


def test_one_sample_pays_for_the_prompt_alone() -> None:
    alone, four = measured_record(["a"]), measured_record(["a", "b", "c", "d"])
    full = flops_of_subsets([four], 1, SHAPES)[FlopsConvention.full]["a"]
    assert full == pytest.approx(alone.flops.full)
    assert full > (four.flops.full or 0) / 4


def test_equal_solutions_are_read_once() -> None:
    same, different = measured_record(["a"] * 8), measured_record(list("abcdefgh"))
    for budget in (2, 4):
        costs = [flops_of_subsets([record], budget, SHAPES)[FlopsConvention.full]["a"] for record in (same, different)]
        assert costs[0] < costs[1]
    assert flops_of_subsets([same], 4, SHAPES)[FlopsConvention.full]["a"] == pytest.approx(
        measured_record(["a"] * 4).flops.full, rel=0.03
    )


def test_unknown_sizes_leave_a_proportional_share() -> None:
    record = measured_record(["a", "b"])
    assert flops_of_subsets([record], 1, Shapes(None, None))[FlopsConvention.full]["a"] == (record.flops.full or 0) / 2


def test_a_convention_that_a_problem_does_not_know_is_left_out() -> None:
    assert flops_of([measured_record(["a"]), replace(measured_record(["b"]), flops=Flops())]) == {}
