"""Finished runs are compared problem by problem."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from math import comb
from pathlib import Path

import pytest
from rich.console import Console
from run_records import record, records, rows_of, write_run

from ttc.analysis.compare import compare_runs, differing_settings
from ttc.analysis.comparison_report import comparison_report
from ttc.analysis.formats import comma_separated, print_tables
from ttc.analysis.intervals import DIFFERENCES, unanimous_interval
from ttc.analysis.markup import markdown
from ttc.analysis.significance import holm, paired_p_value
from ttc.cost import FlopsConvention
from ttc.errors import UserError
from ttc.files import write_json, write_lines
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import find_runs
from ttc.runs.records import CandidateRecord, ProblemRecord

QUINTILES = {"a": 1, "b": 1, "c": 5}


def rows(solved: str) -> list[ProblemRecord]:
    """Return problems of which `weighted` solves `solved`, and `best` all."""
    return [record(id_, {"weighted": id_ in solved, "best": True}, quintile=q) for id_, q in QUINTILES.items()]


def write(
    directory: Path, solved: str, *, strategy: str = "beam", seed: int = 0, overrides: Sequence[str] = ()
) -> Path:
    write_run(directory, rows(solved), strategy=strategy, seed=seed, overrides=overrides)
    return directory


def test_a_job_of_a_sweep_and_a_single_run_with_the_same_settings_are_one_group(tmp_path: Path) -> None:
    write(tmp_path / "swept", "a", overrides=[r"strategy.ratio=1\:4"])
    write(tmp_path / "single", "a", seed=1, overrides=["strategy.ratio=1:4"])
    [row] = compare_runs(find_runs([tmp_path / "swept", tmp_path / "single"]))
    assert row.seeds == 2 and row.settings["strategy.ratio"] == "1:4"


def test_seeds_are_averaged_and_differences_are_paired(tmp_path: Path) -> None:
    write(tmp_path / "beam" / "0", "ab", seed=0)
    write(tmp_path / "beam" / "1", "a", seed=1)
    write(tmp_path / "best", "abc", strategy="best_of_n")
    beam, best = compare_runs(find_runs([tmp_path / "beam", tmp_path / "best"]))
    assert (beam.seeds, beam.accuracy.mean, beam.accuracy.n) == (2, 0.5, 3)
    assert beam.difference is None
    assert best.difference is not None and best.difference.mean == pytest.approx(0.5)
    assert best.difference.lo == 0.0  # a, which beam always solved, can be drawn three times
    assert {quintile: cell.mean for quintile, cell in beam.quintiles.items()} == {1: 0.75, 5: 0.0}
    assert (beam.generations, beam.flops) == (4.0, {FlopsConvention.paper: 2.0, FlopsConvention.full: 4.0})


def test_other_settings_make_another_row_and_a_run_given_twice_counts_once(tmp_path: Path) -> None:
    wide = write(tmp_path / "wide", "a", overrides=["strategy.width=8", "store=off", "hydra.run.dir=x"])
    narrow = write(tmp_path / "narrow", "ab", overrides=["strategy.width=2"])
    found = compare_runs(find_runs([wide, narrow, wide]), reference=1)
    assert [(row.settings["strategy.width"], row.seeds) for row in found] == [("8", 1), ("2", 1)]
    assert found[1].difference is None and found[0].difference is not None
    assert differing_settings(found) == ["strategy.width"]
    assert [row.accuracy.mean for row in found] == pytest.approx([1 / 3, 2 / 3])


def test_selections_of_the_same_run_can_be_compared(tmp_path: Path) -> None:
    run = write(tmp_path / "run", "a")
    weighted, best = compare_runs(find_runs([run]), selections=["weighted", "best"])
    assert weighted.accuracy.mean == pytest.approx(1 / 3)
    assert best.accuracy.mean == 1.0
    assert best.difference is not None and best.difference.mean == pytest.approx(2 / 3)


def test_runs_that_agree_on_every_problem_differ_by_zero_with_an_interval_of_some_width(tmp_path: Path) -> None:
    runs = [write(tmp_path / "beam", "a"), write(tmp_path / "best", "a", strategy="best_of_n")]
    _, row = compare_runs(find_runs(runs))
    assert row.difference == unanimous_interval(0.0, 3, DIFFERENCES)
    assert row.difference.lo < 0 < row.difference.hi


def test_another_seed_with_the_same_results_changes_neither_intervals_nor_p_values(tmp_path: Path) -> None:
    runs = [write(tmp_path / "beam", "abc"), write(tmp_path / "best", "a", strategy="best_of_n")]
    again = [
        write(tmp_path / "beam1", "abc", seed=1),
        write(tmp_path / "best1", "a", strategy="best_of_n", seed=1),
    ]
    single, double = compare_runs(find_runs(runs)), compare_runs(find_runs([*runs, *again]))
    assert [row.seeds for row in double] == [2, 2]
    assert [(row.accuracy, row.difference, row.p_value) for row in double] == [
        (row.accuracy, row.difference, row.p_value) for row in single
    ]


def test_every_difference_has_a_p_value_adjusted_for_the_number_of_comparisons(tmp_path: Path) -> None:
    runs = [write(tmp_path / name, solved, strategy=name) for name, solved in (("x", ""), ("y", "ab"), ("z", "abc"))]
    reference, *others = compare_runs(find_runs(runs))
    assert (reference.p_value, reference.p_holm) == (None, None)
    nothing = dict.fromkeys("abc", 0.0)
    expected = [paired_p_value(nothing | dict.fromkeys(solved, 1.0), nothing) for solved in ("ab", "abc")]
    assert [row.p_value for row in others] == expected == [0.5, 0.25]
    assert [row.p_holm for row in others] == holm(expected) == [0.5, 0.5]


def test_attempts_of_chains_are_averaged_over_seeds_and_paired(tmp_path: Path) -> None:
    for seed, signs in enumerate((("-+", "-+", "--"), ("++", "-+", "--"))):
        chains = [tuple(CandidateRecord("", "1", sign == "+", chain=0) for sign in chain) for chain in signs]
        chained = [replace(row, candidates=chain) for row, chain in zip(rows("a"), chains, strict=True)]
        write_run(tmp_path / str(seed), chained, strategy="revisions", seed=seed)
    runs = find_runs([tmp_path])
    first, second = compare_runs(runs, selections=["attempt-1", "attempt-2"])
    assert first.seeds == 2 and first.accuracy.mean == pytest.approx(1 / 6)
    assert second.difference is not None and second.difference.mean == pytest.approx(1 / 2)
    with pytest.raises(UserError, match=r"no selection attempt-3; use one of .*attempt-1"):
        compare_runs(runs, selections=["attempt-3"])


def test_an_impossible_comparison_is_refused_in_one_line(tmp_path: Path) -> None:
    runs = find_runs([write(tmp_path / "run", "a")])
    with pytest.raises(UserError, match="no selection hierarchical; use one of best, oracle, pass@1, weighted"):
        compare_runs(runs, selections=["hierarchical"])
    with pytest.raises(UserError, match=r"--reference 3: there are 1 rows; give 0 to 0\."):
        compare_runs(runs, reference=3)
    write_run(tmp_path / "other", [record("z", {"weighted": True})], strategy="best_of_n")
    with pytest.raises(UserError, match="other shares no problem with the others; compare runs on the same data"):
        compare_runs(find_runs([tmp_path / "run", tmp_path / "other"]))


def test_runs_of_data_sets_whose_ids_coincide_are_not_compared(tmp_path: Path) -> None:
    write(tmp_path / "run", "a")
    write_run(tmp_path / "other", [replace(row, gold="7") for row in rows("a")], strategy="best_of_n")
    message = r"the gold answer of problem 'a' is '1' in .*run but '7' in .*other; compare runs on the same data"
    with pytest.raises(UserError, match=message):
        compare_runs(find_runs([tmp_path / "run", tmp_path / "other"]))


def test_a_run_of_which_only_some_problems_have_chains_has_no_attempts(tmp_path: Path) -> None:
    first, *others = rows("a")
    chained = replace(first, candidates=(CandidateRecord("", "1", True, chain=0),))
    write_run(tmp_path, [first])
    write_lines(RunDirectory(tmp_path).problems_file, rows_of([chained, *others]))
    summary = RunDirectory(tmp_path).summary()
    write_json(tmp_path / "summary.json", {name: value for name, value in summary.items() if name != "files"})
    with pytest.raises(UserError, match="has problems without chains; run the experiment again"):
        compare_runs(find_runs([tmp_path]), selections=["attempt-1"])


# --- smaller budgets


def test_independent_samples_are_compared_at_a_smaller_budget_and_other_runs_at_their_own(tmp_path: Path) -> None:
    write_run(tmp_path / "beam", strategy="beam", budget=2, selections={"weighted": {}})
    write_run(tmp_path / "bon", budget=4)
    runs = find_runs([tmp_path / "beam", tmp_path / "bon"])
    beam, best = compare_runs(runs, selections=["oracle"], budget=2)
    assert differing_settings([beam, best]) == ["strategy"]  # both have a budget of 2
    assert (beam.samples, best.samples) == (None, 4)
    shares = (1.0, 1 - comb(2, 2) / comb(4, 2), 0.0, 1.0)  # correct 4, 2, 0 and 3 of 4
    assert best.accuracy.mean == pytest.approx(sum(shares) / 4)
    assert beam.accuracy.mean == 0.75
    assert (beam.generations, best.generations) == (4.0, 2.0)


def test_at_one_budget_a_larger_run_stands_for_the_smaller_ones_of_its_seed(tmp_path: Path) -> None:
    write_run(tmp_path / "0", budget=4)
    smaller = [replace(row, candidates=row.candidates[:2]) for row in records()]
    write_run(tmp_path / "1", smaller, budget=2)
    [row] = compare_runs(find_runs([tmp_path / "0", tmp_path / "1"]), selections=["oracle"], budget=2)
    assert (row.seeds, row.samples, row.settings["budget"]) == (1, 4, "2")
    [own] = compare_runs(find_runs([tmp_path / "1"]), selections=["oracle"], budget=2)
    assert own.samples is None


def test_a_budget_is_refused_where_no_run_has_independent_samples_or_one_has_too_few(tmp_path: Path) -> None:
    write_run(tmp_path / "beam", strategy="beam", selections={"weighted": {}})
    with pytest.raises(UserError, match=r"--budget 2: none of these runs has independent samples; leave it out\."):
        compare_runs(find_runs([tmp_path]), budget=2)
    write_run(tmp_path / "bon")
    with pytest.raises(UserError, match=r"--budget 8: .*bon has 4 samples per problem; give at most 4\."):
        compare_runs(find_runs([tmp_path]), budget=8)


# --- the table


def test_the_table_has_intervals_p_values_quintiles_and_costs(tmp_path: Path) -> None:
    runs = [write(tmp_path / name, solved, strategy=name) for name, solved in (("beam", "ab"), ("best_of_n", "abc"))]
    report = comparison_report(compare_runs(find_runs(runs)))
    console = Console(file=io.StringIO(), highlight=False)
    print_tables([report], console=console)
    assert isinstance(console.file, io.StringIO)
    heading, reference, row, note = console.file.getvalue().splitlines()
    columns = ["row", "strategy", "selection", "seeds", "accuracy", "%", "difference", "p", "q1", "q5", "generations"]
    assert heading.split() == [*columns, "FLOPs", "(paper)", "FLOPs", "(full)"]
    assert " ".join(reference.split()) == "0 beam weighted 1 66.7 [0.0, 100.0] 100.0 -65.8 0.0 +79.3 4 2 4"
    expected = "1 best_of_n weighted 1 100.0 [43.9, 100.0] +33.3 [+0.0, +100.0] 1.000 100.0 -65.8 100.0 -79.3 4 2 4"
    assert " ".join(row.split()) == expected
    assert note == "note: difference: to row 0, problem by problem; p: sign-flip test over problems"
    [_, line] = csv.DictReader(io.StringIO(comma_separated(report)))
    assert float(line["difference"]) == pytest.approx(1 / 3) and float(line["p"]) == float(line["p_holm"]) == 1.0
    assert (line["n"], line["flops"], line["flops_paper"], line["quintile_5"]) == ("3", "4.0", "2.0", "1.0")


def test_the_table_states_how_seeds_comparisons_and_smaller_budgets_were_treated(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path / f"bon{seed}", seed=seed)
        write_run(tmp_path / f"beam{seed}", seed=seed, strategy="beam", selections={"weighted": {}})
    found = compare_runs(find_runs([tmp_path]), selections=["oracle", "weighted"], budget=2)
    report = comparison_report(found)
    assert [*report.notes] == [
        "difference: to row 0, problem by problem; p: sign-flip test over problems, adjusted by Holm for 3 comparisons",
        "intervals: 95%, over problems; the seeds of a problem are averaged and resampled together",
        "rows 2, 3: unbiased, from subsets of 4 independent samples per problem",
    ]
    assert "p (Holm)" in markdown(report) and "| p |" not in markdown(report)


def test_equal_runs_differ_by_zero_with_an_interval_of_some_width(tmp_path: Path) -> None:
    runs = [write(tmp_path / name, "abc", strategy=name) for name in ("beam", "best_of_n")]
    assert "+0.0 [-56.1, +56.1] | 1.000" in markdown(comparison_report(compare_runs(find_runs(runs))))
