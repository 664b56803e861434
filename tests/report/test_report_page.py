"""The page: its bytes depend on the runs alone, its policy admits its own script only, and its data are the runs'."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from report_runs import TREE, beam_record, chain_record, mixed_records, problem, write_report_run

from ttc.errors import UserError
from ttc.report.blocks import decode, rounded
from ttc.report.figures import read_figures
from ttc.report.page import PARTS, assemble, report_page
from ttc.report.server import RUN_LIST_SCRIPTS, RUN_LIST_STYLES
from ttc.runs.finding import Run, find_runs


def blocks(html: str) -> list[Any]:
    return [decode(block) for block in re.findall(r'<script type="application/octet-stream" id="\S+">(\S+)<', html)]


def runs(*directories: Path) -> list[Run]:
    return find_runs(directories)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    found = runs(write_report_run(tmp_path / "run", [beam_record(), *mixed_records()], {"beam/1": TREE}))
    assert report_page(found).html == report_page(found).html


def test_the_policy_admits_exactly_the_pages_own_script_and_style(tmp_path: Path) -> None:
    page = report_page(runs(write_report_run(tmp_path / "run", mixed_records())))
    assert f'http-equiv="Content-Security-Policy" content="{page.policy}"' in page.html
    for tag in ("script", "style"):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", page.html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in page.policy
    for rule in ("default-src 'none'", "connect-src 'none'", "base-uri 'none'", "form-action 'none'"):
        assert rule in page.policy
    assert "unsafe" not in page.policy


def test_the_page_refers_to_nothing_outside(tmp_path: Path) -> None:
    html = report_page(runs(write_report_run(tmp_path / "run", mixed_records()))).html
    addresses = set(re.findall(r"https?://[^\s\"'`]+", html))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}  # names, not addresses


def test_every_part_is_used_once(tmp_path: Path) -> None:
    html = report_page(runs(write_report_run(tmp_path / "run", mixed_records()))).html
    start = assemble("runs.html", RUN_LIST_STYLES, RUN_LIST_SCRIPTS).html
    for file in [*PARTS.glob("*.js"), *PARTS.glob("*.css")]:
        assert max(html.count(file.read_text()), start.count(file.read_text())) == 1, file


def test_scripts_never_parse_markup() -> None:
    for file in PARTS.glob("*.js"):
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"):
            assert word not in file.read_text(), (file, word)


def test_the_index_and_the_problems_are_the_runs(tmp_path: Path) -> None:
    index, batch = blocks(report_page(runs(write_report_run(tmp_path / "run", [beam_record()], {"beam/1": TREE}))).html)
    [run] = index["runs"]
    assert run["problems"]["id"] == ["beam/1"] and run["problems"]["highest"] == [0.95]
    assert ["strategy", "beam"] in run["facts"] and run["tables"][0]["rows"][0][0] == "majority"
    [shown] = batch["problems"]
    assert shown["tree"]["recorded"] and tuple(shown["tree"]["parents"]) == TREE.parents
    assert tuple(shown["tree"]["texts"]) == TREE.texts and tuple(shown["tree"]["values"]) == TREE.values
    assert shown["candidates"]["nodes"] == [4, 4, 5]
    assert shown["candidates"]["texts"] == shown["candidates"]["values"] == {}  # the tree holds them
    assert [*batch["formulas"]] == ["$\\frac{1}{2}$", "$a^2$", r"\(\frac{1}{2}\)"]


def test_without_a_recorded_tree_the_solutions_are_one(tmp_path: Path) -> None:
    _, batch = blocks(report_page(runs(write_report_run(tmp_path / "run", [beam_record()]))).html)
    tree = batch["problems"][0]["tree"]
    assert not tree["recorded"] and tree["parents"] == [-1, 0, 1, 1] and tree["draws"] == [3, 3, 2, 1]


def test_a_candidate_whose_text_is_not_its_path_keeps_its_own(tmp_path: Path) -> None:
    record = beam_record()
    other = type(record).from_json(
        {**record.to_json(), "candidates": [c.to_json() | {"text": "Other."} for c in record.candidates]}
    )
    _, batch = blocks(report_page(runs(write_report_run(tmp_path / "run", [other], {"beam/1": TREE}))).html)
    assert batch["problems"][0]["candidates"]["texts"] == dict.fromkeys("012", "Other.")


def test_over_optimised_means_wrong_with_a_high_value(tmp_path: Path) -> None:
    [index, *_] = blocks(report_page(runs(write_report_run(tmp_path / "run", mixed_records()))).html)
    assert index["runs"][0]["high_value"] == 0.8
    assert index["runs"][0]["problems"]["chosen"] == [0.3, 0.3, 0.3, 0.95, 0.95]


def test_turns_from_right_to_wrong_are_counted(tmp_path: Path) -> None:
    [index, *_] = blocks(report_page(runs(write_report_run(tmp_path / "run", [chain_record()]))).html)
    assert index["runs"][0]["problems"]["turned"] == [1]


def test_several_runs_are_compared_and_told_apart(tmp_path: Path) -> None:
    one = write_report_run(tmp_path / "one", mixed_records(), budget=4)
    two = write_report_run(tmp_path / "two", mixed_records(), budget=8)
    [index, *_] = blocks(report_page(runs(one, two)).html)
    assert [run["label"] for run in index["runs"]] == ["budget=4", "budget=8"]
    assert len(index["comparison"]["table"]["rows"]) == 2


def test_a_run_given_twice_is_shown_once(tmp_path: Path) -> None:
    one = write_report_run(tmp_path / "one", mixed_records())
    [index, *_] = blocks(report_page(runs(one, tmp_path)).html)
    assert len(index["runs"]) == 1 and index["comparison"] is None


def test_a_summary_of_another_program_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="aggregation='median' is not what a run writes"):
        report_page(runs(write_report_run(tmp_path / "run", mixed_records(), aggregation="median")))


def test_runs_on_other_problems_say_why_they_are_not_compared(tmp_path: Path) -> None:
    one = write_report_run(tmp_path / "one", mixed_records())
    two = write_report_run(tmp_path / "two", [problem("other", mixed_records()[0].candidates)], budget=8)
    [index, *_] = blocks(report_page(runs(one, two)).html)
    assert "compare runs on the same data" in index["comparison"]["reason"]


@pytest.mark.parametrize("wrapped", ["%s", '{"figures": %s}'])
def test_figures_come_in_the_order_of_their_index(tmp_path: Path, wrapped: str) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.svg").write_text("<svg/>")
    index = '[{"name": "c", "title": "Third", "source": "3 runs"}, {"name": "../b"}, {"name": "a"}]'
    (tmp_path / "index.json").write_text(wrapped % index)
    found = read_figures(tmp_path)
    assert [(figure["name"], figure["title"]) for figure in found] == [("c", "Third"), ("a", "a"), ("b", "b")]
    assert found[0]["runs"] == "3 runs" and found[0]["image"].startswith("data:image/svg+xml;base64,")


@pytest.mark.parametrize(("files", "message"), [({}, "no SVG"), ({"a.svg": "", "index.json": "{}"}, "not a list")])
def test_a_directory_without_figures_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        read_figures(tmp_path)


@pytest.mark.parametrize(
    ("value", "short"), [(0.123456, 0.1235), (1.0, 1), (None, None), (float("nan"), None), (float("inf"), None)]
)
def test_numbers_are_short_and_always_json(value: float | None, short: float | None) -> None:
    assert rounded(value) == short
