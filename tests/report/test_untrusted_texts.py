"""Whatever a model, a dataset or a directory's name contains is shown as it is, and nothing of it runs."""

from __future__ import annotations

from pathlib import Path

from browser import Visit
from report_runs import candidate, problem, write_report_run

from ttc.report.page import report_page
from ttc.runs.finding import find_runs
from ttc.runs.trees import SearchTree
from ttc.terminal import printable_line

TEXTS = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "</style><svg onload=alert(4)>",
    "javascript:alert(5)",
    r"$\href{javascript:alert(6)}{x}$ $\text{<script>alert(7)</script>}$",
    "\x1b[31mred\x1b[0m",
    "\u202eoverride",
    "a\0b",
    "{{SCRIPT}} ${alert(8)} {{constructor}}",
    "<!-- ]]> &lt;b&gt; &#60;",
    "\ud800 lone",
]


EVERYTHING = " ".join(TEXTS)


def hostile_page(tmp_path: Path) -> str:
    """Write the report of a run in which every text is hostile, a problem for each; return its address."""
    records, trees = [], {}
    for text in TEXTS:
        found = candidate(f"{text}\n", text, False, 0.5)
        records.append(problem(text, [found], gold=text, question=text, subject=text, route=text))
        trees[text] = SearchTree((-1,), (f"{text}\n",), (0.5,), (1,), (1,), ("stop",), (False,), (0,))
    name = EVERYTHING.replace("/", "").replace("\0", "").encode("utf-8", "ignore").decode()[:80]
    entries = {"strategy": EVERYTHING, "data": EVERYTHING, "notes": [EVERYTHING], "overrides": [f"prm={EVERYTHING}"]}
    page = report_page(find_runs([write_report_run(tmp_path / name, records, trees, **entries)]))
    assert page.html.count("alert(") == 0  # it is all inside the compressed data
    file = tmp_path / "report.html"
    file.write_text(page.html)
    return file.as_uri()


def nothing_ran(visit: Visit) -> bool:
    visit.page.wait_for_timeout(20)  # time for what must not happen
    made = "main script, main img, main [onload], main [onerror], main a, main iframe"
    return visit.page.locator(made).count() == 0 and not visit.complaints


def test_the_overview_shows_hostile_names_as_they_are(tmp_path: Path, visit: Visit) -> None:
    visit.open(f"{hostile_page(tmp_path)}#/0", ".overview")
    shown = printable_line(EVERYTHING)
    for place in (".facts", "h1", ".notes"):
        assert shown in visit.page.locator(place).first.inner_text(), place
    assert "<img src=x onerror=" in visit.page.locator(".path").inner_text()  # of the directory
    assert nothing_ran(visit)


def test_a_problem_shows_hostile_texts_as_they_are(tmp_path: Path, visit: Visit) -> None:
    address = hostile_page(tmp_path)
    visit.open(f"{address}#/0/problems", ".row")
    assert visit.texts(".row-id") == [printable_line(text) for text in TEXTS]
    for number, text in enumerate(TEXTS):
        visit.open(f"{address}#/0/problems/{number}", f'.problem[data-problem="{number}"]')
        visit.page.click(".tree [data-node]")
        visit.page.click(".solution summary")
        if "$\\" not in text:  # else its formulas are set
            shown = printable_line(text)
            for place in (".question", ".gold", ".tree .step-text", ".step-info .step-full", "[data-class] .answer"):
                assert shown in visit.page.locator(place).first.inner_text(), (place, text)
    assert nothing_ran(visit)


def test_text_in_a_formula_is_text(tmp_path: Path, visit: Visit) -> None:
    address = hostile_page(tmp_path)
    place = next(number for number, text in enumerate(TEXTS) if "href" in text)
    visit.open(f"{address}#/0/problems/{place}", ".problem")
    assert "<script>alert(7)</script>" in str(visit.page.locator(".question mtext").last.text_content())
    assert visit.page.locator("math [href]").count() == 0
