"""Menus: what may be chosen at each budget."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from menus import curve

from ttc.analysis.curves import Family
from ttc.analysis.menu import CostUnit, Menu, MenuKind
from ttc.errors import UserError
from ttc.models import ModelId


@given(st.lists(st.sets(st.sampled_from([1, 2, 4, 8]), min_size=1), min_size=1, max_size=5))
def test_a_budget_offers_exactly_the_strategies_that_were_run_at_it(budgets: list[set[int]]) -> None:
    curves = [curve(f"s{n}", {budget: [0, 1] for budget in own}) for n, own in enumerate(budgets)]
    menu = Menu.of(curves)
    assert menu.budgets == sorted(set().union(*budgets))
    for budget in menu.budgets:
        offered = [c.label for c in menu.at(budget).curves]
        assert offered == [f"s{n}" for n, own in enumerate(budgets) if budget in own]


def test_rows_follow_the_problems_that_all_runs_have() -> None:
    menu = Menu.of([curve("a", {4: [1, 0, 1]}), curve("b", {4: [0, 1]})])
    assert menu.ids == ("p000", "p001") and menu.at(4).outcomes.tolist() == [[1, 0], [0, 1]]
    assert menu.at(4).costs[CostUnit.generations].tolist() == [[4, 4], [4, 4]]


def test_flops_are_left_out_where_a_run_does_not_know_them() -> None:
    menu = Menu.of([curve("a", {4: [1]}), curve("b", {4: [0]}, flops_per_generation=None)])
    assert [*menu.at(4).costs] == [CostUnit.generations]


REVISIONS = curve("revisions", {4: [1]}, family=Family.revisions, generator=ModelId("reviser", "g9", 5))


def test_a_kind_of_menu_offers_its_family_only_and_the_joint_one_both() -> None:
    curves = [curve("beam", {4: [0]}), REVISIONS]
    offered = {kind: [c.label for c in Menu.of(curves, kind).at(4).curves] for kind in MenuKind}
    assert offered == {"search": ["beam"], "revisions": ["revisions"], "joint": ["beam", "revisions"]}


@pytest.mark.parametrize(("kind", "family"), [("revisions", "revisions"), ("joint", "revisions")])
def test_a_kind_without_runs_is_refused(kind: str, family: str) -> None:
    with pytest.raises(UserError, match=rf"^--menu {kind}: there are no runs of {family}; give some, or choose"):
        Menu.of([curve("beam", {4: [0]})], MenuKind(kind))


def test_different_generators_in_a_family_are_refused() -> None:
    other = curve("best_of_n", {4: [0]}, generator=ModelId("qwen", "g7", 5))
    with pytest.raises(UserError, match=r"^beam and best_of_n have different generators \(pocket and qwen\); give"):
        Menu.of([curve("beam", {4: [0]}), other])


def test_the_same_verifier_with_other_settings_is_refused_too() -> None:
    other = curve("best_of_n", {4: [0]}, verifier=ModelId("pocket", "v7", 5))
    with pytest.raises(UserError, match=r"^beam and best_of_n have different verifiers \(pocket, settings differ\)"):
        Menu.of([curve("beam", {4: [0]}), other])


def test_a_strategy_without_a_verifier_goes_with_any() -> None:
    menu = Menu.of([curve("beam", {4: [0]}), curve("majority", {4: [0]}, selection="majority", verifier=None)])
    assert len(menu.curves) == 2


def test_runs_without_a_common_problem_are_refused() -> None:
    from dataclasses import replace

    far = curve("beam", {4: [0]})
    far = replace(far, points={4: replace(far.points[4], outcomes={"q": 1.0}, generations={"q": 4.0}, flops={})})
    with pytest.raises(UserError, match=r"^the runs share no problem; give runs on the same data\.$"):
        Menu.of([curve("best_of_n", {4: [0]}), far])


def test_the_baseline_is_best_of_n_then_parallel_revisions_then_the_first() -> None:
    beam, best = curve("beam", {4: [0]}), curve("best_of_n", {4: [0]})
    majority = curve("best_of_n", {4: [0]}, selection="majority")
    parallel = curve("revisions ratio=parallel", {4: [0]}, config={"ratio": "parallel"})
    assert Menu.of([beam, majority, best]).default_baseline is best
    assert Menu.of([beam, parallel]).default_baseline is parallel
    assert Menu.of([beam]).default_baseline is beam


def test_a_baseline_is_named_by_its_label_or_with_its_selection() -> None:
    best, majority = curve("best_of_n", {4: [0]}), curve("best_of_n", {4: [0]}, selection="majority")
    menu = Menu.of([best, majority])
    assert menu.curve("best_of_n majority") is majority
    with pytest.raises(UserError, match=r"^--baseline best_of_n: names several curves; use one of best_of_n maj"):
        menu.curve("best_of_n")
    with pytest.raises(UserError, match=r"^--baseline beam: names no curve; use one of"):
        menu.curve("beam")


def test_nothing_depends_on_the_order_of_the_runs() -> None:
    curves = [curve("best_of_n", {4: [0, 1]}), curve("beam", {4: [1, 0]}), curve("dvts", {4: [1, 1]})]
    orders = [Menu.of(list(order)).at(4) for order in itertools.permutations(curves)]
    assert all(offer.curves == orders[0].curves for offer in orders)
    assert all((offer.outcomes == orders[0].outcomes).all() for offer in orders)
