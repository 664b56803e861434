"""LaTeX becomes MathML from a short list of elements; whatever else it is, stays as it was written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.report.formulas import PATTERN, Formulas, Node, answer_formula, convert, find_formulas

HOSTILE = [
    r"$\href{javascript:alert(1)}{x}$",
    r"$\text{<script>alert(1)</script>}$",
    r"$\class{evil}{x} \style{background:url(//e)}{y} \cssId{i}{z}$",
    r"$\color{red;background:url(x)} x$",
    r"$\require{action} \toggle{a}{b}\endtoggle$",
    r"$\unicode{x3c} \char60 &lt;script&gt;$",
    r"$\begin{array}{c\" onload=\"alert(1)} x \end{array}$",
    "$\\text{\x1b[31m\u202e}$",
    r"$\text{]]><script>alert(1)</script><![CDATA[}$",
]


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node[2:]:
        if isinstance(child, list):
            yield from nodes(child)


def check(node: Node | None) -> None:
    """Check that a formula holds nothing that could act."""
    for tag, attributes, *_ in nodes(node) if node else ():
        assert re.fullmatch("m[a-z]+", str(tag)) and tag not in ("maction", "mglyph", "ms")
        assert isinstance(attributes, dict) or attributes == 0
        for name, value in (attributes or {}).items():  # type: ignore[union-attr]
            assert name not in ("href", "class", "style", "id", "src", "mathbackground") and not name.startswith("on")
            assert re.fullmatch(r"[\w .%+-]*", value)


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_latex_becomes_nothing_that_acts(source: str) -> None:
    check(convert(source))


@given(st.text(alphabet=r"\{}$^_&<>'\"/ax1()[]hreftcolsy:;#%", max_size=60))
def test_any_text_is_converted_safely_or_not_at_all(text: str) -> None:
    check(convert(f"${text}$"))


def test_a_fraction_is_a_fraction() -> None:
    assert convert(r"$\frac{1}{2}$") == ["math", 0, ["mfrac", 0, ["mn", 0, "1"], ["mn", 0, "2"]]]


def test_a_displayed_formula_says_so() -> None:
    node = convert(r"\[x\]")
    assert node is not None and node[1] == {"display": "block"}


@pytest.mark.parametrize("source", ["$$ $$", "$" + "x" * 2000 + "$", "$" + "{" * 400 + "}" * 400 + "$", r"$\frac{$"])
def test_what_is_too_long_too_deep_or_broken_stays_text(source: str) -> None:
    assert convert(source) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Let $x$ be $y^2$.", ["$x$", "$y^2$"]),
        (r"\(a\) and \[b\] and $$c$$", [r"\(a\)", r"\[b\]", "$$c$$"]),
        ("It costs $5 or $6.", []),
        (r"It costs \$5, and $x = \$6$.", [r"$x = \$6$"]),
        ("a $ b $ c", []),
        ("an open $x", []),
    ],
)
def test_formulas_are_found_by_their_delimiters(text: str, found: list[str]) -> None:
    assert [*find_formulas([text])] == found


def test_the_pattern_is_quick_on_unclosed_delimiters() -> None:
    assert not find_formulas(["$ x" * 3000 + r"\[\(" * 3000])


def test_the_pattern_means_the_same_in_javascript() -> None:
    # No construct whose syntax or meaning differs between the two languages.
    assert "(?P" not in PATTERN and "\\Z" not in PATTERN and "\\A" not in PATTERN and "(?i" not in PATTERN
    json.dumps(PATTERN)


def test_only_the_commonest_formulas_are_converted() -> None:
    formulas = Formulas({"$a$": 1, "$b$": 3, "$c$": 2}, limit=2)
    assert [*formulas.among(["$a$", "$b$", "$c$"])] == ["$b$", "$c$"]


@pytest.mark.parametrize(("answer", "formula"), [("13", None), ("x^2", "$x^2$"), (r"\pi", r"$\pi$"), (r"\$5", None)])
def test_answers_are_formulas_where_they_hold_latex(answer: str, formula: str | None) -> None:
    assert answer_formula(answer) == formula
