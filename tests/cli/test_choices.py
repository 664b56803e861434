"""Options whose value is one of a few names."""

from __future__ import annotations

from enum import StrEnum

import pytest

from ttc.analysis.flops_match import Formula
from ttc.analysis.formats import TableFormat
from ttc.analysis.menu import MenuKind
from ttc.analysis.scaling_sides import TokenCount
from ttc.cli.choices import chosen
from ttc.difficulty.learning import Regression
from ttc.errors import UserError

OPTIONS: list[tuple[type[StrEnum], str, str]] = [
    (TableFormat, "--format", "text, md, csv, latex"),
    (MenuKind, "--menu", "search, revisions, joint"),
    (Formula, "--formula", "arxiv, iclr"),
    (TokenCount, "--tokens", "equal, measured"),
    (Regression, "--regression", "ridge, logistic"),
]


@pytest.mark.parametrize(("kind", "option", "names"), OPTIONS)
def test_a_known_name_is_found_and_an_unknown_one_is_refused_with_those_that_are(
    kind: type[StrEnum], option: str, names: str
) -> None:
    assert [chosen(kind, option, name) for name in names.split(", ")] == list(kind)
    with pytest.raises(UserError, match=rf"^{option} other: is not known; use {names}\.$"):
        chosen(kind, option, "other")
