"""Size of the HTML report and seconds to write and to open it: of a synthetic beam search, or of given runs.

    python scripts/bench/report.py                    # 500 problems, 64 beams, 8 rounds, every step different
    python scripts/bench/report.py outputs/DATE/TIME  # of a real run

The synthetic run is the worst case: no two sampled steps are equal, and each holds a formula of its own.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ttc.analysis.accuracy import summarize
from ttc.analysis.tables import run_table
from ttc.files import jsonl_row
from ttc.report.page import report_page
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import find_runs
from ttc.runs.records import CandidateRecord, ProblemRecord, SelectedAnswer
from ttc.runs.trees import SearchTree, tree_row

WIDTH = 4
_WORDS = ["so", "we", "get", "the", "sum", "of", "both", "sides", "and", "then"]


def main() -> None:
    """Print one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--problems", type=int, default=500)
    parser.add_argument("--beams", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--keep", type=Path, help="write the page here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not options.runs:
            write_synthetic_run(Path(folder) / "run", options.problems, options.beams, options.rounds)
        runs = find_runs(options.runs or [Path(folder) / "run"])
        before = time.perf_counter()
        page = report_page(runs)
        seconds = time.perf_counter() - before
        file = options.keep or Path(folder) / "report.html"
        file.write_text(page.html)
        print(f"written in {seconds:.1f} s: {file.stat().st_size / 1e6:.2f} MB")
        measure_opening(file)


def measure_opening(file: Path) -> None:
    """Print how long Chromium takes to show the overview, the list, a problem and the first search."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        for name, address, shown in (
            ("overview", "#/0", ".overview h1"),
            ("list", "#/0/problems", ".row"),
            ("problem", "#/0/problems/1", ".problem"),
        ):
            page.goto("about:blank")
            before = time.perf_counter()
            page.goto(f"{file.resolve().as_uri()}{address}")
            page.wait_for_selector(shown)
            print(f"{name} opened in {time.perf_counter() - before:.2f} s")
        before = time.perf_counter()
        page.fill("input[type=search]", "no such text")
        page.wait_for_selector(".row", state="detached")
        print(f"first search in {time.perf_counter() - before:.2f} s")
        browser.close()


def write_synthetic_run(directory: Path, problems: int, beams: int, rounds: int) -> None:
    """Write a finished beam search whose steps, values and answers are random."""
    random.seed(0)
    made = [_problem(f"synthetic/{number:05d}", beams, rounds) for number in range(problems)]
    records = [record for record, _ in made]
    table = run_table(records, independent=False)
    summary = {
        **summarize(table, "weighted"),
        **{"strategy": "beam", "budget": beams, "seed": 0, "aggregation": "last"},
        **{"generator": "synthetic", "prm": "synthetic", "data": "synthetic"},
        **{"generations": beams * problems, "flops": {"paper": 1, "full": 1}},
    }
    trees = [tree_row(record.id, tree) for record, tree in made]
    RunDirectory(directory).write(summary, table, (jsonl_row(record.to_json()) for record in records), trees)


def _problem(id_: str, beams: int, rounds: int) -> tuple[ProblemRecord, SearchTree]:
    parents, texts, values = _search(beams, rounds)
    ends = range(len(parents) - beams, len(parents))
    candidates = []
    for end in ends:
        path = [*_path(parents, end)]
        answer = str(random.choice([12, 12, 12, 34, 56]))
        solution = "".join(texts[node] for node in path)
        own = tuple(values[node] for node in path)
        candidates.append(CandidateRecord(solution, answer, answer == "12", "stop", own, 200, group=int(answer)))
    selected = {name: SelectedAnswer("12", True) for name in ("majority", "best", "weighted")}
    question = rf"How many of the {random.randint(2, 999)} integers satisfy $x^2 \le {random.randint(2, 99)}$?"
    record = ProblemRecord(
        id=id_,
        gold="12",
        correct=True,
        selected=selected,
        oracle=True,
        candidates=candidates,
        subject=random.choice(["Algebra", "Geometry", "Number Theory"]),
        level=random.randint(1, 5),
        quintile=random.randint(1, 5),
        generations=beams,
        question=question,
    )
    depths = [len([*_path(parents, node)]) for node in range(len(parents))]
    finishes = ["stop" if node in ends else "step" for node in range(len(parents))]
    size = len(parents)
    tree = SearchTree(
        parents=tuple(parents),
        texts=tuple(texts),
        values=tuple(values),
        rounds=tuple(depths),
        draws=(1,) * size,
        finishes=tuple(finishes),
        rollouts=(False,) * size,
        candidates=tuple(ends),
    )
    return record, tree


def _search(beams: int, rounds: int) -> tuple[list[int], list[str], list[float]]:
    """Return the parents, texts and values of a beam search: the best quarter of each round is continued."""
    parents: list[int] = []
    texts: list[str] = []
    values: list[float] = []
    kept = [-1] * beams
    for number in range(rounds):
        begun = len(parents)
        for parent in kept:
            a, b = random.randint(2, 999), random.randint(2, 99)
            words = " ".join(random.choices(_WORDS, k=9))
            parents.append(parent)
            texts.append(f"{words} $\\frac{{{a}}}{{{b}}} = {a / b:.3f}$ in step {number}.\n\n")
            values.append(random.random())
        best = sorted(range(begun, len(parents)), key=lambda node: -values[node])[: beams // WIDTH]
        kept = [node for node in best for _ in range(WIDTH)]
    return parents, texts, values


def _path(parents: list[int], node: int) -> Iterator[int]:
    above = parents[node]
    if above >= 0:
        yield from _path(parents, above)
    yield node


if __name__ == "__main__":
    main()
