"""Who does a run's work: this process, or several worker processes with engines of their own.

Problems never wait for each other, and a reply depends on its content alone, so they can be shared out in any way: the
candidates are the same. On a CPU two small engines of half the threads do more than one, since Python does much of
their work; with several GPUs every worker has its own (data parallelism).
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from ttc.config import RunConfig
from ttc.errors import RunError
from ttc.ledger import Ledger, Tokens
from ttc.runner import Outcome
from ttc.types import Problem
from ttc.worker import TELLING_SECONDS, Alone, Done, Failed, Spent, serve

PATIENCE_SECONDS = 5.0  # a worker at work speaks much more often, one that loads does not


class Work(Protocol):
    """Solves problems by a config's strategy; `ledger` and `seconds` tell what it cost so far."""

    ledger: Ledger
    seconds: dict[str, float]
    on_tokens: Callable[[Tokens], None]
    on_poll: Callable[[], None]

    @property
    def decoding_tokens(self) -> int:
        """Tokens of the solutions that are being written."""

    def run(self, problems: Sequence[Problem]) -> Iterator[Outcome]:
        """Yield each problem's outcome as it comes in."""


@contextlib.contextmanager
def at_work(config: RunConfig, problems: int) -> Iterator[Work]:
    """Load the weights, here or in `config.workers` processes, or reuse what an earlier job of this process loaded."""
    count = min(config.workers, problems)
    if count > 1:
        yield Workers(config, hired(count))
        return
    with config.store.open() if config.store else contextlib.nullcontext() as store:
        yield Alone(config, store)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    decoding_tokens: int = 0

    def receive(self) -> Any:
        """The next message.

        Raises:
            UserError, RunError: what ended the worker's work, or its life.
        """
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(timeout=5)
            raise RunError(
                f"a worker process died (exit code {self.process.exitcode}); run the same command again: with a store, "
                "it goes on where it stopped."
            ) from None
        if isinstance(message, Failed):
            raise message.error or RuntimeError(f"a worker failed:\n{message.told}")
        return message

    def send(self, message: object) -> None:
        with contextlib.suppress(OSError):  # a dead worker is noticed where its answer is awaited
            self.pipe.send(message)


class Workers:
    """Several processes do the work; every one has the problems of its own, its engines, and the store."""

    def __init__(self, config: RunConfig, workers: Sequence[_Worker]) -> None:
        self._workers = workers
        self.on_tokens: Callable[[Tokens], None] = lambda tokens: None
        self.on_poll: Callable[[], None] = lambda: None
        self.seconds: dict[str, float] = {"generate": 0.0, "score": 0.0}  # of a worker, on average
        with _unharmed(workers):
            for worker in workers:
                worker.send(config)
            [self.ledger, *_] = [worker.receive().ledger for worker in workers]

    @property
    def decoding_tokens(self) -> int:
        return sum(worker.decoding_tokens for worker in self._workers)

    def run(self, problems: Sequence[Problem]) -> Iterator[Outcome]:
        with _unharmed(self._workers):
            for number, worker in enumerate(self._workers):
                worker.send(problems[number :: len(self._workers)])
            busy = {worker.pipe: worker for worker in self._workers}
            while busy:
                for pipe in wait([*busy], timeout=TELLING_SECONDS):
                    assert isinstance(pipe, Connection)
                    message = busy[pipe].receive()
                    if isinstance(message, Outcome):
                        yield message
                    elif isinstance(message, Spent):
                        busy[pipe].decoding_tokens = message.decoding_tokens
                        self.on_tokens(message.tokens)
                    else:
                        self._add(message)
                        del busy[pipe]
                self.on_poll()

    def _add(self, done: Done) -> None:
        self.ledger.absorb(done.ledger)
        for name, seconds in done.seconds.items():
            self.seconds[name] += seconds / len(self._workers)


_hired: list[_Worker] = []


def hired(count: int) -> list[_Worker]:
    """As many worker processes, which live as long as this one: a sweep's jobs share them and their weights."""
    if len(_hired) != count:
        dismiss()
        _hired.extend(_hire(number, count) for number in range(count))
    return [*_hired]


def dismiss() -> None:
    """End all workers: each ends by itself when it next listens to its closed pipe or speaks to it."""
    for worker in _hired:
        worker.pipe.close()
    for worker in _hired:
        worker.process.join(PATIENCE_SECONDS)
        worker.process.kill()
        worker.process.join()
    _hired.clear()


atexit.register(dismiss)


@contextlib.contextmanager
def _unharmed(workers: Sequence[_Worker]) -> Iterator[None]:
    """Workers whose work was broken off are of no use to the next job."""
    try:
        yield
    except BaseException:
        dismiss()
        raise


def _hire(number: int, count: int) -> _Worker:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, number, count), name=f"worker-{number}"
    )
    threads = str(max(1, (os.cpu_count() or 1) // count))
    with _environment({"OMP_NUM_THREADS": threads}):  # read when torch is imported there
        process.start()
    there.close()
    return _Worker(process, here)


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables for a process that is started meanwhile; what the user has set stays."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
