"""The shape of a model that is not loaded, as its engine will report it."""

from __future__ import annotations

from ttc.cost import ModelShape
from ttc.engines.base import EngineConfig
from ttc.engines.ensemble import Ensemble, combined_shape
from ttc.engines.server.settings import ServerSettings
from ttc.engines.vllm_setup import VllmSettings, shape_of


def foreseen_shape(config: EngineConfig) -> ModelShape | None:
    """Return the shape; None where it is unknown: of what is not downloaded, of most servers, of others' engines."""
    if isinstance(config, VllmSettings):
        return shape_of(config.source, config.revision)
    if isinstance(config, ServerSettings):
        return None if config.directory is None else shape_of(str(config.directory))
    if isinstance(config, Ensemble):
        return combined_shape([foreseen_shape(member) for member in config.members.values()])
    return None


def checkpoints_of(*configs: EngineConfig | None) -> list[VllmSettings]:
    """Return the checkpoints that these engines load, those of an ensemble's members included, each once."""
    found: dict[str, VllmSettings] = {}
    for config in configs:
        if isinstance(config, VllmSettings):
            found.setdefault(repr(config), config)
        elif isinstance(config, Ensemble):
            found |= {repr(member): member for member in checkpoints_of(*config.members.values())}
    return list(found.values())
