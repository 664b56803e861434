"""Results are never taken for those of another run, and never replaced by them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_records import records, rows_of, write_run

from ttc.errors import UserError
from ttc.files import write_lines
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import Run
from ttc.runs.frames import load_run
from ttc.runs.identity import RunIdentity, refuse_other_run

OURS = RunIdentity("ours", ("budget=4", "hydra.run.dir=x", "store=off"))
OTHER = RunIdentity("other", ("budget=8",))


def test_overrides_are_read_from_the_summary_whatever_hydra_wrote_later(tmp_path: Path) -> None:
    write_run(tmp_path, overrides=["budget=8"], identity=OURS)  # .hydra is of a later run, which was killed
    run = Run.load(tmp_path)
    assert run.overrides == {"budget": "4", "hydra.run.dir": "x", "store": "off"}
    assert run.settings["budget"] == "4"


def test_only_the_same_settings_may_replace_results(tmp_path: Path) -> None:
    run = write_run(tmp_path, identity=OURS)
    refuse_other_run(run, OURS, "hydra.run.dir")
    with pytest.raises(UserError) as error:
        refuse_other_run(run, OTHER, "hydra.run.dir")
    assert str(error.value) == (
        f"hydra.run.dir: {tmp_path} holds a finished run of other settings (budget=4 store=off); choose another "
        "directory, or move that run away."
    )


def test_results_of_an_older_version_are_identified_by_their_command_line(tmp_path: Path) -> None:
    run = write_run(tmp_path, overrides=["budget=4", "hydra.run.dir=y", "workers=2"])
    refuse_other_run(run, OURS, "hydra.run.dir")
    with pytest.raises(UserError, match="holds a finished run of other settings"):
        refuse_other_run(run, OTHER, "hydra.run.dir")


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"overrides": 3}'])
def test_results_that_cannot_be_read_do_not_block_the_run_that_replaces_them(
    tmp_path: Path, content: str | None
) -> None:
    run = RunDirectory(tmp_path)
    if content is not None:
        run.summary_file.write_text(content)
    refuse_other_run(run, OURS, "hydra.run.dir")


@pytest.mark.parametrize("name", ["problems.jsonl", "accuracy.csv"])
def test_files_of_two_runs_are_never_taken_for_one(tmp_path: Path, name: str) -> None:
    write_run(tmp_path / "run")
    write_run(tmp_path / "other", records()[:2])
    (tmp_path / "other" / name).rename(tmp_path / "run" / name)  # a writer was killed between two of its renames
    with pytest.raises(UserError, match=rf"{name} is not the file that summary\.json was written with: .*ttc grade "):
        load_run(tmp_path / "run")


def test_runs_of_an_older_version_without_digests_are_read(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    summary = run.summary()
    del summary["files"]
    run.summary_file.write_text(json.dumps(summary))
    write_lines(run.problems_file, rows_of(records()[:2]))
    assert len(load_run(tmp_path).problems) == 2
