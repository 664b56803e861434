"""`ttc verifier`: labelled steps in, tables and files out; the pocket verifier reads for real."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkpoints import copied
from command_line import CommandLine

from ttc.app.verifiers import compose_verifier
from ttc.engines.ensemble import Ensemble
from ttc.engines.verifier import VllmVerifier
from ttc.errors import UserError
from ttc.execution import executor
from ttc.files import read_csv
from ttc.pocket.problems import load_split

LONG = "This step says nothing. " * 200


def labelled(path: Path, problems: int = 12) -> Path:
    """Write a correct and a wrong solution of each of a few pocket problems."""
    with path.open("w") as lines:
        for problem in load_split("test")[:problems]:
            end = f"The answer is $\\boxed{{{problem.gold}}}$."
            wrong = [f"So it is {problem.gold}.", "1 + 1 = 3, which is 7.", end]
            for steps, label in (([wrong[0], end], -1), (wrong, 1)):
                lines.write(json.dumps({"problem": problem.question, "steps": steps, "label": label}) + "\n")
    return path


@pytest.fixture
def few(tmp_path: Path) -> Path:
    return labelled(tmp_path / "few.jsonl", 3)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A verifier that finds every step with "1 + 1 = 3" wrong; the names of those that were started."""
    from scripted import ScriptedEngine

    started: list[str] = []

    def start(verifier: VllmVerifier, memory: object = None) -> ScriptedEngine:
        started.append(verifier.name)
        return ScriptedEngine(lambda request, draw: 0.1 if "= 3" in request.trace.text else 0.9)

    monkeypatch.setattr(executor, "start_engine", start)
    yield started


