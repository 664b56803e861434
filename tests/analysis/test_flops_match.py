"""How many generations of a small model cost as many FLOPs as one of a larger model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.analysis.flops_match import Formula, matched_factor
from ttc.errors import UserError


def total_flops(parameters: float, pretrained: float, decoded: float, formula: Formula) -> float:
    """Return the FLOPs of pretraining and inference as the paper writes them: X = 6 N D, Y = 2 N D or 4 N D."""
    inference = {Formula.arxiv: 2, Formula.iclr: 4}[formula]
    return 6 * parameters * pretrained + inference * parameters * decoded


@pytest.mark.parametrize(
    ("formula", "expected"),
    [(Formula.arxiv, [257.75, 63.3671, 15.7727]), (Formula.iclr, [257.75, 62.75, 15.7727])],
)
def test_against_a_model_14_times_larger_the_paper_samples_258_63_and_16(
    formula: Formula, expected: list[float]
) -> None:
    factors = [matched_factor(14, r, formula) for r in formula.ratios]
    assert factors == pytest.approx(expected, rel=1e-5) and [round(factor) for factor in factors] == [258, 63, 16]


@given(st.floats(1.01, 1000), st.floats(0.001, 1000), st.sampled_from(Formula))
def test_both_models_take_the_same_flops(size_ratio: float, r: float, formula: Formula) -> None:
    pretrained = 1e9
    decoded = r * pretrained
    large = total_flops(size_ratio, pretrained, decoded, formula)
    small = total_flops(1, pretrained, decoded * matched_factor(size_ratio, r, formula), formula)
    assert small == pytest.approx(large)


@given(st.floats(1.01, 100), st.floats(0.01, 10), st.floats(1.01, 100))
def test_the_more_is_decoded_the_fewer_samples_it_is_but_never_fewer_than_the_size_ratio(
    size_ratio: float, r: float, times: float
) -> None:
    assert matched_factor(size_ratio, r) > matched_factor(size_ratio, r * times) > size_ratio


@pytest.mark.parametrize(
    ("size_ratio", "r", "words"),
    [
        (1.0, 0.16, "--size-ratio 1: must be above 1: "),
        (float("nan"), 0.16, "--size-ratio nan: must be above 1: "),
        (float("inf"), 0.16, "--size-ratio inf: must be above 1: "),
        (14.0, 0.0, "--r 0: must be above 0: "),
        (14.0, -1.0, "--r -1: must be above 0: "),
        (14.0, float("nan"), "--r nan: must be above 0: "),
    ],
)
def test_impossible_numbers_are_one_line(size_ratio: float, r: float, words: str) -> None:
    with pytest.raises(UserError) as caught:
        matched_factor(size_ratio, r)
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)
