"""`ttc difficulty`: runs in, tables out; the generator's hidden states are scripted."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import CommandLine
from run_records import record, write_run

from ttc.app.difficulties import compose_generator
from ttc.cost import Flops
from ttc.difficulty.table import DifficultyKind, DifficultyTable
from ttc.engines.generator import VllmGenerator
from ttc.models import Embeddings, ModelId
from ttc.runs.records import CandidateRecord, ProblemRecord
from ttc.types import Problem


def solved(number: int, *, scored: bool = True) -> ProblemRecord:
    """Return a problem of which number of 40 candidates are correct, and scored a little too high, if at all."""
    candidates = tuple(
        CandidateRecord("", "1", n < number, values=((0.9 if n < number else 0.1),) if scored else ())
        for n in np.random.default_rng(number).permutation(40).tolist()
    )
    known = record(f"p{number:02}", {"weighted": True})
    return replace(known, candidates=candidates, question=str(number), flops=Flops(400, 4000))


def made(directory: Path, numbers: Sequence[int] = range(40), *, scored: bool = True, **entries: object) -> str:
    model = {"name": "pocket", "fingerprint": compose_generator([]).fingerprint(), "parameters": 10}
    known: dict[str, Any] = {"models": {"generator": model, "prm": model}, "overrides": [], **entries}
    write_run(directory, [solved(number, scored=scored) for number in numbers], **known)
    return str(directory)


@pytest.fixture
def hidden_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that understands nothing of a problem but its number."""

    def embed(self: VllmGenerator, problems: Sequence[Problem]) -> Embeddings:
        return Embeddings(np.array([[float(p.question)] for p in problems]), 3 * len(problems), 30 * len(problems))

    monkeypatch.setattr(VllmGenerator, "embed", embed)


def overview(out: str) -> dict[str, dict[str, str]]:
    """Return the first table of CSV output, by the difficulty's name."""
    lines = out[: out.index("\n\n")].splitlines()
    return {row["difficulty"]: row for row in csv.DictReader(io.StringIO("\n".join(lines[1:])))}


def test_predicted_difficulty_is_compared_on_the_same_samples_on_the_other_half_and_on_few(
    ttc: CommandLine, tmp_path: Path
) -> None:
    found = ttc("difficulty", made(tmp_path / "run"), "--samples", "4", "--format", "csv")
    assert (found.code, found.err) == (0, "")
    rows = overview(found.out)
    correlation = {name: float(row["rank correlation"]) for name, row in rows.items()}
    assert correlation["predicted"] == pytest.approx(1)
    half, ceiling = (correlation[f"{name}, other half of the samples"] for name in ("predicted", "oracle"))
    assert half == pytest.approx(ceiling) and correlation["predicted, 4 samples"] < half < 1


def test_tables_are_written_and_load_again(ttc: CommandLine, tmp_path: Path, hidden_states: None) -> None:
    run, other = made(tmp_path / "run", range(1, 40, 2)), made(tmp_path / "other", range(0, 40, 2))
    out = tmp_path / "new" / "tables"
    found = ttc("difficulty", run, "--samples", "4", "--learn-from", other, "--out", str(out))
    assert (found.code, found.err) == (0, "") and "problems by quintile: oracle (rows), learned (columns)" in found.out
    tables = {file.stem: DifficultyTable.load(file) for file in out.iterdir()}
    assert set(tables) == {"oracle", "predicted", "predicted-4", "learned"}
    assert tables["learned"].kind is DifficultyKind.learned and tables["learned"].flops == Flops(0, 30)
    assert tables["predicted-4"].flops == Flops(40, 400) and tables["predicted-4"].generations == 4
    assert max(abs(tables["learned"].values[id_] - value) for id_, value in tables["oracle"].values.items()) < 0.05


