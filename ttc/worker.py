"""One process's work on a run, and a worker process's life: configs come in, outcomes go out."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from ttc.config import RunConfig
from ttc.engines.base import Engine, started
from ttc.errors import RunError, UserError
from ttc.ledger import Ledger, Tokens
from ttc.replay import StoredEngine
from ttc.runner import Outcome, Runner
from ttc.runner import started as flows_of
from ttc.store import Store
from ttc.types import Problem

TELLING_SECONDS = 0.2


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
class Loaded:
    """A worker's engines are there."""

    ledger: Ledger


@dataclass(frozen=True)
class Spent:
    """What a worker has spent since it last told, and the tokens of its unfinished solutions."""

    tokens: Tokens
    decoding_tokens: int


@dataclass(frozen=True)
class Done:
    """A worker has nothing left to do."""

    ledger: Ledger
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Failed:
    """A worker's job came to nothing."""

    error: UserError | RunError | None
    told: str  # by Python


def serve(pipe: Connection, number: int, count: int) -> None:
    """A worker's life: configs come in, each followed by problems; it ends with its pipe, or its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal: the parent decides
    with contextlib.suppress(EOFError, OSError):
        while True:
            config: RunConfig = pipe.recv()
            try:
                _take_devices(config, number, count)
                _work(config, pipe)
            except (UserError, RunError) as error:
                pipe.send(Failed(error, ""))
            except Exception:  # of a closed pipe, too: then this fails as well, and the worker ends
                pipe.send(Failed(None, traceback.format_exc()))


def _work(config: RunConfig, pipe: Connection) -> None:
    """Do one job: load, receive problems, send their outcomes, and from time to time what was spent."""
    with config.store.open() if config.store else contextlib.nullcontext() as store:
        work = Alone(config, store)
        pipe.send(Loaded(work.ledger))
        spent, told_at = Tokens(), time.monotonic()

        def add(tokens: Tokens) -> None:
            nonlocal spent
            spent += tokens

        def tell() -> None:
            nonlocal spent, told_at
            if time.monotonic() - told_at > TELLING_SECONDS:
                pipe.send(Spent(spent, work.decoding_tokens))
                spent, told_at = Tokens(), time.monotonic()

        work.on_tokens, work.on_poll = add, tell
        for outcome in work.run(pipe.recv()):
            pipe.send(outcome)
        pipe.send(Spent(spent, 0))
        pipe.send(Done(work.ledger, work.seconds))


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
