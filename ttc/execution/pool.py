"""Several worker processes share a run's problems, each with its own engines.

Problems never wait for each other, and a reply depends only on its content, so they can be distributed in any way: the
candidates are the same. On a CPU two small engines with half the threads each do more than one, since much of their
work is Python; with several GPUs every worker has its own (data parallelism).
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from ttc.config import RunConfig
from ttc.cost import Tokens
from ttc.errors import RunError
from ttc.execution.executor import Executor, LocalExecutor
from ttc.execution.runner import PHASES, Outcome
from ttc.execution.worker import REPORT_SECONDS, SIGNALS, Done, Failed, Loaded, Progress, Task, serve
from ttc.types import Problem

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 5.0  # a busy worker notices its closed pipe much sooner; one that is loading weights does not

Message = Loaded | Outcome | Progress | Done


@contextlib.contextmanager
def open_executor(config: RunConfig, problems: int) -> Iterator[Executor]:
    """Load the weights in this process or in `config.workers` others, reusing what an earlier job has loaded."""
    count = min(config.workers, problems)
    if count > 1:
        pool = ProcessPool(config, _worker_processes(count))
        try:
            yield pool
        finally:
            pool.end_job()
        return
    with config.store.open() if config.store else contextlib.nullcontext() as store:
        yield LocalExecutor(config, store)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    decoding_tokens: int = 0

    def receive(self) -> Message:
        """Return the next message.

        Raises:
            UserError, RunError: the worker's job failed, or its process died.
        """
        try:
            message: Message | Failed = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(timeout=5)
            raise RunError(
                f"a worker process died (exit code {self.process.exitcode}); run the same command again: with a store, "
                "it continues where it stopped."
            ) from None
        if isinstance(message, Failed):
            for account in getattr(message.error, "__notes__", ()):
                log.info("in a worker process:\n%s", account)
            raise message.error or RuntimeError(f"a worker failed:\n{message.traceback}")
        return message

    def send(self, message: object) -> None:
        with contextlib.suppress(OSError):  # a dead worker is noticed where its reply is awaited
            self.pipe.send(message)


class ProcessPool:
    """An executor over several worker processes."""

    def __init__(self, config: RunConfig, workers: Sequence[_Worker]) -> None:
        """Wait until every worker has loaded its engines."""
        self._workers = workers
        self.on_tokens: Callable[[Tokens], None] = lambda tokens: None
        self.on_poll: Callable[[], None] = lambda: None
        self.seconds: dict[str, float] = dict.fromkeys(PHASES, 0.0)  # the mean over workers
        self.damaged_replies = 0
        with _shutdown_on_error():
            for worker in workers:
                worker.send(config)
            ledgers = [message.ledger for worker in workers if isinstance(message := worker.receive(), Loaded)]
            self.ledger = ledgers[0]

    @property
    def decoding_tokens(self) -> int:
        return sum(worker.decoding_tokens for worker in self._workers)

    def solve(self, problems: Sequence[Problem], budget: int | None = None) -> Iterator[Outcome]:
        with _shutdown_on_error():
            for number, worker in enumerate(self._workers):
                worker.send(Task(problems[number :: len(self._workers)], budget))
            busy = {worker.pipe: worker for worker in self._workers}
            while busy:
                for pipe in wait([*busy], timeout=REPORT_SECONDS):
                    assert isinstance(pipe, Connection)
                    message = busy[pipe].receive()
                    if isinstance(message, Outcome):
                        yield message
                    elif isinstance(message, Progress):
                        busy[pipe].decoding_tokens = message.decoding_tokens
                        self.on_tokens(message.tokens)
                    elif isinstance(message, Done):
                        self._add(message)
                        del busy[pipe]
                self.on_poll()

    def end_job(self) -> None:
        """Let the workers close the job's store."""
        for worker in self._workers:
            worker.send(None)

    def _add(self, done: Done) -> None:
        self.ledger.absorb(done.ledger)
        self.damaged_replies += done.damaged_replies
        for name, seconds in done.seconds.items():
            self.seconds[name] += seconds / len(self._workers)


_workers: list[_Worker] = []


def _worker_processes(count: int) -> list[_Worker]:
    """Return that many worker processes. They live as long as this one: a sweep's jobs share them and their weights."""
    if len(_workers) != count:
        shutdown_workers()
        _workers.extend(_start_worker(number, count) for number in range(count))
    return [*_workers]


def shutdown_workers(seconds: float = SHUTDOWN_SECONDS) -> None:
    """End all workers: each ends by itself when it next reads from or writes to its closed pipe, else is killed."""
    for worker in _workers:
        worker.pipe.close()
    for worker in _workers:
        worker.process.join(seconds)
        worker.process.kill()
        worker.process.join()
    _workers.clear()


atexit.register(shutdown_workers)


@contextlib.contextmanager
def _shutdown_on_error() -> Iterator[None]:
    """Workers whose work was interrupted are of no use to the next job."""
    try:
        yield
    except KeyboardInterrupt:
        shutdown_workers(seconds=0)  # every reply is stored: nothing of theirs is lost
        raise
    except BaseException:
        shutdown_workers()
        raise


def _start_worker(number: int, count: int) -> _Worker:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(theirs, number, count), name=f"worker-{number}"
    )
    threads = str(max(1, (os.cpu_count() or 1) // count))
    # torch reads the first on import. The second is for the process that frees what killed workers shared: it would
    # announce that in three lines.
    variables = {"OMP_NUM_THREADS": threads, "PYTHONWARNINGS": "ignore:resource_tracker"}
    with _environment(variables), _blocked_signals():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextlib.contextmanager
def _blocked_signals() -> Iterator[None]:
    """Let a process start with signals blocked, until it has said what it does with them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a process that is started meanwhile; those that the user has set are kept."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
