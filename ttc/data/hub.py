"""Datasets on the Hugging Face hub become rows; one that is missing is refused within seconds, on one line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ttc.errors import UserError
from ttc.hub import Finding, look_for_dataset, one_line

_LOGGERS = ("huggingface_hub", "datasets", "httpx", "filelock", "fsspec", "urllib3")
_FILE = "set data.path=FILE (a .jsonl, .json, .csv or .parquet file)"


def read_hub(
    hub: str, config: str | None, split: str, revision: str | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, row) for each row of a dataset on the Hugging Face hub, at a commit, tag or branch.

    Where the hub cannot be reached, an earlier download is read.

    Raises:
        UserError: it cannot be loaded.
    """
    with _quiet():
        unreachable = None if Path(hub).exists() else _look(hub, revision)
        rows = _load(hub, config, split, revision, unreachable)
    for number, row in enumerate(rows, start=1):
        yield f"{hub} row {number}", row


def _look(hub: str, revision: str | None = None) -> str | None:
    """Ask the hub for the dataset once; return why there is no answer, or None.

    Raises:
        UserError: the hub has no such dataset.
    """
    found = look_for_dataset(hub, revision)
    if found.finding is Finding.MISNAMED:
        raise UserError(f"data.hub={hub}: not the name of a dataset; it looks like openai/gsm8k.")
    if found.finding is Finding.ABSENT and revision is not None:
        raise UserError(
            f"data.hub={hub} data.revision={revision}: {found.endpoint} has no such dataset or no such revision of it; "
            "check both (a revision is a commit, tag or branch), or set data.revision=null for the newest."
        )
    if found.finding is Finding.ABSENT:
        raise UserError(
            f"data.hub={hub}: {found.endpoint} has no such dataset, or it is private; check the name, log in with "
            f"`hf auth login`, or {_FILE}."
        )
    return found.reason or None


def _load(hub: str, config: str | None, split: str, revision: str | None, unreachable: str | None) -> Any:
    import datasets

    named = f"data.hub={hub}" + (f" data.revision={revision}" if revision else "")
    pinned = {"revision": revision} if revision else {}
    try:
        with _offline(unreachable is not None):
            return datasets.load_dataset(hub, config, split=split, **pinned)
    except Exception as error:  # the hub's client raises whatever its transports raise; each means "not loaded"
        text = str(error)
        if "gated dataset" in text:
            raise UserError(
                f"{named}: a gated dataset; accept its terms on its page and log in with `hf auth login`, or {_FILE}."
            ) from None
        if known := re.search(r"Unknown split .*?Should be one of (.*?)\.?$", text, re.DOTALL):
            raise UserError(f"data.split={split}: {hub} has no such split; use one of {_names(known[1])}.") from None
        if known := re.search(r"Available: (\[.*?\])|available configs: (\[.*?\])", text, re.DOTALL):
            names = _names(known[1] or known[2])
            if config is None:
                raise UserError(f"{named} has several configs; set data.hub_config to one of {names}.") from None
            raise UserError(f"data.hub_config={config}: {hub} has no such config; use one of {names}.") from None
        if unreachable is not None:
            raise UserError(
                f"{named} (split {split}): {unreachable}, and there is no earlier download of it; "
                f"check the network, or {_FILE}."
            ) from None
        raise UserError(
            f"{named} (split {split}) cannot be loaded: {one_line(error)}; check the name and the network, or {_FILE}."
        ) from None


def _names(listed: str) -> str:
    return ", ".join(re.findall(r"['\"]([^'\"]*)['\"]", listed)) or listed


@contextmanager
def _offline(wanted: bool) -> Iterator[None]:
    """Let the hub's clients read their caches only, without a second try of the network."""
    import datasets.config
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    if wanted:
        constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the clients' logs and bars: what matters of them is in the error."""
    import datasets
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    datasets.disable_progress_bars()
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
