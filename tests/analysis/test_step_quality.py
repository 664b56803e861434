"""First errors, ranking and calibration on rated steps, against hand-computed numbers and brute force."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from ttc.analysis.first_error import Attempt, FirstErrors
from ttc.analysis.formats import TableFormat, print_tables
from ttc.analysis.rated_steps import ScoredSteps
from ttc.analysis.step_quality import StepQuality, measure_steps
from ttc.analysis.step_quality_report import quality_tables, write_quality
from ttc.data.step_labels import StepLabels
from ttc.files import read_csv


def scored(
    values: Sequence[float | None], labels: Sequence[bool | None], question: str = "q", partial: int = 0
) -> ScoredSteps:
    id_ = f"{question}-{values}"
    steps = tuple(f"secret {n}\n\n" for n in range(len(values)))
    return ScoredSteps(StepLabels(id_, question, steps, tuple(labels)), tuple(values), partial)


def to_first_error(values: Sequence[float], first_error: int | None, question: str = "q") -> ScoredSteps:
    n = len(values)
    if first_error is None:
        return scored(values, [True] * n, question)
    return scored(values, [True] * first_error + [False] + [None] * (n - first_error - 1), question)


def random_solutions(seed: int, n: int, signal: float = 0.0) -> list[ScoredSteps]:
    """Return solutions of n/2 problems with few distinct values, so that there are ties."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        steps = int(rng.integers(1, 7))
        first = None if rng.random() < 0.4 else int(rng.integers(0, steps))
        values = rng.integers(0, 11, steps) / 10
        if first is not None:
            values[first] *= 1 - signal
        found.append(to_first_error([*map(float, values)], first, f"q{number // 2}"))
    return found


def attempts(solutions: Sequence[ScoredSteps]) -> list[Attempt]:
    return [
        Attempt(s.solution.question, tuple(float(v) for v in s.values if v is not None), s.solution.first_error)
        for s in solutions
    ]


def counted(tried: Sequence[Attempt], threshold: float) -> tuple[float, float, float]:
    """Return both accuracies and F1 as ProcessBench's definition reads."""
    shares = []
    for kind in (True, False):
        members = [a for a in tried if (a.first_error is not None) is kind]
        predicted = [next((n for n, value in enumerate(a.values) if value < threshold), None) for a in members]
        shares.append(sum(p == a.first_error for p, a in zip(predicted, members, strict=True)) / len(members))
    wrong, correct = shares
    return wrong, correct, 2 * wrong * correct / (wrong + correct) if wrong + correct else 0.0


def test_a_small_example_gives_the_numbers_of_a_calculation_by_hand() -> None:
    found = measure_steps(
        [
            to_first_error([0.9, 0.4, 0.2], 1, "a"),  # found at 0.5
            to_first_error([0.3, 0.8], 1, "b"),  # step 0 is predicted instead
            to_first_error([0.9, 0.6], None, "c"),  # found
            to_first_error([0.7, 0.4], None, "d"),  # predicted wrong
        ]
    )
    first = found.first_errors
    assert first is not None and (first.n_wrong, first.n_correct) == (2, 2)
    assert (first.fixed.wrong.mean, first.fixed.correct.mean, first.fixed.f1.mean) == (0.5, 0.5, 0.5)
    assert first.fixed.wrong.n == 2 and first.fixed.f1.n == 4
    guess = (1 / 4 + 1 / 3) / 2, 1 / 3
    assert first.chance == pytest.approx((*guess, 2 * guess[0] * guess[1] / sum(guess)))
    assert (found.n_solutions, found.n_steps, found.n_wrong_steps, found.n_left_out) == (4, 8, 2, 0)
    # correct steps: 0.9 0.3 0.9 0.6 0.7 0.4; wrong ones: 0.4 0.8
    pooled = found.measures["AUC, correct against wrong steps"]
    assert pooled.value.mean == pytest.approx((4.5 + 2) / 12) and pooled.chance == 0.5
    within = found.measures["AUC within a solution"]
    assert within.value.mean == 0.5 and within.position == 1  # of 0.9 against 0.4, and of 0.3 against 0.8
    solutions = found.measures["AUC, correct against wrong solutions"]  # 0.6 0.4 against 0.2 0.3, all steps counted
    assert solutions.value.mean == 1 and solutions.position == pytest.approx(3 / 4)
    assert solutions.chance == pytest.approx((3 / 5 + 2 / 4) / 2)  # 2 steps against 3, and 2 against 2
    squares = [0.01, 0.16, 0.49, 0.64, 0.01, 0.16, 0.09, 0.36]
    assert found.measures["Brier score"].value.mean == pytest.approx(sum(squares) / 8)
    assert found.measures["Brier score"].chance == pytest.approx(6 / 8 * 2 / 8)
    gaps = [2 - 0.9 - 0.9, 1 - 0.3, 1 - 0.7, 1 - 0.6, 1 - 0.4 - 0.4, 0.8]  # of each bin, summed over its steps
    assert found.measures["calibration error"].value.mean == pytest.approx(sum(gaps) / 8)
    assert sum(b.n for b in found.reliability) == 8
    assert [share.mean for share in found.shares] == pytest.approx([b.correct for b in found.reliability])
    assert all(0 <= share.lo < share.hi <= 1 for share in found.shares)


