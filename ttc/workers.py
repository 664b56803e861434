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
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from ttc.config import RunConfig
from ttc.engines.base import Engine, started
from ttc.errors import RunError, UserError
from ttc.ledger import Ledger, Tokens
from ttc.runner import Outcome, Runner
from ttc.runner import started as flows_of
from ttc.store import Store, StoredEngine
from ttc.types import Problem

TELLING_SECONDS = 0.2
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


class Alone(Runner):
    """This process does all the work."""

    def __init__(self, config: RunConfig, store: Store | None) -> None:
        def engine(part: Any) -> Engine:
            return StoredEngine(started(part), store, part.model) if store else started(part)

        verifier = engine(config.prm) if config.strategy.needs_prm else None
        super().__init__(engine(config.generator), verifier, seed=config.seed)
        self._config = config

    def run(self, problems: Sequence[Problem]) -> Iterator[Outcome]:  # type: ignore[override]
        config = self._config
        return super().run(flows_of(problems, lambda problem: config.strategy.solve(problem, config.budget)))


@dataclass(frozen=True)
class _Loaded:
    """A worker's engines are there."""

    ledger: Ledger


@dataclass(frozen=True)
class _Spent:
    """What a worker has spent since it last told, and the tokens of its unfinished solutions."""

    tokens: Tokens
    decoding_tokens: int


@dataclass(frozen=True)
class _Done:
    """A worker has nothing left to do."""

    ledger: Ledger
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class _Failed:
    error: UserError | RunError | None
    told: str  # by Python


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
        if isinstance(message, _Failed):
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
                    elif isinstance(message, _Spent):
                        busy[pipe].decoding_tokens = message.decoding_tokens
                        self.on_tokens(message.tokens)
                    else:
                        self._add(message)
                        del busy[pipe]
                self.on_poll()

    def _add(self, done: _Done) -> None:
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
        target=_serve, args=(there, number, count), name=f"worker-{number}"
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


def _serve(pipe: Connection, number: int, count: int) -> None:
    """A worker's life: configs come in, each followed by problems; it ends with its pipe, or its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal: the parent decides
    with contextlib.suppress(EOFError, OSError):
        while True:
            config: RunConfig = pipe.recv()
            try:
                _take_devices(config, number, count)
                _work(config, pipe)
            except (UserError, RunError) as error:
                pipe.send(_Failed(error, ""))
            except Exception:  # of a closed pipe, too: then this fails as well, and the worker ends
                pipe.send(_Failed(None, traceback.format_exc()))


def _work(config: RunConfig, pipe: Connection) -> None:
    """Do one job: load, receive problems, send their outcomes, and from time to time what was spent."""
    with config.store.open() if config.store else contextlib.nullcontext() as store:
        work = Alone(config, store)
        pipe.send(_Loaded(work.ledger))
        spent, told_at = Tokens(), time.monotonic()

        def add(tokens: Tokens) -> None:
            nonlocal spent
            spent += tokens

        def tell() -> None:
            nonlocal spent, told_at
            if time.monotonic() - told_at > TELLING_SECONDS:
                pipe.send(_Spent(spent, work.decoding_tokens))
                spent, told_at = Tokens(), time.monotonic()

        work.on_tokens, work.on_poll = add, tell
        for outcome in work.run(pipe.recv()):
            pipe.send(outcome)
        pipe.send(_Spent(spent, 0))
        pipe.send(_Done(work.ledger, work.seconds))


def _take_devices(config: RunConfig, number: int, count: int) -> None:
    """Leave this worker its own GPUs, before anything here has touched one. Nothing to do on a CPU."""
    from ttc.engines.launch import prepare

    if os.environ.get("TTC_WORKER_DEVICES") or prepare():
        return
    import torch

    there = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
    each = max(config.generator.tensor_parallel_size, getattr(config.prm, "tensor_parallel_size", 1))
    mine = devices_of(there.split(","), number, count, each)
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ["TTC_WORKER_DEVICES"] = ",".join(mine)


def devices_of(there: Sequence[str], number: int, count: int, each: int) -> list[str]:
    """The GPUs of worker `number` of `count`, which need `each` of those that are there.

    Raises:
        UserError: with the largest number of workers that there are GPUs for.
    """
    if count * each > len(there):
        raise UserError(
            f"workers={count}: with tensor_parallel_size={each} they need {count * each} GPUs, and {len(there)} can be "
            f"seen; use workers={max(1, len(there) // each)}."
        )
    return list(there[number * each : (number + 1) * each])
