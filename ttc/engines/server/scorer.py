"""Scoring by token ids on a pooling model that vLLM serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ttc.engines.reading import TASKS
from ttc.engines.scorer import Scored
from ttc.engines.server.client import Answer, Question
from ttc.engines.server.model import ServerModel
from ttc.errors import RunError

MOST_TOGETHER = 64  # sequences in one request


class ServerScorer:
    """Asks the endpoint `/pooling`; it does not say which tokens came from the prefix cache, so all count as read."""

    def __init__(self, pooling: str, model: ServerModel, max_in_flight: int) -> None:
        self._task, self._model, self._max_in_flight = TASKS[pooling], model, max_in_flight
        self._in_flight = 0
        self._collected: list[tuple[int, list[int]]] = []
        self._asked: dict[int, Sequence[tuple[int, list[int]]]] = {}
        self._numbers = 0

    def submit(self, ticket: int, ids: list[int]) -> None:
        self._collected.append((ticket, ids))

    def poll(self) -> list[Scored]:
        client = self._model.client
        while self._collected and (room := min(self._max_in_flight - self._in_flight, MOST_TOGETHER)) > 0:
            group, self._collected = self._collected[:room], self._collected[room:]
            client.ask([self._question(group)])
        return [scored for answer in client.answers() for scored in self._scored(answer)]

    def _question(self, group: Sequence[tuple[int, list[int]]]) -> Question:
        self._numbers += 1
        self._asked[self._numbers] = group
        self._in_flight += len(group)
        body = {"model": self._model.name, "task": self._task, "input": [ids for _, ids in group]}
        return Question(self._numbers, "//pooling", body, len(group))

    def _scored(self, answer: Answer) -> Iterator[Scored]:
        group = self._asked.pop(answer.number)
        self._in_flight -= len(group)
        try:
            rows = sorted(answer.content["data"], key=lambda row: int(row["index"]))
            for (ticket, ids), row in zip(group, rows, strict=True):
                yield Scored(ticket, _values(row["data"]), len(ids), 0)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise RunError(
                f"prm.model={self._model.name}: the server's reply cannot be read ({type(error).__name__}: {error}); "
                "serve the verifier with vLLM."
            ) from None


def _values(data: object) -> tuple[float, ...]:
    """Return the classes' values: given as they are, or for each token."""
    last = data[-1] if isinstance(data, list) and data and isinstance(data[-1], list) else data
    if not isinstance(last, list) or not last:
        raise ValueError("no values")
    return tuple(float(value) for value in last)
