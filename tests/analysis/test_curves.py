"""Finished runs become curves: accuracy and cost per problem, by budget, averaged over seeds."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from menus import BEAM, BEST_OF_N, GENERATOR, VERIFIER, finished_run, problem_record
from run_records import write_run

from ttc.analysis.curves import Curve, Family, models_of, read_curves
from ttc.cost import FlopsConvention
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.runs.finding import Run, find_runs

GRADES = [True, False, False, True]


def curves(*directories: Path, selections: list[str] | None = None) -> list[Curve]:
    return read_curves(find_runs(directories), selections or [])


def test_independent_samples_give_every_smaller_power_of_two(tmp_path: Path) -> None:
    finished_run(tmp_path, [problem_record("a", GRADES), problem_record("b", [False] * 4)])
    [found] = curves(tmp_path, selections=["oracle"])
    assert [*found.points] == [1, 2, 4] and found.label == "best_of_n" and found.family is Family.search
    pairs = [any(pair) for pair in combinations(GRADES, 2)]
    assert found.points[2].outcomes == {"a": pytest.approx(sum(pairs) / len(pairs)), "b": 0}
    assert found.points[2].generations == {"a": 2, "b": 2}
    assert found.points[2].flops[FlopsConvention.full] == {"a": 300, "b": 300}


def test_other_runs_give_the_budgets_that_were_run(tmp_path: Path) -> None:
    for budget in (4, 8):
        rows = [problem_record("a", [True] * budget, chosen=budget == 8)]
        finished_run(tmp_path / str(budget), rows, config=BEAM, independent=False)
    [found] = curves(tmp_path)
    assert {budget: point.outcomes["a"] for budget, point in found.points.items()} == {4: 0, 8: 1}


def test_seeds_are_averaged_problem_by_problem(tmp_path: Path) -> None:
    for seed, chosen in enumerate((True, False, True)):
        rows = [problem_record("a", [True] * 4, chosen=chosen), problem_record("b", [True] * 4, chosen=True)]
        finished_run(tmp_path / str(seed), rows, config=BEAM, independent=False, seed=seed)
    [found] = curves(tmp_path)
    assert found.points[4].outcomes == {"a": pytest.approx(2 / 3), "b": 1} and found.points[4].seeds == 3


def test_the_same_run_given_twice_counts_once(tmp_path: Path) -> None:
    finished_run(tmp_path / "run", [problem_record("a", GRADES)])
    [found] = curves(tmp_path, tmp_path / "run")
    assert found.points[4].seeds == 1


def test_of_independent_samples_the_largest_run_of_a_seed_is_read(tmp_path: Path) -> None:
    finished_run(tmp_path / "small", [problem_record("a", [False, False])])
    finished_run(tmp_path / "large", [problem_record("a", GRADES)])
    [found] = curves(tmp_path, selections=["oracle"])
    assert found.points[1].outcomes["a"] == 0.5 and found.points[1].seeds == 1


def test_labels_name_the_settings_in_which_strategies_differ(tmp_path: Path) -> None:
    rows = [problem_record("a", GRADES)]
    for width in (2, 4):
        finished_run(tmp_path / str(width), rows, config=BEAM | {"width": width}, independent=False)
    finished_run(tmp_path / "bon", rows)
    assert {found.label for found in curves(tmp_path)} == {"beam width=2", "beam width=4", "best_of_n"}


def test_chains_make_the_family_of_revisions(tmp_path: Path) -> None:
    rows = [problem_record("a", GRADES, chains=True)]
    config = {"_target_": "ttc.strategies.revisions.Revisions", "ratio": "1:1"}
    finished_run(tmp_path, rows, config=config, independent=False, selection="hierarchical")
    assert [(found.family, found.selection) for found in curves(tmp_path)] == [(Family.revisions, "hierarchical")]


def test_quintiles_are_those_that_the_runs_recorded(tmp_path: Path) -> None:
    finished_run(tmp_path, [problem_record("a", GRADES, quintile=3), problem_record("b", GRADES)])
    assert curves(tmp_path)[0].quintiles == {"a": 3}


def test_runs_with_different_models_are_different_curves(tmp_path: Path) -> None:
    rows = [problem_record("a", GRADES)]
    finished_run(tmp_path / "one", rows)
    finished_run(tmp_path / "other", rows, generator=ModelId("pocket", "g2", 1000))
    assert [found.generator.fingerprint for found in curves(tmp_path)] == ["g1", "g2"]


def test_models_are_those_of_the_summary(tmp_path: Path) -> None:
    finished_run(tmp_path, [problem_record("a", GRADES)])
    assert models_of(Run.load(tmp_path)) == (GENERATOR, VERIFIER)


def test_a_run_of_an_older_version_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path)
    with pytest.raises(UserError, match="does not say which strategy and models made it: an older ttc wrote it; run"):
        curves(tmp_path)


def test_runs_of_different_data_are_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    rows = [problem_record("a", GRADES)]
    finished_run(tmp_path / "1", rows)
    finished_run(tmp_path / "2", [replace(rows[0], gold="7")], config=BEAM, independent=False)
    with pytest.raises(UserError, match=r"^the gold answer of problem 'a' is '1' in .* but '7' in .*; give runs"):
        curves(tmp_path)


def test_a_selection_that_a_run_lacks_is_refused_with_those_that_it_has(tmp_path: Path) -> None:
    finished_run(tmp_path, [problem_record("a", GRADES)], config=BEST_OF_N)
    with pytest.raises(UserError, match=r"^--selection hierarchical: .* has none; use one of .*majority"):
        curves(tmp_path, selections=["hierarchical"])
