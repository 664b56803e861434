"""Starting vLLM: one place for the settings that make it fast on this device, and for quiet logs."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING, Any, Protocol

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


class EngineSettings(Protocol):
    """The fields of a config that say how its engine is run."""

    dtype: str
    max_model_len: int | None
    max_num_seqs: int
    gpu_memory_utilization: float
    kv_cache_gib: float
    tensor_parallel_size: int


def launch(model: str, settings: EngineSettings, **more: Any) -> LLMEngine:
    """Load a checkpoint into a vLLM engine with prefix caching. `more` goes to vLLM's EngineArgs."""
    arguments = engine_arguments(model, settings)
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    return LLMEngine.from_engine_args(EngineArgs(**arguments, **more), enable_multiprocessing=not prepare())


def engine_arguments(model: str, settings: EngineSettings) -> dict[str, Any]:
    """What vLLM is told about a checkpoint on this device."""
    arguments: dict[str, Any] = {
        "model": model,
        "dtype": settings.dtype,
        "max_model_len": settings.max_model_len,
        "max_num_seqs": settings.max_num_seqs,
        "tensor_parallel_size": settings.tensor_parallel_size,
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
    }
    if not prepare():
        return arguments | {"gpu_memory_utilization": settings.gpu_memory_utilization}
    os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(settings.kv_cache_gib)))
    return arguments | {
        "dtype": "float32" if settings.dtype == "auto" else settings.dtype,
        "enforce_eager": True,
        "distributed_executor_backend": "uni",
        "block_size": CPU_BLOCK_SIZE,
        # vLLM rewinds the random generator of a half-prefilled request, which CPU generators cannot do: no halves.
        "enable_chunked_prefill": False,
    }


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
