"""Parts without models, as the text of a module beside the user: a job of theirs takes no time."""

from __future__ import annotations

INSTANT = '''class Instant:
    """An engine that replies at the next poll."""

    shape: ModelShape | None = None
    decoding_tokens = 0

    def __init__(self) -> None:
        self._queue: list[tuple[int, Request, Draw]] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._queue)

    def key(self, request: Request, draw: Draw) -> bytes:
        return digest(request, draw)

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        self._queue.append((ticket, request, draw))

    def poll(self) -> list[EngineReply]:
        queue, self._queue = self._queue, []
        return [EngineReply(ticket, self._reply(request, draw), Usage(1)) for ticket, request, draw in queue]

    def _reply(self, request: Request, draw: Draw) -> Reply:
        raise NotImplementedError
'''

PARTS = """
from __future__ import annotations

import os
import time
from dataclasses import dataclass

from ttc.cost import ModelShape
from ttc.engines.base import Draw, EngineReply, Generator, Usage
from ttc.errors import RunError, UserError
from ttc.hashing import digest
from ttc.strategies.parallel import Majority
from ttc.types import FinishReason, Flow, Problem, Reply, Request, Step


"""

PARTS += (
    INSTANT
    + '''

class Ones(Instant):
    def _reply(self, request: Request, draw: Draw) -> Reply:
        return request.trace.extended((Step("\\\\boxed{1}", (1,)),), FinishReason.STOP)


@dataclass
class Quick(Generator):
    """Answers 1."""

    @property
    def name(self) -> str:
        return "quick"

    def start(self) -> Instant:
        return Ones()


@dataclass
class Failing(Majority):
    """Fails as it is told to."""

    how: str = "never"

    def solve(self, problem: Problem, budget: int) -> Flow:
        if self.how == "mistake":
            raise UserError("how=mistake does not work; use how=never.")
        if self.how == "stop":
            raise RunError("the engine died; run the same command again.")
        if self.how == "bug":
            raise ZeroDivisionError("a bug")
        if self.how == "death":
            os.kill(os.getpid(), 9)
        if self.how == "hang":
            print("hanging", flush=True)
            time.sleep(600)
        return (yield from super().solve(problem, budget))
'''
)
