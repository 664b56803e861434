"""Engines that a test starts for itself are released after it: each holds a gigabyte of key-value cache."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ttc.engines import base


@pytest.fixture(autouse=True)
def _release_engines() -> Iterator[None]:
    """Keep only the engines that fixtures of a whole module had started before the test."""
    before = set(base._engines)
    yield
    started = [key for key in base._engines if key not in before]
    for key in started:
        del base._engines[key]
    if started:
        gc.unfreeze()  # engines are frozen for speed; this process outlives them
        gc.collect()
