"""`ttc import`: rows of other tools in, a run directory out that the other commands read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine

import ttc as package
from ttc.engines.checkpoint import POCKET_WEIGHTS
from ttc.runs.directory import RunDirectory
from ttc.runs.frames import load_run

PROBLEMS = 20
# The reward model prefers the third solution, the majority the first two.
SCORES = (-2.0, 0.5, 3.0, -1.0)


def answers(number: int) -> tuple[int, ...]:
    """Return four answers to the question `number` + 1: easy ones are right, of hard ones only the third or none."""
    right, wrong = number + 1, number + 2
    if number < 10:
        return right, right, right, wrong
    return wrong, wrong, right if number < 15 else wrong, right + 5


def rows(verdicts: bool = True, scores: bool = True) -> list[dict[str, Any]]:
    found = []
    for number in range(PROBLEMS):
        samples: list[dict[str, Any]] = [
            {"text": f"{number} + 1 makes\n\nso \\boxed{{{answer}}}"} for answer in answers(number)
        ]
        for sample, answer, score in zip(samples, answers(number), SCORES, strict=True):
            sample |= {"correct": answer == number + 1} if verdicts else {}
            sample |= {"score": score} if scores else {}
        question = f"What is {number} + 1?"
        found.append({"id": f"p{number}", "problem": question, "gold": str(number + 1), "samples": samples})
    return found


def write(path: Path, given: Sequence[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in given))
    return str(path)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write(tmp_path / "rows.jsonl", rows())


@pytest.fixture
def imported(ttc: CommandLine, tmp_path: Path, file: str) -> Iterator[Path]:
    assert ttc("import", file, "--out", "run").code == 0
    yield tmp_path / "run"


def accuracies(directory: Path) -> dict[str, float]:
    return {name: found["accuracy"] for name, found in RunDirectory(directory).summary()["selections"].items()}


def test_an_imported_run_has_the_accuracies_that_its_answers_and_scores_give(imported: Path) -> None:
    assert accuracies(imported) == {"pass@1": 0.4375, "majority": 0.5, "best": 0.75, "weighted": 0.75, "oracle": 0.75}
    summary = RunDirectory(imported).summary()
    named = {key: summary[key] for key in ("strategy", "budget", "generator", "prm", "data", "selection")}
    assert named == {
        **{"strategy": "best_of_n", "budget": 4, "generator": "unknown"},
        **{"prm": "scores", "data": "rows", "selection": "weighted"},
    }


def test_the_printed_tables_name_the_layout_and_what_was_made_of_the_scores(ttc: CommandLine, file: str) -> None:
    found = ttc("import", file, "--out", "run", "--generator", "small", "--name", "sums", "--verifier", "rm")
    assert (found.code, found.err) == (0, "")
    text = " ".join(found.out.split())
    assert "best_of_n, budget 4, sums (20 problems)" in text
    assert "imported from rows.jsonl (layout samples), as independent samples" in text
    assert "scores from -2 to 3 are taken for logits: their sigmoid is the value" in text
    assert "ttc grades all 80 completions as the rows do" in text
    summary = RunDirectory(Path("run")).summary()
    assert (summary["generator"], summary["prm"], summary["data"]) == ("small", "rm", "sums")


def test_without_scores_the_run_is_one_of_majority(ttc: CommandLine, tmp_path: Path, file: str) -> None:
    bare = write(tmp_path / "bare.jsonl", rows(scores=False))
    assert ttc("import", bare, "--out", "run").code == 0
    assert accuracies(tmp_path / "run") == {"pass@1": 0.4375, "majority": 0.5, "oracle": 0.75}
    summary = RunDirectory(tmp_path / "run").summary()
    assert (summary["strategy"], summary["selection"], summary["prm"]) == ("majority", "majority", None)
    assert ttc("import", file, "--out", "ignored", "--scores", "none").code == 0
    assert accuracies(tmp_path / "ignored") == accuracies(tmp_path / "run")


def test_costs_that_the_rows_do_not_say_are_unknown_and_not_zero(ttc: CommandLine, imported: Path) -> None:
    summary = RunDirectory(imported).summary()
    assert summary["tokens"] == {} and summary["flops"] == {"paper": None, "full": None}
    problems, candidates = load_run(imported)
    assert problems["decoded_tokens"].isna().all() and candidates["tokens"].isna().all()
    shown = ttc("show", str(imported)).out
    assert "FLOPs        unknown (paper), unknown (full)" in shown and "tokens       " not in shown


def test_token_counts_are_those_of_the_rows_or_of_a_tokenizer(ttc: CommandLine, tmp_path: Path, file: str) -> None:
    counted = rows()
    for row in counted:
        for sample in row["samples"]:
            sample["tokens"] = 5
    assert ttc("import", write(tmp_path / "counted.jsonl", counted), "--out", "counted").code == 0
    assert RunDirectory(Path("counted")).summary()["tokens"] == {"decoded": 400}
    generator = str(POCKET_WEIGHTS / "generator")
    assert ttc("import", file, "--out", "tokenized", "--tokenizer", generator).code == 0
    decoded = RunDirectory(Path("tokenized")).summary()["tokens"]["decoded"]
    assert decoded == load_run("tokenized").candidates["tokens"].sum() > 400


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["show"], "oracle"),
        (["compare", "--selection", "majority", "--selection", "best"], "-25.0 [-45.0, -10.0]"),
        (
            ["optimal", "--selection", "majority", "--selection", "weighted"],
            "compute-optimal, predicted, 4 probes",
        ),
        (["difficulty", "--samples", "2"], "predicted, 2 samples"),
        (["allocate", "--total", "2", "--probes", "1", "--evaluate"], "Budgets of 20 problems from 1 probe"),
        (["grade"], "accuracy 75.0% (15 of 20"),
        (["report", "--out", "report.html"], "report.html"),
    ],
)
def test_an_imported_run_is_read_by_other_commands(
    ttc: CommandLine, imported: Path, arguments: list[str], shown: str
) -> None:
    command, *options = arguments
    reference = ["--reference", "1"] if command == "compare" else []
    found = ttc(command, str(imported), *options, *reference)
    assert (found.code, found.err) == (0, "")
    assert shown in found.out


def test_ttcs_own_grades_count_and_differing_verdicts_are_named(ttc: CommandLine, tmp_path: Path) -> None:
    given = rows()
    for number in (3, 5, 7, 9):
        given[number]["samples"][0]["correct"] = False  # which is wrong: the answer is that of the gold
    assert ttc("import", write(tmp_path / "rows.jsonl", given), "--out", "run").code == 0
    assert accuracies(tmp_path / "run")["pass@1"] == 0.4375
    notes = RunDirectory(tmp_path / "run").summary()["notes"]
    assert "ttc grades 4 of 80 completions unlike the rows do, e.g. of p3, p5, p7" in notes


def test_a_completion_that_was_cut_has_no_answer(ttc: CommandLine, tmp_path: Path) -> None:
    given = rows(verdicts=False)[:1]
    for sample in given[0]["samples"]:
        sample["finish_reason"] = "length"
    assert ttc("import", write(tmp_path / "rows.jsonl", given), "--out", "run").code == 0
    [record] = RunDirectory(tmp_path / "run").records()
    assert {(c.answer, c.finish) for c in record.candidates} == {(None, "length")} and not record.oracle


def test_gold_answers_can_come_from_the_data_set(ttc: CommandLine, tmp_path: Path, imported: Path) -> None:
    given = [{"prompt": row["problem"], "responses": [s["text"] for s in row["samples"]]} for row in rows()]
    bare = write(tmp_path / "bare.jsonl", given)
    found = ttc("import", bare, "--out", "bare")
    assert found.code == 2 and "--gold-from DATASET_FILE" in found.err
    data = write(
        tmp_path / "data.jsonl", [{"id": r["id"], "problem": r["problem"], "answer": r["gold"]} for r in rows()]
    )
    assert ttc("import", bare, "--out", "bare", "--gold-from", data).code == 0
    assert accuracies(tmp_path / "bare")["majority"] == 0.5
    assert ttc("compare", "bare", str(imported)).code == 0  # they share their ids


def test_several_files_are_one_run(ttc: CommandLine, tmp_path: Path) -> None:
    first, second = rows(), rows()
    for row in first:
        row["samples"] = row["samples"][:2]
    for row in second:
        row["samples"] = row["samples"][2:]
    files = [write(tmp_path / "a.jsonl", first), write(tmp_path / "b.jsonl", second)]
    assert ttc("import", *files, "--out", "run").code == 0
    assert accuracies(tmp_path / "run")["best"] == 0.75 and RunDirectory(tmp_path / "run").summary()["budget"] == 4


def test_problems_with_fewer_samples_than_asked_for_are_left_out_and_counted(ttc: CommandLine, tmp_path: Path) -> None:
    given = rows()
    given[0]["samples"] = given[0]["samples"][:1]
    file = write(tmp_path / "rows.jsonl", given)
    found = ttc("import", file, "--out", "run")
    assert found.code == 2 and "'p0' has 1 completion and 'p1' has 4 completions" in found.err
    assert ttc("import", file, "--out", "run", "--samples", "2").code == 0
    summary = RunDirectory(tmp_path / "run").summary()
    assert (summary["n_problems"], summary["budget"], summary["generations"]) == (19, 2, 38)
    assert "1 problem with fewer completions was left out by --samples 2" in summary["notes"]


def test_the_same_import_replaces_itself_and_nothing_else(ttc: CommandLine, imported: Path, file: str) -> None:
    before = (imported / "problems.jsonl").read_bytes()
    assert ttc("import", file, "--out", "run").code == 0
    assert (imported / "problems.jsonl").read_bytes() == before
    other = ttc("import", file, "--out", "run", "--seed", "1")
    assert other.code == 2 and "--out run already holds accuracy.csv, problems.jsonl, summary.json" in other.err
    assert RunDirectory(imported).summary()["seed"] == 0


def test_a_hostile_completion_cannot_write_to_the_terminal(ttc: CommandLine, tmp_path: Path) -> None:
    given = rows()
    for row in given:
        row |= {"id": f"{row['id']}", "generator": "\x1b[31mred[/]"}
        row["samples"][0] |= {"text": "\x1b]0;title\x07\ud83d \\boxed{\x1b[2J}", "correct": True}
    found = ttc("import", write(tmp_path / "rows.jsonl", given), "--out", "run")
    assert found.code == 0 and "\x1b" not in found.out + found.err
    assert "\x1b" not in ttc("compare", "run").out + ttc("show", "run").out
    assert RunDirectory(tmp_path / "run").summary()["generator"] == "\\x1b[31mred[/]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.jsonl"], "FILE=absent.jsonl: no such file"),
        (["rows.txt"], "rows.txt: .txt is not a supported format"),
        (["rows.jsonl", "rows.jsonl"], "rows.jsonl is given twice; give each file once."),
        (["rows.jsonl", "--layout", "sal"], "--layout sal: is not known; use search_and_learn, qwen_math, lm_eval"),
        (
            ["rows.jsonl", "--layout", "qwen_math"],
            "rows.jsonl:1 has no field 'code'; it must hold a list of completions",
        ),
        (["rows.jsonl", "--scores", "odds"], "--scores odds: is not known; use auto, probability, logit, raw, none."),
        (["rows.jsonl", "--scores", "probability"], "--scores probability: the scores go from -2 to 3"),
        (["rows.jsonl", "--aggregation", "max"], "--aggregation max: is not known; use last, min, prod, mean."),
        (["rows.jsonl", "--samples", "0"], "--samples"),
        (["rows.jsonl", "--samples", "9"], "--samples 9: no problem has so many"),
        (["rows.jsonl", "--name", " "], "--name ' ' is blank"),
        (["rows.jsonl", "--gold-from", "absent.jsonl"], "--gold-from=absent.jsonl: no such file"),
        (["rows.jsonl", "--tokenizer", "absent"], "--tokenizer absent: no such directory"),
        (["rows.jsonl", "--tokenizer", "."], "--tokenizer: . has no tokenizer that transformers can read"),
        (["rows.jsonl", "--out", "rows.jsonl"], "--out"),
        (["rows.jsonl", "--out", "full"], "--out full already holds notes.txt; choose a new directory"),
        (["models.jsonl"], "the rows are of several models (a, b); give those of one"),
        (["twice.jsonl"], "twice.jsonl:2: the gold answer is '2', but '1' in twice.jsonl:1"),
        (["late.jsonl"], "late.jsonl:21 is not a JSON object"),
    ],
)
def test_a_bad_argument_or_file_is_one_line_and_writes_nothing(
    ttc: CommandLine, tmp_path: Path, file: str, arguments: list[str], message: str
) -> None:
    (tmp_path / "rows.txt").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    write(tmp_path / "models.jsonl", [{**row, "model": "ab"[n % 2]} for n, row in enumerate(rows())])
    first = rows()[0]
    write(tmp_path / "twice.jsonl", [first, {**first, "gold": "2", "samples": first["samples"][:2]}])
    (tmp_path / "late.jsonl").write_text(Path(file).read_text() + "[1]\n")
    before = sorted(tmp_path.rglob("*"))
    found = ttc("import", *([] if "--out" in arguments else ["--out", "run"]), *arguments)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert found.err.startswith("error: ") and message in found.err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_import_that_cannot_be_written_leaves_nothing_half_written(
    ttc: CommandLine, tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ttc.runs.directory.write_json", full)
    found = ttc("import", file, "--out", "run")
    assert (found.code, found.out) == (1, "") and "No space left on device" in found.err
    assert [*(tmp_path / "run").iterdir()] == []


def test_an_output_directory_is_needed(ttc: CommandLine, file: str) -> None:
    found = ttc("import", file)
    assert found.code == 2 and "--out" in found.err


def test_a_notebook_reads_an_imported_run(imported: Path) -> None:
    problems, candidates = package.load_run(imported)
    assert problems["pass1"].mean() == 0.4375 and len(candidates) == 4 * PROBLEMS
    assert candidates["score"].between(0, 1).all()
