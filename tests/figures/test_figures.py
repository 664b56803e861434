"""Finished runs in, tables and pictures out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from figure_runs import REVISER, even, rows, write_all
from menus import finished_run

from ttc.analysis.accuracy import outcomes_by_problem
from ttc.errors import UserError
from ttc.figures.catalogue import FIGURES, Figure, chosen_figures
from ttc.figures.drawing import draw
from ttc.figures.measured import Measured, log_ratio
from ttc.figures.publishing import publish
from ttc.figures.recipes import Role
from ttc.figures.roles import roles_of
from ttc.figures.tables import COLUMNS
from ttc.runs.finding import find_runs


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return Measured(roles_of(find_runs([write_all(tmp_path_factory.mktemp("runs"))])))


def table(number: str, measured: Measured) -> pd.DataFrame:
    [figure] = chosen_figures([number])
    return figure.table(measured)


def test_the_roles_of_runs_are_told_from_what_they_say_of_themselves(measured: Measured) -> None:
    assert {role: len(runs) for role, runs in measured.runs.items()} == {
        Role.best_of_n: 1, Role.orm: 1, Role.beam: 5, Role.beam_sqrt: 3, Role.lookahead_1_sqrt: 2,
        Role.lookahead_3_sqrt: 2, Role.lookahead_3: 3, Role.revisions: 15, Role.no_history: 5, Role.base_prm: 5,
        Role.rest_em: 15, Role.larger: 1,
    }  # fmt: skip


def test_runs_that_belong_to_no_figure_are_refused(tmp_path: Path) -> None:
    finished_run(tmp_path, rows(Role.beam, 4, even), config={"_target_": "ttc.strategies.mcts.Mcts"}, strategy="mcts")
    with pytest.raises(UserError, match="none of these runs belongs to a figure"):
        roles_of(find_runs([tmp_path]))


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: str(figure.number))
def test_every_figure_has_points_within_their_intervals(figure: Figure, measured: Measured) -> None:
    found = figure.table(measured)
    assert [*found.columns] == COLUMNS and len(found)
    assert (found["lo"] <= found["y"] + 1e-6).all() and (found["y"] <= found["hi"] + 1e-6).all()
    assert not found.duplicated(["panel", "series", "x"]).any()


def test_a_point_is_the_mean_of_the_runs_outcomes(measured: Measured) -> None:
    [run] = [run for run in measured.runs[Role.beam] if run.summary["budget"] == 8]
    outcomes = outcomes_by_problem(run.records, "weighted")
    found = table("3L", measured).set_index(["series", "x"])["y"]
    assert found["beam, M = 4", 8] == pytest.approx(100 * sum(outcomes.values()) / len(outcomes))
    hardest = [outcome for id_, outcome in outcomes.items() if int(id_[1:]) // 8 + 1 == 5]
    bins = table("3R", measured)
    found = bins[(bins["series"] == "beam, M = 4") & (bins["panel"] == "bin 5")].set_index("x")["y"]
    [other] = [run for run in measured.runs[Role.beam] if run.summary["budget"] == 4]
    hardest = [r.selected["weighted"].correct for r in other.records if r.quintile == 5]
    assert found[4] == pytest.approx(100 * sum(hardest) / 8)


def test_a_chain_is_followed_attempt_by_attempt(measured: Measured) -> None:
    found = table("6L", measured)
    one = found[found["series"] == "one chain"].set_index("x")["y"]
    [run] = [
        run
        for run in measured.runs[Role.revisions]
        if run.summary["budget"] == 16 and run.summary["strategy_config"]["ratio"] == "sequential"
    ]
    third = [record.candidates[2].correct for record in run.records]
    assert len(one) == 16 and one[3] == pytest.approx(100 * sum(third) / len(third))


@pytest.mark.parametrize(
    ("ratio", "budget", "expected"),
    [("sequential", 8, 3), ("8:1", 8, 3), ("parallel", 8, -3), ("1:4", 64, -2), ("1:1", 1, 0), ("parallel", 1, 0)],
)
def test_ratios_are_placed_on_a_logarithmic_axis(ratio: str, budget: int, expected: float) -> None:
    assert log_ratio(ratio, budget) == expected


def test_a_ratio_written_out_is_the_end_of_its_axis(tmp_path: Path) -> None:
    for number, ratio in enumerate(("1:4", "1:1", "4:1")):
        finished_run(
            tmp_path / str(number), rows(Role.revisions, 4, even, length=2**number), independent=False,
            config={"_target_": "ttc.strategies.revisions.Revisions", "ratio": ratio, "shown": 4}, generator=REVISER,
            strategy="revisions", selections={"hierarchical": {"accuracy": 0.5, "ci95": [0, 1]}},
        )  # fmt: skip
    found = table("6R", Measured(roles_of(find_runs([tmp_path]))))
    assert {*found["series"]} >= {"sequential, verifier", "parallel, verifier"}


def test_values_of_the_last_step_only_give_no_other_aggregation(tmp_path: Path) -> None:
    finished_run(tmp_path, rows(Role.best_of_n, 4, even), strategy="best_of_n")
    with pytest.raises(UserError, match=r"has no values after every step; add strategy\.step_values=true"):
        table("13", Measured(roles_of(find_runs([tmp_path]))))


def test_a_figure_drawn_twice_from_its_table_has_the_same_bytes(measured: Measured, tmp_path: Path) -> None:
    [figure] = chosen_figures(["9"])
    found = figure.table(measured)
    for name in ("a", "b"):
        draw(figure, found, tmp_path / name, "made here")
    for suffix in (".svg", ".png"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_figures_are_published_with_their_data_and_an_index(measured: Measured, tmp_path: Path) -> None:
    publish(chosen_figures(["3"]), measured, tmp_path, "ttc figures 3")
    publish(chosen_figures(["14"]), measured, tmp_path, "ttc figures 14")
    page = (tmp_path / "README.md").read_text()
    assert page.index("## Figure 3L") < page.index("## Figure 14") and "Made by `ttc figures 14`" in page
    for name in ("figure-03-left", "figure-03-right", "figure-14"):
        assert f"({name}.svg)" in page and all((tmp_path / f"{name}{s}").is_file() for s in (".svg", ".png", ".csv"))


def test_a_figure_without_its_runs_is_left_out_with_the_reason(tmp_path: Path) -> None:
    found = Measured(roles_of(find_runs([write_all(tmp_path / "runs", without=(Role.larger,))])))
    drawn = publish(chosen_figures(["9", "14"]), found, tmp_path / "out", "ttc figures")
    assert [one.note for one in drawn] == ["figure 9 needs runs of larger", ""]
    assert "- figure 9 needs runs of larger" in (tmp_path / "out" / "README.md").read_text()
    assert not (tmp_path / "out" / "figure-09.svg").exists()
