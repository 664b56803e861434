"""Scores become values in [0, 1] that keep their order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.data.sampled.rows import Completion, SampledProblem
from ttc.data.sampled.scales import Scale, scaling_of, sigmoid
from ttc.errors import UserError
from ttc.types import Problem


def scored(*scores: float) -> list[SampledProblem]:
    completions = tuple(Completion("\\boxed{2}", (score,)) for score in scores)
    return [SampledProblem(Problem("p", "1+1?", "2"), completions)]


def values(scores: Sequence[float], scale: Scale = Scale.auto) -> list[float]:
    return [*map(scaling_of(scored(*scores), scale).value, scores)]


def test_scores_in_the_unit_interval_are_probabilities_and_stay_as_they_are() -> None:
    found = scaling_of(scored(0, 0.3, 1), Scale.auto)
    assert (found.scale, found.note) == (Scale.probability, None) and values([0, 0.3, 1]) == [0, 0.3, 1]


def test_other_scores_are_logits_and_a_note_says_so() -> None:
    found = scaling_of(scored(-4.25, 6), Scale.auto)
    assert found.scale is Scale.logit and values([-4.25, 6]) == [sigmoid(-4.25), sigmoid(6)]
    assert found.note is not None and found.note.startswith("scores from -4.25 to 6 are taken for logits")


def test_scores_that_the_sigmoid_would_make_equal_are_stretched_instead() -> None:
    assert values([40, 50, 60]) == [0, 0.5, 1]
    logits = scaling_of(scored(40, 50, 60), Scale.logit)
    assert logits.note is not None and "makes 2 of 3 equal to others" in logits.note


def test_raw_scores_are_stretched_over_all_problems_even_within_the_unit_interval() -> None:
    assert values([0.25, 0.5], Scale.raw) == [0, 1] and values([3, 3], Scale.raw) == [0.5, 0.5]


@given(
    st.lists(st.floats(-1e308, 1e308, allow_nan=False), min_size=1, max_size=6),
    st.sampled_from([Scale.auto, Scale.logit, Scale.raw]),
)
def test_values_lie_in_the_unit_interval_and_never_reverse_an_order(scores: list[float], scale: Scale) -> None:
    ordered = values(sorted(scores), scale)
    assert all(0 <= value <= 1 for value in ordered) and ordered == sorted(ordered)


@given(st.floats(-700, 700))
def test_the_sigmoid_is_that_of_its_definition(score: float) -> None:
    assert math.isclose(sigmoid(score), 1 / (1 + math.exp(-score)), rel_tol=1e-12)


def test_a_probability_outside_the_unit_interval_is_refused() -> None:
    with pytest.raises(UserError, match=r"the scores go from 0.5 to 1.5; .*--scores logit or raw"):
        scaling_of(scored(0.5, 1.5), Scale.probability)


def test_a_part_without_scores_is_refused_and_none_at_all_is_not() -> None:
    problems = [*scored(0.5), SampledProblem(Problem("q", "2+2?", "4"), (Completion("a", (1.0,)), Completion("b")))]
    with pytest.raises(UserError, match=r"completion 2 of problem 'q' has no score, but others have; .*--scores none"):
        scaling_of(problems, Scale.auto)
    assert scaling_of(problems, Scale.none).scale is Scale.none
    without = [SampledProblem(Problem("q", "2+2?", "4"), (Completion("a"),))]
    assert scaling_of(without, Scale.auto).scale is Scale.none
    with pytest.raises(UserError, match=r"--scores logit: the rows have no scores; leave it out"):
        scaling_of(without, Scale.logit)
