"""Sampling by token ids on a server that gives them back, as vLLM does: nothing is ever tokenised again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ttc.engines.sampler import Completion, Continuation
from ttc.engines.sampling import SamplingSettings, Seeded
from ttc.engines.server.client import Answer, Json, Question, ServerClient
from ttc.engines.server.model import ServerModel
from ttc.engines.server.usage import cached_tokens, usage_of
from ttc.errors import RunError
from ttc.hashing import seed_of

MOST_TOGETHER = 4  # samples of one prompt in one request: the reply comes when the last of them is finished
GREEDY_TEMPERATURE = 1e-5  # below it vLLM samples greedily, and then refuses to do so more than once in a request
NEUTRAL = {"min_p": 0.0, "repetition_penalty": 1.0}
"""What a server would else take from the checkpoint's generation_config.json."""


class ServerSampler:
    """Asks a server for completions.

    Samples of one prompt whose draws follow each other are asked for together (`n`): vLLM gives the sample number i of
    a request the seed plus i, and the seeds here are built that way, so what is sampled does not depend on what was
    asked for together.
    """

    knows_progress = False

    def __init__(self, settings: SamplingSettings, model: ServerModel) -> None:
        self._settings, self._model = settings, model
        self._collected: dict[tuple[object, ...], list[tuple[int, Continuation]]] = defaultdict(list)
        self._asked: dict[int, list[int]] = {}  # number of the question -> tickets
        self._numbers = 0

    @property
    def _client(self) -> ServerClient:
        return self._model.client

    def submit(self, ticket: int, asked: Continuation) -> None:
        alike = (asked.prompt, asked.max_tokens, asked.temperature, asked.by_step, asked.stop, asked.draw.seed)
        self._collected[alike].append((ticket, asked))

    def poll(self) -> list[Completion]:
        if self._collected:
            collected, self._collected = self._collected, defaultdict(list)
            self._client.ask([self._question(group) for alike in collected.values() for group in _groups(alike)])
        return [found for answer in self._client.answers() for found in self._completions(answer)]

    @property
    def decoding_tokens(self) -> int:
        return 0

    def _question(self, group: Sequence[tuple[int, Continuation]]) -> Question:
        self._numbers += 1
        self._asked[self._numbers] = [ticket for ticket, _ in group]
        return Question(self._numbers, "/completions", self._body(group[0][1], len(group)), len(group))

    def _body(self, asked: Continuation, samples: int) -> dict[str, object]:
        settings = self._settings
        body: dict[str, object] = {
            **NEUTRAL,
            **settings.sampling,
            "model": self._model.name,
            "prompt": list(asked.prompt),
            "max_tokens": asked.max_tokens,
            "temperature": asked.temperature,
            "top_p": settings.top_p,
            "top_k": settings.top_k,
            "n": samples,
            "stop_token_ids": list(asked.stop_token_ids),
            "include_stop_str_in_output": True,
            "return_token_ids": True,
        }
        if asked.stop:
            body["stop"] = list(asked.stop)
        if settings.seeded is Seeded.request:
            body["seed"] = self._seed(asked)
        return body

    def _seed(self, asked: Continuation) -> int:
        settings, run = self._settings, asked.draw.seed
        first = seed_of(asked.prompt, asked.temperature, settings.top_p, settings.top_k, asked.by_step, run)
        return first % 2**62 + asked.draw.index

    def _completions(self, answer: Answer) -> Iterator[Completion]:
        tickets = self._asked.pop(answer.number)
        try:
            choices = sorted(answer.content["choices"], key=lambda choice: int(choice["index"]))
            usage = usage_of(answer.content)
            prompt, cached = int(usage.get("prompt_tokens") or 0), cached_tokens(usage)
            for ticket, choice in zip(tickets, choices, strict=True):
                # Said of one of the samples; the others are alike, since a prompt's last block is never shared.
                yield _completion(ticket, choice, prompt - cached, cached)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(
                f"generator.model={self._model.name}: the server's reply cannot be read ({type(error).__name__}: "
                f"{error}); is it vLLM? Otherwise use generator.protocol=text."
            ) from None


def _groups(alike: list[tuple[int, Continuation]]) -> Iterator[list[tuple[int, Continuation]]]:
    """Cut requests that differ in their draws into runs of draws that follow each other."""
    group: list[tuple[int, Continuation]] = []
    most = 1 if alike[0][1].temperature < GREEDY_TEMPERATURE else MOST_TOGETHER
    for ticket, asked in sorted(alike, key=lambda pair: pair[1].draw.index):
        if group and (asked.draw.index != group[-1][1].draw.index + 1 or len(group) == most):
            yield group
            group = []
        group.append((ticket, asked))
    yield group


def _completion(ticket: int, choice: Json, prompt_tokens: int, cached_tokens: int) -> Completion:
    ids: Any = choice["token_ids"]
    if not all(type(id_) is int for id_ in ids):
        raise TypeError("token_ids are not whole numbers")
    return Completion(
        ticket, tuple(ids), str(choice["finish_reason"]), choice.get("stop_reason"), prompt_tokens, cached_tokens
    )