@pytest.mark.parametrize("seed", range(6))
def test_accuracies_agree_with_a_count_at_every_threshold(seed: int) -> None:
    tried = attempts(random_solutions(seed, 40, signal=0.5))
    found = FirstErrors(tried)
    thresholds = np.array([0.0, 0.05, 0.1, 0.35, 0.5, 0.7, 0.75, 1.0, 1.1])
    curve = found.curve(thresholds)
    for number, threshold in enumerate(thresholds):
        expected = counted(tried, threshold)
        assert (curve.wrong[number], curve.correct[number], curve.f1[number]) == pytest.approx(expected)
        score = found.at(float(threshold))
        assert (score.wrong.mean, score.correct.mean, score.f1.mean) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_the_threshold_of_a_half_is_the_best_on_the_other_half_alone(seed: int) -> None:
    tried = attempts(random_solutions(seed, 60, signal=0.6))
    found = FirstErrors(tried)
    score = found.cross_fitted()
    assert score is not None
    for half in (0, 1):
        others = [a for a, own in zip(tried, found.half, strict=True) if own != half]
        best = max(counted(others, threshold)[2] for threshold in np.linspace(0, 1.1, 221))
        assert counted(others, score.thresholds[half])[2] == pytest.approx(best)
    hits = [0, 0]
    for a, half in zip(tried, found.half, strict=True):
        predicted = next((n for n, value in enumerate(a.values) if value < score.thresholds[half]), None)
        hits[a.first_error is None] += predicted == a.first_error
    n_wrong = int(found.wrong.sum())
    assert score.wrong.mean == pytest.approx(hits[0] / n_wrong)
    assert score.correct.mean == pytest.approx(hits[1] / (len(tried) - n_wrong))


def test_solutions_of_one_problem_are_in_one_half() -> None:
    tried = attempts(random_solutions(0, 200))
    halves = FirstErrors(tried).half
    assert {len({h for a, h in zip(tried, halves, strict=True) if a.question == f"q{n}"}) for n in range(100)} == {1}
    assert 60 < halves.sum() < 140


def test_no_threshold_is_chosen_where_a_half_has_one_kind_of_solutions() -> None:
    assert FirstErrors([Attempt("q", (0.5,), None), Attempt("q", (0.4,), 0)]).cross_fitted() is None


def test_unanimous_results_have_an_interval_too() -> None:
    found = measure_steps([to_first_error([0.9, 0.1], 1 if n % 2 else None, f"q{n}") for n in range(20)])
    first = found.first_errors
    assert first is not None
    assert first.fixed.wrong.mean == 1 and 0.5 < first.fixed.wrong.lo < 0.9 and first.fixed.wrong.hi == 1
    assert first.fixed.correct.mean == 0 and 0.1 < first.fixed.correct.hi < 0.5
    high = first.fixed.correct.hi
    assert (first.fixed.f1.mean, first.fixed.f1.lo) == (0, 0) and first.fixed.f1.hi == pytest.approx(
        2 * high / (1 + high)
    )


def test_noise_is_at_chance_and_a_good_verifier_is_not() -> None:
    noise, good = (measure_steps(random_solutions(1, 600, signal)) for signal in (0.0, 0.9))
    pooled = [q.measures["AUC, correct against wrong steps"].value for q in (noise, good)]
    assert pooled[0].lo < 0.5 < pooled[0].hi and pooled[1].lo > 0.7
    f1 = [q.first_errors.cross_fitted.f1 for q in (noise, good) if q.first_errors and q.first_errors.cross_fitted]
    assert f1[1].lo > f1[0].hi


