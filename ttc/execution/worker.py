"""A worker process: it receives a config and problems through a pipe, and sends back outcomes and what they cost."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from multiprocessing.connection import Connection

from ttc.config import RunConfig
from ttc.cost import Ledger, Tokens
from ttc.errors import RunError, UserError
from ttc.execution.executor import LocalExecutor
from ttc.types import Problem

REPORT_SECONDS = 0.2
GPU_FILES = ("/dev/nvidia[0-9]*", "/dev/kfd", "/dev/dxg")  # NVIDIA's, AMD's, and either under Windows
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # they end a run: the main process stops its workers


@dataclass(frozen=True)
class Task:
    """Problems that a worker has to solve, and the budget of each; None: what the config gives it."""

    problems: Sequence[Problem]
    budget: int | None


@dataclass(frozen=True)
class Loaded:
    """The worker's engines are ready."""

    ledger: Ledger


@dataclass(frozen=True)
class Progress:
    """Tokens used since the last report, and those of the solutions in progress."""

    tokens: Tokens
    decoding_tokens: int


@dataclass(frozen=True)
class Done:
    """The worker has finished its task; what it cost since the last one."""

    ledger: Ledger
    seconds: Mapping[str, float]
    damaged_replies: int


@dataclass(frozen=True)
class Failed:
    """The worker's job failed: with an error for the user, or with a bug's traceback."""

    error: UserError | RunError | None
    traceback: str


def serve(pipe: Connection, number: int, count: int) -> None:
    """Run worker `number` of `count`: receive configs, each followed by tasks and None, until the pipe is closed."""
    for number in SIGNALS:  # Ctrl-C reaches every process of a terminal: the parent decides
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    with contextlib.suppress(EOFError, OSError):
        while True:
            config: RunConfig = pipe.recv()
            try:
                _take_devices(config, number, count)
                _run_job(config, pipe)
            except (UserError, RunError) as error:
                pipe.send(Failed(error, ""))
            except Exception:  # a closed pipe included: then this send fails too, and the worker ends
                pipe.send(Failed(None, traceback.format_exc()))


def _run_job(config: RunConfig, pipe: Connection) -> None:
    """Load, then solve task after task until None arrives."""
    with config.store.open() if config.store else contextlib.nullcontext() as store:
        executor = LocalExecutor(config, store)
        pipe.send(Loaded(executor.ledger))
        damaged = 0
        while (task := pipe.recv()) is not None:
            executor.ledger, executor.seconds = executor.new_ledger(), dict.fromkeys(executor.seconds, 0.0)
            _solve_task(executor, task, pipe)
            pipe.send(Done(executor.ledger, executor.seconds, executor.damaged_replies - damaged))
            damaged = executor.damaged_replies


def _solve_task(executor: LocalExecutor, task: Task, pipe: Connection) -> None:
    """Send the outcomes of a task's problems, and report the tokens used from time to time."""
    used, reported_at = Tokens(), time.monotonic()

    def add(tokens: Tokens) -> None:
        nonlocal used
        used += tokens

    def report() -> None:
        nonlocal used, reported_at
        if time.monotonic() - reported_at > REPORT_SECONDS:
            pipe.send(Progress(used, executor.decoding_tokens))
            used, reported_at = Tokens(), time.monotonic()

    executor.on_tokens, executor.on_poll = add, report
    for outcome in executor.solve(task.problems, task.budget):
        pipe.send(outcome)
    pipe.send(Progress(used, 0))


def _take_devices(config: RunConfig, number: int, count: int) -> None:
    """Restrict this worker to its own GPUs, before anything here has touched one. Does nothing on a CPU."""
    # Where there is no GPU at all, torch is not asked: its import takes longer than a replayed run.
    may_have_gpus = bool(os.environ.get("CUDA_VISIBLE_DEVICES")) or any(glob(pattern) for pattern in GPU_FILES)
    if os.environ.get("TTC_WORKER_DEVICES") or not may_have_gpus:
        return
    from ttc.engines.environment import prepare

    if prepare():
        return
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
    each = max(part.gpus_per_engine for part in (config.generator, config.verifier) if part is not None)
    ours = devices_of(visible.split(","), number, count, each)
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ["TTC_WORKER_DEVICES"] = ",".join(ours)


def devices_of(visible: Sequence[str], number: int, count: int, each: int) -> list[str]:
    """Return the GPUs of worker `number` of `count`, each of which needs `each` of the visible ones.

    Raises:
        UserError: with the largest number of workers for which there are GPUs.
    """
    if count * each > len(visible):
        raise UserError(
            f"workers={count}: with tensor_parallel_size={each} they need {count * each} GPUs, and {len(visible)} are "
            f"visible; use workers={max(1, len(visible) // each)}."
        )
    return list(visible[number * each : (number + 1) * each])
