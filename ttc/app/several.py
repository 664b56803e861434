"""A training that was launched as several processes: the main one reports and writes, the others are quiet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ttc.errors import UserError
from ttc.training.processes import errors_left_to_main, is_main, world_size

_SWEEP = {"-m", "--multirun", "hydra.mode=MULTIRUN"}
_WITHOUT_FILES = ["hydra.output_subdir=null", "hydra/job_logging=disabled", "hydra/hydra_logging=disabled"]


@contextmanager
def one_of_several(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Yield the arguments for this process; in the block, errors that all processes meet are reported once.

    Alone, a process gets the arguments as they are.

    Raises:
        UserError: the processes could not agree on a directory.
    """
    if world_size() == 1:
        yield [*arguments]
        return
    with errors_left_to_main():
        _refuse_other_directories(arguments)
        yield [*arguments] if is_main() else [*arguments, *_WITHOUT_FILES]


def _refuse_other_directories(arguments: Sequence[str]) -> None:
    """Refuse what would give each process a directory of its own."""
    for argument in arguments:
        if argument in _SWEEP:
            raise UserError(
                f"{argument}: a sweep cannot run in several processes (WORLD_SIZE={world_size()}); start one training "
                "after another, or leave the launcher out."
            )
        if argument.startswith("hydra.run.dir=") and "${now:" in argument:
            raise UserError(
                f"{argument}: each process would see another time; name a fixed directory, e.g. "
                "hydra.run.dir=outputs/train/mine."
            )