def test_the_chance_of_ranking_solutions_is_what_noise_gets_whatever_their_lengths() -> None:
    rng = np.random.default_rng(0)
    found = [to_first_error(rng.random(8).tolist(), 3, f"w{n}") for n in range(400)]
    found += [to_first_error(rng.random(2).tolist(), None, f"c{n}") for n in range(400)]
    measure = measure_steps(found).measures["AUC, correct against wrong solutions"]
    assert measure.chance == pytest.approx(0.8) and measure.value.lo < 0.8 < measure.value.hi


def test_solutions_that_were_not_read_to_their_end_are_counted_and_not_measured() -> None:
    whole = random_solutions(0, 20)
    cut = scored([0.5, 0.5], [True, False], "long", partial=1)
    assert measure_steps([*whole, cut]).n_left_out == 1
    assert measure_steps([*whole, cut]).measures == measure_steps(whole).measures
    with pytest.raises(ValueError, match="no solution was read to its end"):
        measure_steps([cut])


def test_steps_without_values_or_ratings_do_not_count_and_measures_without_both_kinds_are_left_out() -> None:
    found = measure_steps([scored([None, 0.2, 0.7], [None, False, True], "a"), scored([0.6], [True], "b")])
    assert (found.n_steps, found.n_wrong_steps, found.first_errors) == (3, 1, None)
    assert found.measures["AUC within a solution"].value.mean == 1
    assert "AUC, correct against wrong solutions" not in found.measures
    right = measure_steps([scored([0.6], [True], "b")])
    assert set(right.measures) == {"Brier score", "calibration error"}


def test_a_solution_labelled_to_its_first_error_needs_all_values() -> None:
    incomplete = scored([0.5, None], [False, None], "a")
    with pytest.raises(ValueError, match="labelled to its first error, but not all steps are scored"):
        measure_steps([incomplete, to_first_error([0.9], None)])


def test_the_order_of_solutions_changes_nothing() -> None:
    solutions = random_solutions(3, 60, 0.5)
    found, turned = measure_steps(solutions), measure_steps(solutions[::-1])
    assert found.first_errors == turned.first_errors
    for name, measure in found.measures.items():
        assert astuple(turned.measures[name].value) == pytest.approx(astuple(measure.value))


@pytest.fixture(scope="module")
def quality() -> StepQuality:
    return measure_steps(random_solutions(0, 80, signal=0.5))


@pytest.mark.parametrize("table_format", TableFormat)
def test_tables_are_printed_in_every_format(
    quality: StepQuality, capsys: pytest.CaptureFixture[str], table_format: TableFormat
) -> None:
    print_tables(quality_tables(quality, "pocket on rows.jsonl"), table_format)
    out = capsys.readouterr().out
    assert "chance" in out and "position alone" in out and "Brier score" in out and "F1" in out and "nan" not in out


def test_files_hold_all_measures_and_values_and_no_text_of_the_data(quality: StepQuality, tmp_path: Path) -> None:
    solutions = random_solutions(0, 80, signal=0.5)
    cut = scored([0.5], [True], "long", partial=1)
    write_quality(tmp_path, quality, [*solutions, cut], {"verifier": {"name": "pocket"}})
    assert {file.name for file in tmp_path.iterdir()} == {
        *("step_quality.json", "values.csv", "step_quality.png", "step_quality.svg")
    }
    saved = json.loads((tmp_path / "step_quality.json").read_text())
    assert saved["verifier"] == {"name": "pocket"} and saved["n_solutions"] == 80
    assert set(saved["first_errors"]["fixed"]["f1"]) == {"mean", "lo", "hi", "n"}
    values = read_csv(tmp_path / "values.csv")
    assert list(values.columns) == ["id", "step", "label", "value"]
    assert len(values) == sum(len(s.values) for s in solutions)
    assert set(values["label"].fillna("")) == {"correct", "wrong", ""}
    assert not any(b"secret" in file.read_bytes() for file in tmp_path.iterdir())
    assert (tmp_path / "step_quality.png").read_bytes().startswith(b"\x89PNG")


def test_the_figure_of_data_without_first_errors_is_drawn(tmp_path: Path) -> None:
    found = measure_steps([scored([None, 0.2, 0.7], [None, False, True], "a")])
    write_quality(tmp_path, found, [], {})
    assert "</svg>" in (tmp_path / "step_quality.svg").read_text()
