"""A run directory that a command makes without running anything: checked first, then written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.app.directories import Job, refuse_unusable
from ttc.errors import UserError
from ttc.files import write_text, written_for
from ttc.runs.directory import RunDirectory
from ttc.runs.holding import hold
from ttc.runs.hydra_files import CONFIG
from ttc.runs.identity import RunIdentity
from ttc.terminal import printable_line

if TYPE_CHECKING:
    import pandas as pd


def check_out(out: Path, identity: RunIdentity) -> None:
    """Refuse a directory that cannot be written, or holds anything but what the same command wrote.

    Raises:
        UserError: with what is there.
    """
    refuse_unusable(Job(out.absolute(), (), "--out"))
    if not out.exists():
        return
    names = sorted(os.listdir(out))
    try:
        if not names or RunDirectory(out).summary().get("settings_digest") == identity.digest:
            return
    except UserError:
        pass
    raise UserError(
        f"--out {out} already holds {printable_line(', '.join(names), 80)}; choose a new directory, or move that one "
        "away."
    )


def write_new_run(
    out: Path,
    identity: RunIdentity,
    summary: Mapping[str, Any],
    table: pd.DataFrame,
    rows: Iterable[str],
    trees: Iterable[str] = (),
    config: Mapping[str, object] | None = None,
) -> None:
    """Write the files of a run, see `RunDirectory.write`, and its config as Hydra would have recorded it.

    Raises:
        UserError: the directory cannot be written, or holds something else.
        RunError: the disk is full.
    """
    with written_for(out, "--out"), hold(out):
        check_out(out, identity)  # the work may have taken long
        RunDirectory(out).write({**summary, **identity.entries()}, table, rows, trees)
        if config is not None:
            from omegaconf import OmegaConf

            write_text(out / CONFIG, OmegaConf.to_yaml(OmegaConf.create(dict(config))))
