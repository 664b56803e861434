"""Formulas are equal if their values are: exactly, at several points, and within limits."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.grading.formula import UnreadableFormulaError, names_in, parse_formula
from ttc.grading.numeric import rounds_to, same_equation, same_inequality, same_value

leaves = st.sampled_from(["x", "y", "a_1", "2", "3", "7", "0.5", r"\pi "])
formulas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}+{pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: rf"{pair[0]}\cdot {pair[1]}"),
        st.tuples(inner, inner).map(lambda pair: rf"\frac{{{pair[0]}}}{{{pair[1]}}}"),
        st.tuples(inner, st.sampled_from(["2", "3"])).map(lambda pair: f"({pair[0]})^{pair[1]}"),
        inner.map(lambda formula: rf"\sqrt{{{formula}}}"),
        inner.map(lambda formula: rf"\sin({formula})"),
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(formulas, formulas)
def test_rearranged_formulas_are_equal_and_changed_ones_are_not(first: str, second: str) -> None:
    assert same_value(f"({first})+({second})", f"({second})+({first})") is True
    assert same_value(rf"({first})\cdot({second})", rf"({second})\cdot({first})") is True
    assert same_value(first, f"({first})+10^{{-30}}") is False
    assert same_value(first, f"({first})+z") is False


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1-5051/2^{100}", "1-5051/2^{101}"), ("2^{1000}+1", "2^{1000}"), (r"\frac{\pi}{2^{300}}",
        r"\frac{\pi}{2^{301}}"),
        (r"\sqrt{x^2}", "x"), ("|x|", "x"), (r"\lfloor x\rfloor", r"\lfloor y\rfloor"), ("R^2-r^2", "0"), ("x_1",
        "x_2"),
        ("f(2x)", "2f(x)"), ("f'(x)", "f(x)"), (r"\ln x", r"\log x"), (r"\log_{5}8", r"\log_{4}8"), ("x!", "x"),
    ],
)  # fmt: skip
def test_formulas_with_different_values_differ(first: str, second: str) -> None:
    assert same_value(first, second) is False


def test_homogeneous_equations_differ_although_scaled_points_would_not_tell() -> None:
    assert same_equation(("x^2", "8r^2"), ("s^2", "8r^2")) is False
    assert same_equation(("x^2-y^2", "0"), ("x^2+y^2", "0")) is False
    assert same_equation(("x^2-y^2", "0"), ("2y^2", "2x^2")) is True


def test_equations_are_equal_up_to_a_factor_and_inequalities_up_to_a_positive_one() -> None:
    assert same_equation(("2x-y", "4"), ("y", "2x-4")) is True
    assert same_equation(("y", r"\frac{1}{x}"), ("xy", "1")) is True
    assert same_inequality(("x", "1"), ("-1", "-x")) is True
    assert same_inequality(("x", "1"), ("-x", "-1")) is False


def test_equations_without_variables_are_compared_side_by_side() -> None:
    assert same_equation((r"\log_6(216)", "3"), (r"\log_{6}216", "3")) is True
    assert same_equation((r"\log_6(216)", "3"), ("1", "1")) is False
    assert same_equation((r"x^2+1", "0"), ("5", "0")) is False


def test_a_decimal_with_enough_digits_is_the_rounding_of_an_irrational_number() -> None:
    assert rounds_to(r"\sqrt{2}", Fraction("1.41421356"), 8)
    assert not rounds_to(r"\sqrt{2}", Fraction("1.41421355"), 8)
    assert not rounds_to("x", Fraction("1.41421356"), 8)


@pytest.mark.parametrize(
    "formula",
    ["9^{9^{9^{9}}}", "1000000!", "(9!)!",
    "2^{" * 30 + "2" + "}" * 30, r"\sin(" * 39 + "x" + ")" * 39, r"\sqrt{" * 39 + "2" + "}" * 39,
     "1+" * 190 + "1", "x^{100000000}", r"\binom{10^{9}}{5}", r"\frac{1}{0}", "0^{-1}", r"\tan(10^{99})",
     r"\exp{\exp{\exp{99}}}",
     r"\sin" * 190 + "x", "-" * 300 + "x", "!" * 50, "x" + "!" * 300],
)  # fmt: skip
def test_what_is_too_large_or_undefined_is_decided_at_once(formula: str) -> None:
    started = time.process_time()
    assert not same_value(formula, "5")
    assert not same_value(formula, "y+1")
    assert time.process_time() - started < 1


@pytest.mark.parametrize("fraction", [r"\frac{1}{x+INNER}", r"\frac{1}{x+INNER}+\frac{1}{x}", r"\frac{x+INNER}{y+2}"])
def test_equations_of_nested_fractions_are_decided_at_once_however_deep(fraction: str) -> None:
    def nested(innermost: str, depth: int) -> str:
        for _ in range(depth):
            innermost = fraction.replace("INNER", innermost)
        return innermost

    for depth in (5, 10, 15, 20):
        started = time.process_time()
        assert same_equation(("2y", nested("2", depth)), ("2y", nested("3", depth))) is False
        assert same_equation(("2y", nested("2", depth)), (nested("2+z-z", depth) + "-y", "y")) is True
        assert time.process_time() - started < 1


def test_equations_multiplied_by_their_denominators_are_the_same() -> None:
    assert same_equation(("y", r"\frac{1}{x+\frac{1}{x}}"), ("y(x^2+1)", "x")) is True
    assert same_equation((r"\frac{1}{x}+\frac{1}{y}+\frac{1}{z}", "2"), ("yz+xz+xy", "2xyz")) is True
    assert same_equation((r"\frac{x}{2}-\frac{\frac{y}{x}}{3}", "0"), ("3x^2", "2y")) is True
    assert same_equation(("y", r"\frac{1}{x+\frac{1}{x}}"), ("y(x^2+1)", "2x")) is False


@pytest.mark.parametrize(
    "line", ["2\\frac{1}{2}", "x^12", "2 3", "101_2", "the mean", r"\int x", r"\sum k", "mane", "x2", "(a", "a)", ""]
)
def test_what_may_be_misread_is_not_read(line: str) -> None:
    with pytest.raises(UnreadableFormulaError):
        parse_formula(line)


def test_names_keep_their_case_indices_and_primes() -> None:
    assert names_in(parse_formula(r"R^2-r_1+x'+\alpha_{12}+\vec{a}e^{i\pi}")) == {
        "R",
        "r_1",
        "x'",
        r"\alpha_12",
        r"\veca",
    }
