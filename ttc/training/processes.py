"""Several processes that fit one model together, as `accelerate launch` or `torchrun` starts them.

Each holds the whole model and takes its share of a step's passes; their gradients are added up, so that all of them
take the same step as one process would. The main process alone samples, evaluates, reports and writes files.

A launcher announces itself in the environment. Without one nothing here imports more than the standard library.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ttc.errors import RunError, UserError

if TYPE_CHECKING:
    import torch

_VARIABLES = frozenset(
    {"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}
    | {"GROUP_RANK", "GROUP_WORLD_SIZE", "ROLE_NAME", "ROLE_RANK", "ROLE_WORLD_SIZE"}
)
_PREFIXES = ("TORCHELASTIC_", "ACCELERATE_")
POLL_SECONDS = 0.5
# The others wait in a collective operation while the main process evaluates, which may take hours. A process that
# dies needs no time limit to be noticed: the launcher ends the rest.
PATIENCE = timedelta(days=7)
SECONDS_FOR_MAIN_TO_FAIL = 60.0

T = TypeVar("T")


def world_size() -> int:
    """Return how many processes the launcher has started; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1


def is_main() -> bool:
    """Whether this process samples, evaluates and writes files."""
    return world_size() == 1 or os.environ["RANK"] == "0"


def wait_for_file(path: Path) -> None:
    """Wait until the main process has made a file or a directory; if it fails, the launcher ends this process."""
    while not path.exists():
        time.sleep(POLL_SECONDS)


@contextmanager
def hidden_launcher() -> Iterator[None]:
    """Hide the launcher from whatever runs in the block: vLLM would take this process for a part of its own group."""
    hidden = {name: value for name, value in os.environ.items() if name in _VARIABLES or name.startswith(_PREFIXES)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


@contextmanager
def errors_left_to_main() -> Iterator[None]:
    """Let the main process report what all processes fail with; the launcher then ends this one.

    An error that this process alone has met is raised once the main one has had time to fail too.
    """
    try:
        yield
    except (UserError, RunError):
        if not is_main():
            time.sleep(SECONDS_FOR_MAIN_TO_FAIL)
        raise


class Processes:
    """The processes that fit a model together, seen from one of them; alone, it exchanges nothing.

    Attributes:
        count: how many there are.
        number: which one this is; 0 is the main process.
    """

    def __init__(self, count: int = 1, number: int = 0) -> None:
        self.count, self.number = count, number

    @property
    def is_main(self) -> bool:
        return self.number == 0

    def share_of(self, passes: Sequence[T]) -> Sequence[T]:
        """Return the passes that this process computes."""
        return passes[self.number :: self.count]

    def add_up(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace each tensor by its sum over the processes."""
        if self.count > 1:
            from torch.distributed import all_reduce

            for work in [all_reduce(tensor, async_op=True) for tensor in tensors]:
                work.wait()

    def copy_from_main(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace each tensor by the main process's."""
        if self.count > 1:
            from torch.distributed import broadcast

            for work in [broadcast(tensor.detach(), src=0, async_op=True) for tensor in tensors]:
                work.wait()

    def main_says(self, answer: bool, device: str) -> bool:
        """Return the main process's answer in every process."""
        if self.count == 1:
            return answer
        import torch

        given = torch.tensor(int(answer), device=device)
        self.copy_from_main([given])
        return bool(given)


@contextmanager
def joined_processes(device: str) -> Iterator[Processes]:
    """Connect the processes for the block, each with its own device; at its end they wait for each other and part.

    Args:
        device: `cuda` or `cpu`. In the block, `cuda` is the GPU of this process.

    Raises:
        UserError: accelerate is missing.
    """
    if world_size() == 1:
        yield Processes()
        return
    try:
        from accelerate import Accelerator, InitProcessGroupKwargs
    except ImportError:
        raise UserError(
            f"WORLD_SIZE={world_size()}: training in several processes needs accelerate, which is not installed; "
            "install it, or start ttc without a launcher."
        ) from None
    import torch

    if torch.distributed.is_initialized():
        raise RuntimeError("vLLM's process group still exists; call end_collecting() before fitting")
    accelerator = Accelerator(cpu=device == "cpu", kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)])
    yield Processes(accelerator.num_processes, accelerator.process_index)
    # Not after an error: the others may never come here, and the launcher ends them.
    accelerator.wait_for_everyone()
    accelerator.end_training()
