"""The numbers of an engine's settings: what no engine can have, and what this machine or checkpoint cannot give."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from ttc.engines.inspection import Checkpoint
from ttc.errors import UserError

if TYPE_CHECKING:
    from ttc.engines.vllm_setup import VllmSettings

DTYPES = ("auto", "float32", "float16", "bfloat16", "float", "half")
PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
MOST_SEQUENCES = 65_536  # vLLM sets aside a row of the context's length for each
GIB = 2**30


def check_numbers(settings: VllmSettings) -> None:
    """Refuse values that are impossible whatever the checkpoint.

    Raises:
        UserError: with the value, the rule and the remedy.
    """
    key = settings.group
    if settings.max_model_len is not None and settings.max_model_len < 1:
        raise UserError(
            f"{key}.max_model_len={settings.max_model_len}: must be at least 1 token; use e.g. "
            f"{key}.max_model_len=4096, or null for all that the checkpoint can read."
        )
    if not 1 <= settings.max_num_seqs <= MOST_SEQUENCES:
        raise UserError(
            f"{key}.max_num_seqs={settings.max_num_seqs}: must be from 1 to {MOST_SEQUENCES} sequences at once; use "
            f"e.g. {key}.max_num_seqs=256."
        )
    if not 0 < settings.gpu_memory_utilization <= 1:
        raise UserError(
            f"{key}.gpu_memory_utilization={settings.gpu_memory_utilization}: must be above 0 and at most 1, a part of "
            f"the GPU's memory; use e.g. {key}.gpu_memory_utilization=0.4."
        )
    if settings.dtype not in DTYPES:
        raise UserError(f"{key}.dtype={settings.dtype}: not one of {', '.join(DTYPES)}; use e.g. {key}.dtype=auto.")
    _check_memory(settings)
    _check_devices(settings)


def check_length(settings: VllmSettings, checkpoint: Checkpoint) -> None:
    """Refuse a context that is longer than the checkpoint's.

    Raises:
        UserError: with the longest possible.
    """
    longest = checkpoint.longest_context
    given = settings.max_model_len
    overridden = {"max_model_len", "hf_overrides"} & settings.engine_args.keys()
    if given is None or longest is None or overridden or os.environ.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN"):
        return
    if given > longest:
        raise UserError(
            f"{settings.group}.max_model_len={given}: {checkpoint.key} reads at most {longest} tokens "
            f"(max_position_embeddings); use {settings.group}.max_model_len={longest} or less."
        )


def _check_memory(settings: VllmSettings) -> None:
    gib = settings.kv_cache_gib
    key = f"{settings.group}.kv_cache_gib"
    if not (math.isfinite(gib) and gib > 0):
        raise UserError(f"{key}={gib}: must be above 0, in GiB of memory; use e.g. {key}=4.")
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    if gib > total:
        raise UserError(f"{key}={gib}: this machine has {total:.0f} GiB of memory; use e.g. {key}={total / 4:.0f}.")


def _check_devices(settings: VllmSettings) -> None:
    """Refuse more GPUs than there are, wherever they are asked for: vLLM would wait for the others."""
    given = {"tensor_parallel_size": settings.tensor_parallel_size}
    if given["tensor_parallel_size"] < 1:
        raise UserError(
            f"{settings.group}.tensor_parallel_size={settings.tensor_parallel_size}: must be at least 1 GPU; use "
            f"{settings.group}.tensor_parallel_size=1."
        )
    given |= {name: settings.engine_args[name] for name in PARALLEL if name in settings.engine_args}
    if all(size == 1 for size in given.values()) or not all(isinstance(size, int) for size in given.values()):
        return
    import torch

    count, gpus = math.prod(given.values()), torch.cuda.device_count()
    if count > gpus:
        sizes = ", ".join(f"{name}={size}" for name, size in given.items())
        there = f"{gpus} GPU{'s' * (gpus > 1)}" if gpus else "no GPU here"
        raise UserError(f"{settings.group}.{sizes}: needs {count} GPUs, and there is {there}; use 1.")