def test_the_pocket_verifier_is_measured_for_real_and_a_second_time_from_the_store(
    ttc: CommandLine, tmp_path: Path, small_caches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = labelled(tmp_path / "rows.jsonl")
    found = ttc("verifier", "pocket", "--on", str(file), "--out", str(tmp_path / "out"))
    assert (found.code, found.err) == (0, "")
    assert "pocket on rows.jsonl" in found.out and "best on the other half: " in found.out
    assert "finding the first wrong step, %: 12 wrong and 12 correct solutions" in found.out
    values = read_csv(tmp_path / "out" / "values.csv")
    assert len(values) == 12 * 5 and values["value"].between(0, 1).all() and values["value"].nunique() > 12
    saved = json.loads((tmp_path / "out" / "step_quality.json").read_text())
    assert saved["verifier"]["name"] == "pocket" and saved["file"] == "rows.jsonl"
    monkeypatch.setattr("ttc.engines.verifier_engine.VerifierEngine.poll", lambda self: [])  # answers nothing any more
    again = ttc("verifier", "pocket", "--on", str(file))
    assert again.out == found.out


def test_a_perfect_verifier_finds_every_first_wrong_step(ttc: CommandLine, tmp_path: Path, scripted: list[str]) -> None:
    file = labelled(tmp_path / "rows.jsonl")
    found = ttc("verifier", "pocket", "--on", str(file), "--format", "csv", "store=off")
    assert (found.code, found.err, scripted) == (0, "", ["pocket"])
    rows = [row for row in csv.reader(found.out.splitlines()) if row and row[0] == "0.5"]
    [[_, wrong, wrong_lo, wrong_hi, correct, _, _, f1, *_]] = rows
    assert float(wrong) == float(correct) == float(f1) == 1 == float(wrong_hi) and float(wrong_lo) > 0.5
    assert not (tmp_path / "outputs").exists()  # store=off


def test_a_limit_measures_a_part(ttc: CommandLine, few: Path, scripted: list[str]) -> None:
    found = ttc("verifier", "pocket", "store=off", "--on", str(few), "--limit", "2", "--format", "csv")
    table = found.out.splitlines()[1:3]
    assert found.code == 0 and [row["solutions"] for row in csv.DictReader(table)] == ["2"]


def test_solutions_beyond_the_context_are_said_and_left_out(
    ttc: CommandLine, tmp_path: Path, small_caches: None
) -> None:
    file = labelled(tmp_path / "rows.jsonl", 3)
    long = json.dumps({"problem": "1+1?", "steps": ["2", LONG], "label": -1})
    file.write_text(file.read_text() + long + "\n")
    found = ttc("verifier", "pocket", "--on", str(file))
    assert found.code == 0 and "left out of all measures: solutions that exceed the verifier's context" in found.out
    file.write_text(long)
    found = ttc("verifier", "pocket", "--on", str(file))
    assert (found.code, found.out) == (2, "") and "none of 1 solutions fits its context" in found.err


def test_an_option_or_a_directory_names_the_verifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trained = compose_verifier(str(copied("prm", tmp_path / "my prm, v=2")), ["prm.max_model_len=128"]).verifier
    assert isinstance(trained, VllmVerifier)
    assert (trained.model, trained.format, trained.max_model_len) == (str(tmp_path / "my prm, v=2"), "plain", 128)
    (tmp_path / "pocket").mkdir()
    option = compose_verifier("pocket").verifier
    assert isinstance(option, VllmVerifier) and option.model == VllmVerifier().model
    assert compose_verifier("pocket", ["store=off"]).store is None
    assert isinstance(compose_verifier("ensemble").verifier, Ensemble)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pockt"], "prm=pockt: no such prm; did you mean prm=pocket?"),
        (["none"], "none: is no verifier; use e.g. ttc verifier pocket."),
        (["no/where"], "no/where: no such directory; give a checkpoint's directory or an option of prm"),
        (["prm=pocket"], "prm=pocket: no such directory"),
        (["empty"], "prm.model=empty"),
        (["pocket", "budget=4"], "budget=4: must be KEY=VALUE with a key of prm, generator, store"),
        (["pocket", "strategy.width=4"], "strategy.width=4: must be KEY=VALUE with a key of prm, generator, store"),
        (["pocket", "few.jsonl"], "few.jsonl: must be KEY=VALUE"),
        (["pocket", "prm=judge"], "prm=judge: the first argument chooses the verifier; use ttc verifier judge."),
        (["pocket", "prm.fromat=plain"], "prm.fromat=plain: no such key in VllmVerifier; did you mean prm.format?"),
        (["pocket", "prm.format=plain,trl"], "several values"),
        (["pocket", "prm.pooling=mean"], "prm.pooling=mean is not known"),
        (["pocket", "store.path="], "store.path is empty"),
        (["pocket", "--format", "html"], "--format html: is not known; use text, md, csv, latex."),
        (["pocket", "--limit", "0"], "--limit"),
        (["pocket", "--out", "few.jsonl"], "--out few.jsonl cannot be written"),
        (["pocket", "--on", "absent.jsonl"], "absent.jsonl: no such file"),
        (["pocket", "--on", "bad.jsonl"], "bad.jsonl:1: field 'label' is 9; with 1 steps"),
    ],
)
def test_a_bad_argument_is_one_line(
    ttc: CommandLine, tmp_path: Path, few: Path, scripted: list[str], arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.jsonl").write_text('{"problem": "?", "steps": ["a"], "label": 9}\n')
    found = ttc("verifier", "--on", "few.jsonl", *arguments)
    assert (found.code, found.out, found.err.count("\n"), scripted) == (2, "", 1, [])
    assert found.err.startswith("error: ") and message in found.err


def test_a_file_to_measure_on_is_needed(ttc: CommandLine) -> None:
    found = ttc("verifier", "pocket")
    assert found.code == 2 and "--on" in found.err


def test_a_judge_is_the_generator_of_the_overrides(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"prm\.model=\S*nowhere"):
        compose_verifier("judge", [f"generator.model={tmp_path}/nowhere"])
