"""Engines live as long as the process: where tests start many, each gets a small key-value cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ttc.engines import vllm_setup
from ttc.engines.vllm_setup import VllmSettings

BLOCKS = 1024  # of 32 tokens each


@pytest.fixture(scope="session")
def small_caches() -> Iterator[None]:
    """Limit the caches of engines that start from now on."""
    arguments = vllm_setup.engine_arguments

    def with_a_small_cache(settings: VllmSettings) -> dict[str, Any]:
        return arguments(settings) | {"num_gpu_blocks_override": BLOCKS}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vllm_setup, "engine_arguments", with_a_small_cache)
        yield
