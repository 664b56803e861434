"""RMSNorm in one kernel on a CPU: the same numbers as vLLM's own way, which is taken where the kernel cannot read."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ttc.engines.cpu_kernels import PROVIDER, kernel_config
from ttc.engines.environment import prepare

if not prepare():
    pytest.skip("vLLM has kernels of its own for GPUs", allow_module_level=True)
if not kernel_config():
    pytest.skip("this build of vLLM has no such kernel", allow_module_level=True)

EPSILON = 1e-6
SHAPES = [(1, 128), (65, 96), (3, 5, 64)]


def implementation(op: Any, provider: str) -> Any:
    return op.impls[provider].func_impl_fn


@pytest.mark.parametrize("shape", SHAPES)
def test_the_kernel_normalises_as_vllm_does(shape: tuple[int, ...]) -> None:
    from vllm import ir

    generator = torch.Generator().manual_seed(0)
    x, residual = torch.randn(2, *shape, generator=generator)
    weight = torch.randn(shape[-1], generator=generator)
    own, theirs = (implementation(ir.ops.rms_norm, name)(x, weight, EPSILON) for name in (PROVIDER, "native"))
    torch.testing.assert_close(own, theirs)
    fused = ir.ops.fused_add_rms_norm
    own, theirs = (
        implementation(fused, name)(x.clone(), residual.clone(), weight, EPSILON) for name in (PROVIDER, "native")
    )
    torch.testing.assert_close(own, theirs)


def test_what_the_kernel_cannot_read_is_left_to_vllm() -> None:
    from vllm import ir

    x, weight = torch.randn(6, 8), torch.randn(8)
    op = ir.ops.rms_norm
    with op.set_priority([PROVIDER]):
        assert op.dispatch(x, weight, EPSILON).provider == PROVIDER
        for arguments in ((x.T, torch.randn(6), EPSILON), (x, weight.half(), EPSILON), (x, None, EPSILON)):
            assert op.dispatch(*arguments).provider == "native"
        assert op.dispatch(x, weight, EPSILON, 4).provider == "native"
