"""Which runs figures need, and what settings they take."""

from __future__ import annotations

import pytest

from ttc.errors import UserError
from ttc.figures.catalogue import FIGURES, chosen_figures
from ttc.figures.recipes import Role, paper_ratios, recipes
from ttc.figures.settings import NONE, FigureSettings, parse_settings
from ttc.strategies.revisions import Revisions

TABLE = {  # ICLR version, table 1
    1: "1:1",
    2: "1:2 2:1",
    4: "1:4 1:1 4:1",
    8: "1:8 1:2 2:1 8:1",
    16: "1:16 1:4 1:1 4:1 16:1",
    32: "1:32 1:8 1:2 2:1 8:1 32:1",
    64: "1:64 1:16 1:4 1:1 4:1 16:1 64:1",
    128: "1:128 1:32 1:8 1:2 2:1 8:1 32:1 128:1",
    256: "1:256 1:16 1:1 16:1 256:1",
}


@pytest.mark.parametrize(("budget", "ratios"), TABLE.items())
def test_the_ratios_are_those_of_the_papers_table(budget: int, ratios: str) -> None:
    ends = {"parallel": f"1:{budget}", "sequential": f"{budget}:1"}
    assert " ".join(ends.get(ratio, ratio) for ratio in paper_ratios(budget)) == ratios


@pytest.mark.parametrize("budget", TABLE)
def test_every_ratio_splits_its_budget_into_whole_chains(budget: int) -> None:
    for ratio in paper_ratios(budget):
        length, count = Revisions(ratio).chains(budget)
        assert length * count == budget


def test_a_run_is_needed_once_however_many_figures_show_it() -> None:
    roles = [role for figure in FIGURES for role in figure.roles]
    names = [recipe.name for recipe in recipes(roles, FigureSettings(seeds=[0, 1]))]
    assert len(names) == len(set(names)) and any(name.endswith("-s1") for name in names)


def test_no_run_exceeds_the_largest_budget() -> None:
    for largest in (4, 64, 100):
        found = recipes(list(Role), FigureSettings(max_budget=largest))
        assert max(recipe.budget for recipe in found) == max(n for n in TABLE if n <= largest)


def test_roles_whose_models_are_missing_have_no_runs() -> None:
    found = recipes(list(Role), FigureSettings(generator="qwen2.5-math-1.5b", prm="qwen2.5-math-prm-7b"))
    assert {recipe.role for recipe in found} == set(Role) - {
        Role.orm, Role.revisions, Role.no_history, Role.base_prm, Role.rest_em, Role.larger,
    }  # fmt: skip


def test_the_greedy_model_is_run_once_whatever_the_seeds() -> None:
    assert len(recipes([Role.larger], FigureSettings(seeds=[0, 1, 2]))) == 1


def test_the_pockets_models_come_with_its_generator_unless_they_are_given() -> None:
    assert FigureSettings().reviser == "pocket_reviser" and FigureSettings(orm="mine").orm == "mine"
    assert FigureSettings(orm=NONE).has("prm") and not FigureSettings(orm=NONE).has("orm")
    assert FigureSettings(generator="chat").larger == NONE


def test_other_keys_reach_every_run() -> None:
    settings = parse_settings(["max_budget=4", "seeds=[3]", "data.limit=7", "store=off"])
    assert settings.max_budget == 4 and settings.seeds == [3]
    assert all(recipe.overrides[-2:] == ("data.limit=7", "store=off") for recipe in recipes(list(Role), settings))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("max_budget=2", "max_budget=2: must be at least 4 generations; use e.g. max_budget=64."),
        ("max_budget=many", "max_budget=many: "),
        ("seeds=[-1]", "seeds=[-1]: must be numbers that are not negative; use e.g. seeds=[0,1,2]."),
        ("seeds=[]", "seeds=[]: must be numbers"),
        ("bugdet=3", "bugdet=3: no such figure or setting"),
        ("nine", "nine: no such figure or setting"),
    ],
)
def test_impossible_settings_are_refused_on_one_line(argument: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        parse_settings([argument])
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_figures_are_chosen_by_number_or_side_in_the_papers_order() -> None:
    assert [figure.number for figure in chosen_figures(["9", "3", "7l"])] == ["3L", "3R", "7L", "9"]
    assert chosen_figures([]) == list(FIGURES)
    with pytest.raises(UserError, match="figure 2: there is none; use one of 1L, "):
        chosen_figures(["2"])


def test_every_figure_has_a_name_of_its_own() -> None:
    assert len({figure.name for figure in FIGURES}) == len(FIGURES) == 18
