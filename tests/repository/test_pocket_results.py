"""The committed results on the pocket belong together: the claims follow from their data, the figures have theirs."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from ttc.figures.catalogue import FIGURES, Figure
from ttc.figures.claims import Verdict, claims_markdown, judge
from ttc.figures.drawing import draw
from ttc.figures.tables import COLUMNS

RESULTS = Path(__file__).parents[2] / "outputs" / "pocket" / "figures"


def test_the_claims_table_is_what_its_data_say() -> None:
    judgements = judge(pd.read_csv(RESULTS / "claims.csv"))
    page = (RESULTS / "claims.md").read_text(encoding="utf-8")
    made = page[page.index("Made by") : page.index("\nDifferences")]
    assert page == f"# The paper's claims\n\n{claims_markdown(judgements, made)}"


def test_most_claims_are_decided() -> None:
    verdicts = [judgement.verdict for judgement in judge(pd.read_csv(RESULTS / "claims.csv"))]
    assert sum(verdict in (Verdict.holds, Verdict.fails) for verdict in verdicts) >= 10


def test_every_figure_is_in_the_index_with_its_picture_and_its_data() -> None:
    index = json.loads((RESULTS / "index.json").read_text(encoding="utf-8"))["figures"]
    assert [entry["name"] for entry in index] == [figure.name for figure in FIGURES]
    page = (RESULTS / "README.md").read_text(encoding="utf-8")
    for figure in FIGURES:
        assert (RESULTS / f"{figure.name}.svg").is_file() and f"({figure.name}.svg)" in page


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: str(figure.number))
def test_a_committed_figure_can_be_drawn_again_from_its_data(figure: Figure, tmp_path: Path) -> None:
    table = pd.read_csv(RESULTS / f"{figure.name}.csv", keep_default_na=False)
    assert [*table.columns] == COLUMNS
    draw(figure, table, tmp_path / "again", "drawn again")
    assert (tmp_path / "again.svg").stat().st_size > 10_000
