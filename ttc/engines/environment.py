"""What vLLM, torch and their companions read from the environment on import."""

from __future__ import annotations

import logging
import os
import warnings

QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TOKENIZERS_PARALLELISM": "false",
}


def silence() -> None:
    """Keep the libraries' warnings out of a run's output; call it before torch is imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm|torch")
    logging.getLogger("vllm").setLevel(os.environ["VLLM_LOGGING_LEVEL"])  # it warns before it reads its own level


def prepare() -> bool:
    """Set what vLLM and torch read from the environment on import; return whether this machine has no GPU.

    Variables that the user has set are kept.
    """
    silence()
    import torch

    on_cpu = not torch.cuda.is_available()
    if on_cpu:
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    return on_cpu
