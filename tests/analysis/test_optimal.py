"""The compute-optimal strategy: the best of a menu per bin, chosen on other problems."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from menus import curve

from ttc.analysis.menu import CostUnit, Menu
from ttc.analysis.optimal import (
    Binning,
    HeldOut,
    best_per_problem,
    best_single,
    choices_by_bin,
    compute_optimal,
    single_lines,
)
from ttc.errors import UserError

# Two bins of ten problems: `plain` solves the easy ones, `deep` the hard ones.
PLAIN, DEEP = [1.0] * 10 + [0.0] * 10, [0.0] * 10 + [1.0] * 10
MENU = Menu.of([curve("plain", {4: PLAIN, 8: PLAIN}), curve("deep", {4: DEEP})])
BINS = Binning("oracle", {f"p{place:03}": 1 + place // 10 for place in range(20)})


def test_each_bin_gets_the_strategy_that_is_best_for_it() -> None:
    line = compute_optimal(MENU, BINS)
    assert line.points[4].outcomes.mean() == 1 and [*line.points] == [4]  # at 8 there is nothing to choose
    assert {b: [choice.name for choice in row.values()] for b, row in choices_by_bin(MENU, BINS).items()} == {
        4: ["plain weighted", "deep weighted"],
    }


@given(st.integers(0, 1000))
def test_nothing_is_chosen_that_the_menu_lacks_at_a_budget(seed: int) -> None:
    rng = np.random.default_rng(seed)
    curves = [
        curve(f"s{n}", {int(budget): rng.random(20) for budget in rng.choice([2, 4, 8, 16], rng.integers(1, 4))})
        for n in range(4)
    ]
    menu = Menu.of(curves)
    for budget, row in choices_by_bin(menu, BINS, splits=3).items():
        offered = {f"{c.label} {c.selection}" for c in curves if budget in c.points}
        assert {choice.name for choice in row.values()} <= offered


def test_the_cost_is_that_of_what_was_chosen_and_of_the_probing_that_is_charged() -> None:
    dear = curve("deep", {4: DEEP}, flops_per_generation=30.0)
    menu = Menu.of([curve("plain", {4: PLAIN}), dear])
    point = compute_optimal(menu, replace(BINS, probing={CostUnit.generations: 2, CostUnit.flops: 5})).points[4]
    assert point.costs[CostUnit.generations].tolist() == [6] * 20
    assert point.costs[CostUnit.flops].tolist() == [45] * 10 + [125] * 10


def test_one_bin_is_the_best_single_strategy() -> None:
    weak = curve("weak", {4: [0.1] * 20})
    line = best_single(Menu.of([weak, *MENU.curves]))
    everything = Binning("", dict.fromkeys(MENU.ids, 1))
    assert (
        line.points[4].outcomes.tolist()
        == compute_optimal(Menu.of([weak, *MENU.curves]), everything).points[4].outcomes.tolist()
    )
    assert line.points[4].outcomes.mean() > 0.1


def test_no_choice_passes_the_best_per_problem() -> None:
    bound = best_per_problem(MENU).points[4].outcomes
    assert (bound >= compute_optimal(MENU, BINS).points[4].outcomes).all() and bound.mean() == 1


def test_single_lines_are_the_curves_themselves() -> None:
    lines = {line.name: line for line in single_lines(MENU)}
    assert lines["deep weighted"].points[4].outcomes.tolist() == DEEP and [*lines["deep weighted"].points] == [4]


def test_bins_without_information_gain_nothing_over_the_best_single_strategy() -> None:
    rng = np.random.default_rng(0)
    menu = Menu.of([curve(f"s{n}", {4: rng.random(400) < 0.5}) for n in range(4)])
    random_bins = Binning("random", {id_: int(rng.integers(1, 6)) for id_ in menu.ids})
    found = compute_optimal(menu, random_bins).points[4].outcomes
    assert abs(found.mean() - 0.5) < 0.06


def test_choices_can_be_made_on_held_out_problems_with_bins_of_their_own() -> None:
    theirs = Menu.of([curve("deep", {4: [0.0, 1.0]}), curve("plain", {4: [1.0, 0.0]})])
    held_out = HeldOut(theirs, Binning("oracle", {"p000": 1, "p001": 2}))
    menu = Menu.of([curve("plain", {4: PLAIN}), curve("deep", {4: DEEP})])
    assert compute_optimal(menu, BINS, held_out=held_out).points[4].outcomes.mean() == 1
    swapped = HeldOut(theirs, Binning("oracle", {"p000": 2, "p001": 1}))
    assert compute_optimal(menu, BINS, held_out=swapped).points[4].outcomes.mean() == 0


@given(st.integers(0, 19))
def test_measured_outcomes_do_not_inform_held_out_choices(problem: int) -> None:
    theirs = Menu.of([curve("plain", {4: [1.0, 0.0]}), curve("deep", {4: [0.0, 1.0]})])
    held_out = HeldOut(theirs, Binning("oracle", {"p000": 1, "p001": 2}))
    flipped = [[1 - value if place == problem else value for place, value in enumerate(row)] for row in (PLAIN, DEEP)]
    menu = Menu.of([curve("plain", {4: flipped[0]}), curve("deep", {4: flipped[1]})])
    found = compute_optimal(menu, BINS, held_out=held_out).points[4].outcomes
    assert found.tolist() == [0.0 if place == problem else 1.0 for place in range(20)]


def test_held_out_runs_that_lack_an_option_or_a_budget_are_refused() -> None:
    theirs = Menu.of([curve("plain", {4: [1.0, 0.0]})])
    held_out = HeldOut(theirs, Binning("oracle", {"p000": 1, "p001": 2}))
    with pytest.raises(UserError, match=r"^the held-out runs have no deep weighted at budget 4; run the same"):
        compute_optimal(Menu.of([curve("plain", {4: PLAIN}), curve("deep", {4: DEEP})]), BINS, held_out=held_out)
    with pytest.raises(UserError, match=r"^the held-out runs have no budget of 8; add runs, or leave it out\.$"):
        compute_optimal(Menu.of([curve("plain", {8: PLAIN}), curve("deep", {8: DEEP})]), BINS, held_out=held_out)


def test_a_bin_that_no_held_out_problem_is_in_is_refused() -> None:
    theirs = HeldOut(Menu.of([curve("plain", {4: [1.0]}), curve("deep", {4: [0.0]})]), Binning("oracle", {"p000": 1}))
    with pytest.raises(UserError, match=r"^no held-out problem is in bin 2; give more of them, or other thresholds\.$"):
        compute_optimal(Menu.of([curve("plain", {4: PLAIN}), curve("deep", {4: DEEP})]), BINS, held_out=theirs)


def test_problems_without_a_bin_are_refused() -> None:
    with pytest.raises(UserError, match=r"^oracle difficulty: 1 of 20 problems have no bin, the first is 'p019'; give"):
        compute_optimal(MENU, Binning("oracle", {id_: 1 for id_ in MENU.ids if id_ != "p019"}))
