"""Which run a directory holds: its settings and its command line, recorded in summary.json itself.

Hydra writes .hydra/ before a job starts, so a run that is killed early leaves its own .hydra beside the results of an
earlier one. Only what summary.json says belongs to the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ttc.errors import UserError
from ttc.runs.directory import RunDirectory, by_key

WHOLE_DIGEST = "whole_settings_digest"
"""Entry of a shard's summary.json: the settings digest of the run of all problems."""

_NO_SETTING = ("hydra.", "store", "tracker", "grading_", "workers")


@dataclass(frozen=True)
class RunIdentity:
    """What makes a run this one.

    Attributes:
        digest: of all settings that determine its results.
        overrides: of its command line.
    """

    digest: str
    overrides: tuple[str, ...] = ()

    def entries(self) -> dict[str, Any]:
        """Return the entries of summary.json that record it."""
        return {"overrides": list(self.overrides), "settings_digest": self.digest}


def refuse_other_run(run: RunDirectory, identity: RunIdentity, key: str) -> None:
    """Refuse a directory that holds the finished run of other settings; `key` is what chose it, e.g. hydra.run.dir.

    A run of the same settings keeps its results until the new ones replace them. Results that cannot be read do not
    count: running the experiment again is their remedy.

    Raises:
        UserError: with the other run's overrides.
    """
    try:
        summary = run.summary()
        overrides = run.overrides(summary)
    except UserError:
        return
    recorded = summary.get("settings_digest")
    if recorded is None:  # of an older ttc: its command line tells
        same = _settings(overrides) == _settings(by_key(identity.overrides))
    else:
        same = recorded == identity.digest
    if not same:
        shown = _shown([f"{name}={value}" for name, value in overrides.items() if not name.startswith("hydra.")])
        raise UserError(
            f"{key}: {run.path} holds a finished run of other settings ({shown}); choose another directory, or move "
            "that run away."
        )


def _settings(overrides: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in overrides.items() if not name.startswith(_NO_SETTING)}


def _shown(overrides: Sequence[str]) -> str:
    text = " ".join(overrides) or "no overrides"
    return text if len(text) <= 200 else f"{text[:200]}..."
