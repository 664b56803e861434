"""RMSNorm on a CPU in one kernel.

vLLM's CPU build has the kernel, but vLLM chooses it on GPUs alone and normalises with a chain of torch operations here.
Registered as an implementation of its own, it makes the pocket's sampling about 1.05 times as fast, with the same
tokens.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

PROVIDER = "ttc_cpu"


@cache
def kernel_config() -> dict[str, Any]:
    """Register the kernel, once per process; return the EngineArgs that choose it, none where there is no kernel."""
    import vllm.kernels  # noqa: F401  # vLLM's own implementations, and torch.ops._C
    from vllm import ir

    if not (hasattr(torch.ops._C, "rms_norm") and hasattr(torch.ops._C, "fused_add_rms_norm")):
        return {}
    ir.ops.rms_norm.register_impl(PROVIDER, supports_args=_reads)(_rms_norm)
    ir.ops.fused_add_rms_norm.register_impl(PROVIDER, supports_args=_reads_residual, inplace=True)(_fused_add_rms_norm)
    return {"kernel_config": {"ir_op_priority": {"rms_norm": [PROVIDER], "fused_add_rms_norm": [PROVIDER]}}}


def _rms_norm(
    x: torch.Tensor, weight: torch.Tensor | None, epsilon: float, variance_size: int | None = None
) -> torch.Tensor:
    output = torch.empty_like(x)
    torch.ops._C.rms_norm(output, x, weight, epsilon)
    return output


def _fused_add_rms_norm(
    x: torch.Tensor,
    x_residual: torch.Tensor,
    weight: torch.Tensor | None,
    epsilon: float,
    variance_size: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Write the normalised sum of both over x, and the sum itself over the residual."""
    torch.ops._C.fused_add_rms_norm(x, x_residual, weight, epsilon)
    return x, x_residual


def _reads(x: torch.Tensor, weight: torch.Tensor | None, epsilon: float, variance_size: int | None = None) -> bool:
    """Whether the kernel can read these; otherwise vLLM's own way is taken."""
    return variance_size is None and weight is not None and weight.dtype == x.dtype and x.is_contiguous()


def _reads_residual(
    x: torch.Tensor,
    x_residual: torch.Tensor,
    weight: torch.Tensor | None,
    epsilon: float,
    variance_size: int | None = None,
) -> bool:
    return _reads(x, weight, epsilon, variance_size) and x_residual.is_contiguous()
