"""The report in a real browser: lists, filters, trees, chains, keys and themes show what the run holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from browser import Visit
from report_runs import TREE, beam_record, candidate, chain_record, mixed_records, problem, write_report_run

from ttc.report.figures import read_figures
from ttc.report.page import report_page
from ttc.runs.finding import find_runs
from ttc.runs.trees import SearchTree


def report(tmp_path: Path, *directories: Path, figures: Path | None = None) -> str:
    """Write the report of some runs; return its address."""
    file = tmp_path / "report.html"
    file.write_text(report_page(find_runs(directories), read_figures(figures) if figures else []).html)
    return file.as_uri()


@pytest.fixture
def beam(tmp_path: Path) -> str:
    return report(tmp_path, write_report_run(tmp_path / "run", [beam_record()], {"beam/1": TREE}))


@pytest.fixture
def mixed(tmp_path: Path) -> str:
    return report(tmp_path, write_report_run(tmp_path / "run", mixed_records()))


def test_the_tree_shows_the_steps_that_led_to_candidates_and_hides_the_pruned_ones(beam: str, visit: Visit) -> None:
    visit.open(f"{beam}#/0/problems/0", ".tree")
    shown = visit.values(".tree [data-node]", "data-node")
    assert sorted(map(int, shown)) == [0, 2, 4, 5]
    assert visit.texts(".tree .stub") == ["1 pruned", "1 pruned"]
    assert visit.page.locator('[data-node="4"] .mark.right').count() == 1
    assert visit.page.locator('[data-node="5"] .mark.wrong').count() == 1


def test_the_tree_shows_every_step_with_its_value_draws_and_fate_on_demand(beam: str, visit: Visit) -> None:
    visit.open(f"{beam}#/0/problems/0", ".tree")
    visit.page.check("[data-toggle=showPruned]")
    states = {}
    for node in range(len(TREE.texts)):
        box = visit.page.locator(f'.tree [data-node="{node}"]')
        states[node] = str(box.get_attribute("class")).split()[1]
        assert box.locator(".value").inner_text() == f"{TREE.values[node]:.2f}"
        assert (f"×{TREE.draws[node]}" in box.inner_text()) == (TREE.draws[node] > 1)
        box.hover()
        facts = visit.page.locator(".step-facts").inner_text()
        assert f"value {TREE.values[node]:.4f}" in facts and f"round {TREE.rounds[node]}" in facts
        assert ("pruned in round" in facts) == (node in (1, 3))
    assert states == {0: "kept", 1: "pruned", 2: "kept", 3: "pruned", 4: "end", 5: "end"}
    assert visit.texts(".heading span")[:3] == [
        "3 drawn, 2 different, 1 kept",
        "3 drawn, 2 different, 1 kept",
        "3 drawn, 2 different, 2 kept",
    ]


def test_lookahead_is_dashed_and_its_end_gives_the_value(tmp_path: Path, visit: Visit) -> None:
    # The pruned step p was looked ahead from: its rollout is q, which the verifier gave 0.25.
    tree = SearchTree(
        parents=(-1, -1, 1),
        texts=("end", "p\n", "q\n"),
        values=(0.75, None, 0.25),
        rounds=(1, 1, 1),
        draws=(1, 1, 1),
        finishes=("stop", "step", "step"),
        rollouts=(False, False, True),
        candidates=(0,),
    )
    record = problem("look", [candidate("end", "1", True, 0.75)])
    address = report(tmp_path, write_report_run(tmp_path / "run", [record], {"look": tree}))
    visit.open(f"{address}#/0/problems/0", ".tree")
    visit.page.check("[data-toggle=showPruned]")
    style = "node => getComputedStyle(document.querySelector(`.tree [data-node='${node}']`)).borderTopStyle"
    assert [visit.page.evaluate(style, node) for node in range(3)] == ["solid", "solid", "dashed"]
    assert visit.texts(".tree [data-node='1'] .value") == ["0.25"]
    visit.page.hover(".tree [data-node='1']")
    assert "read at the end of its lookahead" in visit.page.locator(".step-facts").inner_text()
    visit.page.uncheck("[data-toggle=showRollouts]")
    assert visit.values(".tree [data-node]", "data-node") == ["0", "1"]


def test_large_trees_are_only_drawn_where_they_are_in_view(tmp_path: Path, visit: Visit) -> None:
    size = 600
    tree = SearchTree(
        parents=(-1,) * size,
        texts=tuple(f"step {node}" for node in range(size)),
        values=tuple(1 - node / size for node in range(size)),
        rounds=(1,) * size,
        draws=(1,) * size,
        finishes=("stop",) * size,
        rollouts=(False,) * size,
        candidates=tuple(range(size)),
    )
    candidates = [candidate(f"step {node}", "1", True, 1 - node / size) for node in range(size)]
    address = report(tmp_path, write_report_run(tmp_path / "run", [problem("large", candidates)], {"large": tree}))
    visit.open(f"{address}#/0/problems/0", ".tree")
    assert visit.page.locator(".tree [data-node]").count() < 150
    visit.page.evaluate("document.querySelector('.tree-viewport').scrollTop = 1e6")
    visit.page.wait_for_selector('.tree [data-node="599"]')
    visit.page.locator(".solution summary").last.click()
    visit.page.locator(".solution[open] > button").click()
    marked = visit.values(".tree .on-path", "data-node")
    assert marked == ["39"]  # of the last of the solutions that are listed at first


def test_a_pruned_step_can_be_opened_alone(beam: str, visit: Visit) -> None:
    visit.open(f"{beam}#/0/problems/0", ".tree")
    visit.page.click('.stub[data-parent="0"]')
    assert "3" in visit.values(".tree [data-node]", "data-node")
    assert "1" not in visit.values(".tree [data-node]", "data-node")


def test_candidates_beside_the_search_are_listed_below_its_tree(tmp_path: Path, visit: Visit) -> None:
    found = beam_record()
    record = problem("beam/1", [*found.candidates, candidate("A probe.\nIt ends.", "3", False, 0.5)])
    tree = replace(TREE, candidates=(*TREE.candidates, -1))
    visit.open(
        f"{report(tmp_path, write_report_run(tmp_path / 'run', [record], {'beam/1': tree}))}#/0/problems/0", ".tree"
    )
    assert visit.texts(".tree + .note") == ["1 candidate is not part of the tree: see below."]
    visit.page.click("[data-candidates='3'] summary")
    assert visit.texts("[data-candidates='3'] .step-full") == ["A probe.\nIt ends."]


def test_formulas_are_set_and_keep_their_source(beam: str, visit: Visit) -> None:
    visit.open(f"{beam}#/0/problems/0", ".tree")
    assert visit.values(".gold .formula", "title") == [r"\frac{1}{2}"]
    assert visit.page.locator('.tree [data-node="0"] msup').count() == 1


def test_a_click_on_a_step_marks_its_path_and_opens_its_candidates(beam: str, visit: Visit) -> None:
    visit.open(f"{beam}#/0/problems/0", ".tree")
    visit.page.click('.tree [data-node="4"]')
    assert sorted(visit.values(".tree .on-path", "data-node")) == ["0", "2", "4"]
    assert visit.texts(".solution[open] .times") == ["×2"]
    assert len(visit.texts(".solution[open] .steps li")) == 3
    visit.page.keyboard.press("Escape")
    assert visit.values(".tree .on-path", "data-node") == []


def test_arrows_move_through_the_tree(beam: str, visit: Visit) -> None:
    visit.open(f"{beam}#/0/problems/0", ".tree")
    visit.page.focus('.tree [data-node="0"]')
    for key, node in (("ArrowRight", 2), ("ArrowRight", 4), ("ArrowDown", 5), ("ArrowLeft", 2)):
        visit.page.keyboard.press(key)
        assert visit.page.evaluate("document.activeElement.dataset.node") == str(node)
    assert "Step c." in visit.page.locator(".step-full").first.inner_text()


def test_the_answers_table_says_who_chose_what_and_why(beam: str, visit: Visit) -> None:
    visit.open(f"{beam}#/0/problems/0", ".problem")
    assert visit.texts('[data-rule="majority"] .reason') == ["most votes: 2 of 3"]
    assert visit.texts('[data-rule="weighted"] .reason') == ["highest sum of values: 1.900, before 0.400"]
    assert visit.texts("[data-class] .reason") == ["majority, best, weighted", ""]


def test_each_filter_shows_the_right_problems(mixed: str, visit: Visit) -> None:
    visit.open(f"{mixed}#/0/problems", ".row")
    for outcome, expected in {
        "all": ["right", "wrong", "outvoted", "over", "easy"],
        "right": ["right", "easy"],
        "wrong": ["wrong", "outvoted", "over"],
        "outvoted": ["outvoted"],
        "missed": ["outvoted"],
        "over": ["over"],
    }.items():
        visit.page.select_option("[aria-label=Outcome]", outcome)
        assert visit.texts(".row-id") == expected, outcome


def test_quintiles_search_and_order_combine(mixed: str, visit: Visit) -> None:
    visit.open(f"{mixed}#/0/problems", ".row")
    visit.page.select_option("[aria-label=Order]", "highest")
    assert visit.texts(".row-id") == ["over", "easy", "right", "wrong", "outvoted"]
    visit.page.click('[aria-label="Quintile 1"]')
    assert visit.texts(".row-id") == ["easy", "right"]
    visit.page.click('[aria-label="Quintile 1"]')
    visit.page.fill(".search", "UNUSUAL word")
    visit.page.wait_for_selector("#row-0", state="detached")
    assert visit.texts(".row-id") == ["outvoted"]
    assert visit.page.locator(".count").inner_text().startswith("1 of 5 problems")


def test_the_keyboard_reaches_everything(mixed: str, visit: Visit) -> None:
    visit.open(f"{mixed}#/0", ".overview")
    press = visit.page.keyboard.press
    press("p")
    visit.page.wait_for_selector(".row")
    press("j")
    press("Enter")
    visit.page.wait_for_selector('.problem[data-problem="1"]')
    press("j")
    visit.page.wait_for_selector('.problem[data-problem="2"]')
    press("k")
    visit.page.wait_for_selector('.problem[data-problem="1"]')
    press("/")
    visit.page.keyboard.type("jjj?")
    assert visit.page.input_value(".search") == "jjj?"
    press("Escape")
    press("Escape")
    visit.page.wait_for_selector(".problem", state="detached")
    press("?")
    assert visit.page.locator("#help").is_visible()
    press("Escape")
    assert not visit.page.locator("#help").is_visible()
    press("o")
    visit.page.wait_for_selector(".overview")


def test_the_theme_follows_the_system_until_it_is_chosen(mixed: str, visit: Visit) -> None:
    visit.page.emulate_media(color_scheme="dark")
    visit.open(mixed, ".overview")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert visit.page.evaluate(ground) == "rgb(21, 24, 28)"
    visit.page.emulate_media(color_scheme="light")
    visit.page.wait_for_selector("[data-theme=light]")
    assert visit.page.evaluate(ground) == "rgb(255, 255, 255)"
    visit.page.keyboard.press("t")
    assert visit.page.evaluate(ground) == "rgb(21, 24, 28)"


def test_chains_show_attempts_in_sequence_and_where_they_turn(tmp_path: Path, visit: Visit) -> None:
    address = report(tmp_path, write_report_run(tmp_path / "run", [chain_record()]))
    visit.open(f"{address}#/0/problems/0", ".chains")
    first = '[data-chain="0"] '
    assert visit.values(f"{first}.attempt", "data-candidate") == ["0", "1", "2"]
    assert visit.values(f"{first}.arrow", "data-turn") == ["righted", "wronged"]
    assert visit.values('[data-chain="1"] .arrow', "data-turn") == ["None", "None"]
    visit.page.click('[data-candidate="2"]')
    assert visit.texts(".solution[open] .step-full") == ["attempt 2"]


def test_several_runs_can_be_chosen_and_compared(tmp_path: Path, visit: Visit) -> None:
    runs = [write_report_run(tmp_path / name, mixed_records(), strategy=name) for name in ("beam", "dvts")]
    address = report(tmp_path, *runs)
    visit.open(f"{address}#/comparison", ".overview")
    assert visit.texts(".result tbody tr td:nth-child(2)") == ["beam", "dvts"]
    assert visit.page.locator(".chart .point").count() > 0
    visit.page.select_option("[aria-label=Run]", "1")
    visit.page.wait_for_selector("text=dvts, budget 4")


def test_thousands_of_problems_are_only_drawn_where_they_are_in_view(tmp_path: Path, visit: Visit) -> None:
    [one, *_] = mixed_records()
    many = [type(one).from_json({**one.to_json(), "id": f"problem {number:04d}"}) for number in range(1200)]
    address = report(tmp_path, write_report_run(tmp_path / "run", many))
    visit.open(f"{address}#/0/problems/1199", ".problem")
    assert len(visit.texts(".row")) < 60
    assert visit.texts('.row[aria-selected="true"] .row-id') == ["problem 1199"]


def test_figures_are_images_in_which_nothing_runs(tmp_path: Path, visit: Visit) -> None:
    figures = tmp_path / "figures"
    figures.mkdir()
    figures.joinpath("one.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="alert(1)"><script>alert(2)</script></svg>'
    )
    figures.joinpath("index.json").write_text(
        '[{"name": "one", "title": "A <b>title</b>", "caption": "What it shows."}]'
    )
    address = report(tmp_path, write_report_run(tmp_path / "run", mixed_records()), figures=figures)
    visit.open(f"{address}#/figures", ".figure img")
    assert visit.texts(".figure h2, .figure figcaption") == ["A <b>title</b>", "What it shows."]
    assert visit.page.evaluate("document.querySelector('.figure img').naturalWidth") == 9


def test_the_page_asks_for_nothing(beam: str, visit: Visit) -> None:
    visit.open(f"{beam}#/0/problems/0", ".tree")
    assert [address for address in visit.requests if not address.startswith(("file:", "data:"))] == []
