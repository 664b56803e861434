"""Starting vLLM: one place for the settings that make it fast on this device, and for quiet logs."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING, Any

from ttc.engines.checkpoint import local_directory
from ttc.errors import UserError
from ttc.ledger import Shape

if TYPE_CHECKING:
    from vllm.v1.engine.llm_engine import LLMEngine

QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TOKENIZERS_PARALLELISM": "false",
}
CPU_BLOCK_SIZE = (
    32  # the smallest that the CPU attention takes: short prompts hit the prefix cache only in whole blocks
)


def launch(
    model: str,
    *,
    dtype: str,
    max_model_len: int | None,
    max_num_seqs: int,
    gpu_memory_utilization: float,
    kv_cache_gib: float,
    tensor_parallel_size: int,
    **more: Any,
) -> LLMEngine:
    """Load a checkpoint into a vLLM engine with prefix caching. `more` goes to vLLM's EngineArgs."""
    on_cpu = prepare()
    if on_cpu:
        os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(kv_cache_gib)))
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    arguments: dict[str, Any] = {
        "model": model,
        "dtype": "float32" if on_cpu and dtype == "auto" else dtype,
        "max_model_len": max_model_len,
        "max_num_seqs": max_num_seqs,
        "tensor_parallel_size": tensor_parallel_size,
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        **more,
    }
    if on_cpu:
        arguments |= {"enforce_eager": True, "distributed_executor_backend": "uni", "block_size": CPU_BLOCK_SIZE}
        # vLLM rewinds the random generator of a half-prefilled request, which CPU generators cannot do: no halves.
        arguments["enable_chunked_prefill"] = False
    else:
        arguments["gpu_memory_utilization"] = gpu_memory_utilization
    return LLMEngine.from_engine_args(EngineArgs(**arguments), enable_multiprocessing=not on_cpu)


def silence() -> None:
    """Keep the libraries' warnings out of a run's output; to be called before torch is imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm|torch")
    logging.getLogger("vllm").setLevel(os.environ["VLLM_LOGGING_LEVEL"])  # it warns before it reads its own level


def prepare() -> bool:
    """Set what vLLM and torch read from the environment when they are imported; return whether this is a CPU.

    What the user has set stays.
    """
    silence()
    import torch

    on_cpu = not torch.cuda.is_available()
    if on_cpu:
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    return on_cpu


def shape_of(model: str) -> Shape | None:
    """The shape of a checkpoint (a directory, or a hub id that was loaded); None where it cannot be read."""
    directory = local_directory(model)
    if directory is None:
        return None
    try:
        return Shape.of_checkpoint(directory)
    except UserError:  # e.g. weights in another format: the run goes on, its FLOPs are unknown
        return None