def test_a_run_without_a_verifier_can_be_learned_from_and_compared(
    ttc: CommandLine, tmp_path: Path, hidden_states: None
) -> None:
    run = made(tmp_path / "majority", scored=False, strategy="majority")
    found = ttc("difficulty", run, "--learn-from", run, "--format", "csv")
    assert (found.code, found.err) == (0, "")
    assert set(overview(found.out)) == {"learned", "oracle, other half of the samples"}


def test_an_imported_run_is_learned_from_with_the_generator_that_the_user_names(
    ttc: CommandLine, tmp_path: Path, hidden_states: None
) -> None:
    models = {"generator": ModelId("small", "of its name").to_json(), "prm": None}
    run = made(tmp_path / "run", models=models, imported={"files": ["rows.jsonl"]})
    unnamed = ttc("difficulty", run, "--learn-from", run)
    assert unnamed.code == 2 and "run was imported, and does not say how its generator is loaded; add" in unnamed.err
    found = ttc("difficulty", run, "--learn-from", run, "--generator", "generator=pocket", "--format", "csv")
    assert (found.code, found.err) == (0, "") and "learned" in overview(found.out)


def test_absolute_thresholds_are_beside_quintiles(ttc: CommandLine, tmp_path: Path) -> None:
    found = ttc("difficulty", made(tmp_path / "run"), "--thresholds", "0.8,0.6,0.4,0.2")
    assert found.code == 0
    assert "problems by quintile: oracle (rows), predicted" in found.out
    assert "problems by bin at 0.8, 0.6, 0.4, 0.2: oracle (rows), predicted" in found.out


@pytest.mark.parametrize("name", ["text", "md", "csv", "latex"])
def test_every_format_is_printed(ttc: CommandLine, tmp_path: Path, name: str) -> None:
    found = ttc("difficulty", made(tmp_path / "run"), "--format", name)
    assert (found.code, found.err) == (0, "") and "calibration: predicted" in found.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--samples", "41"], "samples=41: "),
        (["--regression", "forest"], "--regression forest: is not known; use ridge, logistic."),
        (["--thresholds", "0.2,0.8"], "--thresholds 0.2,0.8: must be 4 falling numbers between 0 and 1"),
        (["--format", "html"], "--format html: is not known; use text, md, csv, latex."),
        (["--out", "file"], "--out file"),
        (["--learn-from", "run", "--generator", "generator=nope"], "generator=nope"),
        (["--learn-from", "run", "--generator", "budget=4"], "--generator budget=4: must be an override of the"),
        (["--learn-from", "run", "--generator", "generator.temperature=0.1"], "was made by another generator than"),
        (["--learn-from", "absent"], "absent holds no finished run"),
        (["--learn-from", "small"], "small has 5 problems to learn from; at least 20 are needed"),
        (["--learn-from", "beam"], "beam is not a run of independent samples"),
    ],
)
def test_a_bad_option_is_one_line(
    ttc: CommandLine, tmp_path: Path, hidden_states: None, options: list[str], message: str
) -> None:
    made(tmp_path / "run")
    made(tmp_path / "small", range(5))
    made(tmp_path / "beam", selections={"weighted": {}})
    (tmp_path / "file").write_text("")
    found = ttc("difficulty", "run", *options)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert found.err.startswith("error: ") and message in found.err


def test_runs_that_cannot_be_compared_are_one_line_each(ttc: CommandLine, tmp_path: Path) -> None:
    made(tmp_path / "majority", scored=False)
    made(tmp_path / "old", models=None)
    made(tmp_path / "custom", overrides=["generator=mine"])
    for arguments, message in (
        (["majority"], "has no verifier values, so only its oracle difficulty is known"),
        (["old", "--learn-from", "majority"], "old does not say which model made it"),
        (["custom", "--learn-from", "majority"], "custom: its generator cannot be composed again"),
    ):
        found = ttc("difficulty", *arguments)
        assert (found.code, found.out, found.err.count("\n")) == (2, "", 1) and message in found.err
