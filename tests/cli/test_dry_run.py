"""`ttc run --dry-run` checks everything, says what jobs will take, and runs and writes nothing."""

from __future__ import annotations

import hashlib
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from rich.console import Console
from wordy import Wordy, config

from ttc.app.dry_run import DryJob, show_dry_run
from ttc.config import RunConfig
from ttc.data.datasets import PocketDataset
from ttc.store.database import Store
from ttc.strategies.parallel import Majority

SHORT = ("--dry-run", "--tokens-per-generation", "50")


def rows_of(text: str) -> dict[str, dict[str, str]]:
    """Return the cells of the table of jobs by job and column; columns are parted by two blanks or more."""
    lines = text.splitlines()[2:]
    header, *rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[: lines.index("")]]
    if header[0] != "job":
        header, rows = ["job", *header], [["", *row] for row in rows]
    return {row[0]: dict(zip(header[-len(row) + 1 :], row[1:], strict=True)) for row in rows}


def printed(*configs: RunConfig, **settings: Any) -> str:
    console = Console(file=StringIO(), highlight=False)
    jobs = [DryJob(run, (f"seed={run.seed}",)) for run in configs]
    show_dry_run(jobs, console=console, **settings)
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def test_a_dry_run_says_what_a_run_takes_and_leaves_nothing(ttc: CommandLine, tmp_path: Path) -> None:
    outcome = ttc("run", "strategy=beam", "budget=16", *SHORT, "data.limit=20", "data.shard=2/4")
    assert (outcome.code, outcome.err) == (0, "")
    title = "dry run: beam, budget 16, pocket (5 of 20 problems: data.limit=20, data.shard=2/4)"
    assert outcome.out.splitlines()[0] == title
    [row] = rows_of(outcome.out).values()
    assert (row["generations"], row["decoded"]) == ("80", "4.00e+03") and "hours" not in row
    assert "--tokens-per-second" in outcome.out and "generator pocket" in outcome.out
    assert ttc.runs == [] and list(tmp_path.iterdir()) == []


def test_a_sweep_has_a_row_for_each_job_and_their_sum(ttc: CommandLine, tmp_path: Path) -> None:
    outcome = ttc("run", "-m", "strategy=best_of_n", "budget=4,8", *SHORT, "--tokens-per-second", "1", "data.limit=9")
    found = rows_of(outcome.out)
    assert list(found) == ["budget=4", "budget=8", "all"]
    assert [row["generations"] for row in found.values()] == ["36", "72", "108"]
    assert [row["decoded"] for row in found.values()] == ["1.80e+03", "3.60e+03", "5.40e+03"]
    assert [row["hours"] for row in found.values()] == ["0.5", "0.5", "1"]  # the second samples only what is new
    assert ttc.runs == [] and list(tmp_path.iterdir()) == []


def test_upper_bounds_are_marked(ttc: CommandLine) -> None:
    bounded = ttc("run", "strategy=best_of_n", "budget=4", "--dry-run", "data.limit=5").out
    [row] = rows_of(bounded).values()
    assert row["generations"] == "20" and row["decoded"].startswith("≤ ")
    assert "a generation: at most 192 tokens (generator.max_tokens=192;" in bounded
    adaptive = ttc("run", "strategy=adaptive_consistency", "selection=majority", "budget=4", *SHORT).out
    [row] = rows_of(adaptive).values()
    assert row["generations"].startswith("≤ ") and row["verifier"] == "0"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("budget=10",), "budget=10 is not a multiple of width=4; use 8 or 12."),
        (("data.shard=9/8",), "data.shard=9/8: must be K/N, "),
        (("data.shard=3/0",), "data.shard=3/0: must be K/N, "),
        (("data.shard=3",), "data.shard=3: must be K/N, "),
        (("data.shard=101/200",), "data.shard=101/200: takes none of the 100 problems; "),
        (("data=jsonl", "data.path=nowhere.jsonl"), "nowhere.jsonl"),
        (("-m", "budget=4,8", "data.shard=1/2,a/b"), "data.shard=a/b: must be K/N, "),
        (("generator.model=some/model",), "generator.model=some/model: HF_HUB_OFFLINE is set"),
        (("hydra.run.dir=/dev/null/x",), "hydra.run.dir=/dev/null/x cannot be used"),
        (("budgt=3",), "budgt"),
    ],
)
def test_what_a_run_refuses_a_dry_run_refuses_with_the_same_line(
    arguments: tuple[str, ...], error: str, ttc: CommandLine, tmp_path: Path
) -> None:
    run, dry = ttc("run", *arguments), ttc("run", *arguments, "--dry-run")
    assert (dry.code, dry.out, dry.err) == (2, "", run.err)
    assert run.code == 2 and error in dry.err and dry.err.count("\n") == 1
    assert ttc.runs == [] and list(tmp_path.iterdir()) == []


