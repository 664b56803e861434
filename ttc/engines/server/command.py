"""The command that serves a checkpoint as ttc would run it in its own process."""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ttc.engines.environment import prepare
from ttc.engines.vllm_setup import VllmSettings, engine_arguments

IN_PROCESS_ONLY = frozenset({"model", "use_tqdm_on_load", "kernel_config"})


def serve_command(settings: VllmSettings, port: int) -> list[str]:
    """Return the command's words.

    The server samples by its requests alone, without defaults from the checkpoint's generation_config.json; a
    generator's also reports what its prefix cache served.
    """
    given = {**engine_arguments(settings), **settings.more_arguments(), **settings.engine_args}
    words = [*_environment(settings), *_program(), settings.source, "--served-model-name", settings.model]
    for name, value in given.items():
        if name not in IN_PROCESS_ONLY and value is not None and value != {}:
            words += _option(name, value)
    words += ["--generation-config", "vllm", "--port", str(port)]
    return words if settings.group == "prm" else [*words, "--enable-prompt-tokens-details"]


def _environment(settings: VllmSettings) -> list[str]:
    """Return what sets the variables for this device: on a CPU the size of the cache, and threads that wait asleep.

    A server's processes and its clients share the cores: threads that wait busily would take them from each other.
    """
    if not prepare():
        return []
    space = max(1, round(settings.kv_cache_gib))
    return [
        *("env", f"VLLM_CPU_KVCACHE_SPACE={space}", "VLLM_CPU_OMP_THREADS_BIND=nobind"),
        "VLLM_ENABLE_V1_MULTIPROCESSING=0",  # no worker process beside the engine
        "OMP_WAIT_POLICY=PASSIVE",
    ]


def _program() -> list[str]:
    """Return the words before the model: vLLM's builds for CPUs come without a working `vllm` command."""
    try:
        version("vllm")
    except PackageNotFoundError:
        return [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model"]
    return ["vllm", "serve"]


def _option(name: str, value: object) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", value if isinstance(value, str) else json.dumps(_plain(value))]


def _plain(value: object) -> object:
    """Return a config object of vLLM as the JSON that its command line takes: what is not at its default."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed: dict[str, Any] = {}
    for field in fields(value):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if (found := getattr(value, field.name)) != default:
            changed[field.name] = found
    return changed
