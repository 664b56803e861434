"""The engines of a run share its GPU: each claims a part of the memory, and the parts must fit."""

from __future__ import annotations

from collections.abc import Iterator

from ttc.engines.base import EngineConfig
from ttc.engines.ensemble import Ensemble
from ttc.engines.environment import prepare
from ttc.engines.vllm_setup import VllmSettings
from ttc.errors import UserError

ROUNDING = 1e-6


def check_shares(*configs: EngineConfig | None) -> None:
    """Refuse engines that together claim more than all of a GPU's memory, before the second of them fails to load.

    Raises:
        UserError: with each engine's share.
    """
    shares: dict[str, tuple[str, float]] = {}  # by content: engines of the same config are one
    for key, settings in _claimants(configs):
        if "kv_cache_memory_bytes" not in settings.engine_args:  # else vLLM claims those, and no share
            share = settings.engine_args.get("gpu_memory_utilization", settings.gpu_memory_utilization)
            if isinstance(share, int | float):
                shares.setdefault(repr(settings), (f"{key}.gpu_memory_utilization={share}", share))
    total = sum(share for _, share in shares.values())
    if len(shares) < 2 or total <= 1 + ROUNDING or prepare():
        return
    claims = ", ".join(claim for claim, _ in shares.values())
    raise UserError(
        f"{claims}: together {total:.3g} of the GPU's memory that these engines share; lower them to a sum of at most "
        "1, e.g. 0.95: it must leave room for what else is on the GPU."
    )


def _claimants(configs: tuple[EngineConfig | None, ...]) -> Iterator[tuple[str, VllmSettings]]:
    for config in configs:
        if isinstance(config, VllmSettings):
            yield config.group, config
        elif isinstance(config, Ensemble):
            for name, member in config.members.items():
                if isinstance(member, VllmSettings):
                    yield f"prm.members.{name}", member