def test_a_directory_with_another_run_is_refused(ttc: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "summary.json").write_text('{"settings_digest": "other", "overrides": ["budget=4"]}')
    arguments = ("budget=8", "hydra.run.dir=here")
    dry = ttc("run", *arguments, "--dry-run")
    assert (dry.code, dry.out) == (2, "") and dry.err == ttc("run", *arguments).err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--tokens-per-second", "9"), "--tokens-per-second 9: is read by --dry-run alone"),
        (("--tokens-per-generation", "9"), "--tokens-per-generation 9: is read by --dry-run alone"),
        (("--dry-run", "--tokens-per-generation", "0"), "--tokens-per-generation 0: must be at least 1 token"),
        (("--dry-run", "--tokens-per-second", "0"), "--tokens-per-second 0: must be a number above 0"),
        (("--dry-run", "--tokens-per-second", "nan"), "--tokens-per-second nan: must be a number above 0"),
        (("--dry-run", "--tokens-per-second", "x"), "'--tokens-per-second'"),
        (("--dry-run", "--experimental-rerun", "x.pickle"), "--experimental-rerun: --dry-run composes its jobs"),
    ],
)
def test_impossible_numbers_and_flags_are_refused(arguments: tuple[str, ...], error: str, ttc: CommandLine) -> None:
    outcome = ttc("run", *arguments)
    assert (outcome.code, outcome.out) == (2, "") and error in outcome.err and ttc.runs == []


def test_hydras_own_flags_keep_working(ttc: CommandLine) -> None:
    assert ttc("run", "--dry-run", "--cfg", "job").out == ttc("run", "--cfg", "job").out != ""
    assert "--dry-run checks everything" in ttc("run", "--help").out
    wide = ttc("run", "-cd", ".", "strategy=majority", "selection=majority", "budget=4", *SHORT)
    assert wide.code == 0 and wide.out.startswith("dry run: majority, budget 4, ")


def test_a_store_is_read_and_stays_as_it_is(ttc: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    with Store(file) as store:
        store.keep([(b"key", "pocket", "sample", "{}")])
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    assert ttc("run", "--dry-run", "budget=4", "store.path=store.sqlite", "data.limit=2").code == 0
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before and list(tmp_path.iterdir()) == [file]


def test_models_without_a_shape_have_no_flops_and_no_memory() -> None:
    run = config(Majority(), prm=None, generator=Wordy(), data=PocketDataset(limit=3), budget=2)
    text = printed(run, tokens_per_generation=50)
    [row] = rows_of(text).values()
    assert (row["paper FLOPs"], row["full FLOPs"], row["decoded"]) == ("unknown", "unknown", "3.00e+02")
    assert "generator wordy: its shape is unknown" in text and "dtype" not in text


def test_what_a_checkpoint_on_the_hub_takes_is_unknown_before_it_is_downloaded(
    ttc: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttc.engines.vllm_setup.check_available", lambda key, source, revision: None)
    text = ttc("run", "generator.model=some/model", "budget=4", "data.limit=2", *SHORT).out
    [row] = rows_of(text).values()
    assert (row["paper FLOPs"], row["full FLOPs"], row["decoded"]) == ("unknown", "unknown", "4.00e+02")
    [line] = [line for line in text.splitlines() if line.startswith("generator some/model  ")]
    assert line.split()[3:] == [*["unknown"] * 3, "8", "x", "unknown", "unknown"]
    assert "generator some/model: its shape is unknown (not downloaded, or run elsewhere)" in text
    assert "a prompt: " in text and "at 4 characters to a token" in text


def test_a_length_that_nothing_tells_is_unknown() -> None:
    run = config(Majority(), prm=None, generator=Wordy(), data=PocketDataset(limit=3), budget=2)
    [row] = rows_of(printed(run, tokens_per_second=9)).values()
    assert row == dict.fromkeys(row, "unknown") | {"generations": "6"} and "hours" in row


def test_names_are_shown_as_they_are() -> None:
    run = config(Majority(), generator=Wordy("[red]x\x1b[0m"), data=PocketDataset(name="[/b]", limit=3), budget=2)
    text = printed(run, tokens_per_generation=50)
    assert "[red]x\\x1b[0m" in text and "[/b] (3 of 500" in text and "\x1b" not in text
