r"""Comparison of formulas with math-verify and sympy: sums, integrals, matrices, and whatever else has no plain value.

sympy may hang, so only the grading worker calls `same_formula`. `comparable` keeps out most of what would.
"""

from __future__ import annotations

import re
from typing import Any

RELATIVE_TOLERANCE = 1e-6
_MAX_CHARACTERS = 300
_MAX_OPERATORS = 60
_MAX_FUNCTIONS = 6
_MAX_COSTLY_CHARACTERS = 80  # of a sum, product, integral or limit
_OPERATOR = re.compile(r"[-+/^!(]|\\[a-z]+")
_FUNCTION = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc|arc[a-z]+|log|ln|exp|sqrt)(?![a-z])")
_BOUNDS = re.compile(r"\\(?:sum|prod|int)_(?:\{[^{}]*\}|\w)\^(?:\{[^{}]*\}|\\infty|\w)")
_HARD_TO_INTEGRATE = re.compile(r"!|[a-df-zA-Z)}]\^(?:\{-?\d*\(?)?[a-z\\]")  # factorials and variable powers
_LONG_SUM = re.compile(r"\\(?:sum|prod)_\{[^{}]*\}\^(?:\{[^{}]*(?:\^|\d{3})|\d{3})")
_LARGE_NUMBER = re.compile(r"\d{16}|!!|matrix\}\^\{?(?:[4-9]|\d\d)|\d{3,}\}?\)?!|\^\{?-?\d{4}")
_TOWER = re.compile(r"\^\{?\(?[^{}^]*\^\{?\(?[^{}^]*\^")
_WORD = re.compile(r"(?<![\\{A-Za-z])[A-Za-z]{4,}")
_INDEXED_NUMBER = re.compile(r"\d_")  # latex2sympy drops the base of 101_2
_PRIME = re.compile(r"'")  # and the prime of f'
_IMAGINARY = re.compile(r"(?<=\d)i(?![A-Za-z])")  # math-verify parses the i of 9i as a variable, but not that of 9 i
_COSTLY = re.compile(r"\\(?:sum|prod|int|iint|iiint|lim)(?![a-z])")


def same_formula(answer: str, gold: str) -> bool:
    """Compare two formulas with math-verify, with its own SIGALRM limit disabled."""
    if not comparable(answer, gold):
        return False
    from math_verify import verify

    golds, answers = _parse(gold), _parse(answer)
    return (
        bool(golds and answers)
        and not (_is_relation(golds[0]) or _is_relation(answers[0]))
        and verify(golds, answers, timeout_seconds=None)
        and _is_close(answers[0], golds[0])
    )


def comparable(answer: str, gold: str) -> bool:
    """Whether sympy can be expected to read two formulas as they are meant, and to compare them in time."""
    same_kind = ("\\begin" in answer) == ("\\begin" in gold) and _capitals(answer) == _capitals(gold)
    return same_kind and _fits(answer) and _fits(gold)


def _fits(formula: str) -> bool:
    if len(formula) > _MAX_CHARACTERS or len(_OPERATOR.findall(formula)) > _MAX_OPERATORS:
        return False
    if any(pattern.search(formula) for pattern in (_LARGE_NUMBER, _TOWER, _LONG_SUM, _WORD, _INDEXED_NUMBER, _PRIME)):
        return False
    functions, costly = len(_FUNCTION.findall(formula)), len(_COSTLY.findall(formula))
    if not costly:
        return functions <= _MAX_FUNCTIONS
    if len(formula) > _MAX_COSTLY_CHARACTERS or functions > 2 or costly > 2:
        return False
    return not _HARD_TO_INTEGRATE.search(_BOUNDS.sub(" ", formula))


def _capitals(formula: str) -> set[str]:
    """Return the capital letters of a formula: math-verify reads R and r as one name."""
    return set(re.findall(r"[A-Z]", re.sub(r"\\[A-Za-z]+", "", formula)))


def _parse(formula: str) -> Any:
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    # units=False: otherwise the k of 2k is parsed as a unit. Units have already been removed.
    normalization = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none"
    )
    config = LatexExtractionConfig(normalization_config=normalization, boxed_match_priority=-1)
    formula = _IMAGINARY.sub(" i", formula)
    return parse(f"${formula}$", [config], fallback_mode="no_fallback", parsing_timeout=None)


def _is_relation(expression: Any) -> bool:
    """Whether an expression is an equation: math-verify takes equations without solutions for equal."""
    from latex2sympy2_extended.logic import And
    from sympy.core.relational import Relational

    return isinstance(expression, Relational | And)


def _is_close(answer: Any, gold: Any) -> bool:
    """Reject numbers that math-verify accepts only because both are tiny: it rounds to six decimal places."""
    try:
        if answer.free_symbols or gold.free_symbols:
            return True
        difference, size = abs((answer - gold).evalf(30)), abs(gold.evalf(30))
        return bool(difference <= RELATIVE_TOLERANCE * size)
    except (AttributeError, TypeError, ValueError):  # sets, relations and matrices are not numbers
        return True
