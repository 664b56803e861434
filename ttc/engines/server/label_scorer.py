"""Scoring by the next token of a model that a server samples from: the good label against the bad one."""

from __future__ import annotations

import math

from ttc.engines.scorer import Scored
from ttc.engines.server.client import Answer, Question
from ttc.engines.server.model import ServerModel
from ttc.engines.server.usage import cached_tokens, usage_of
from ttc.errors import RunError, UserError


class LabelScorer:
    """Asks vLLM's completions for the log-probabilities of two tokens, so that a generator's server can judge too."""

    def __init__(self, label_tokens: list[str], model: ServerModel, max_in_flight: int) -> None:
        """Look the labels up, the good one first.

        Raises:
            UserError: the tokenizer has no such tokens.
        """
        self._model, self._max_in_flight = model, max_in_flight
        self._labels = [self._id_of(label) for label in label_tokens]
        self._collected: list[tuple[int, list[int]]] = []
        self._asked: dict[int, int] = {}  # ticket -> its tokens

    def _id_of(self, label: str) -> int:
        tokenizer = self._model.tokenizer
        id_ = tokenizer.convert_tokens_to_ids(label)
        if not isinstance(id_, int) or (id_ == tokenizer.unk_token_id and label != tokenizer.unk_token):
            raise UserError(
                f"prm.label_tokens: {label!r} is not a token of {self._model.name}; name the two tokens that it "
                "answers with, as its tokenizer.json spells them."
            )
        return id_

    def submit(self, ticket: int, ids: list[int]) -> None:
        self._collected.append((ticket, ids))

    def poll(self) -> list[Scored]:
        client, room = self._model.client, self._max_in_flight - len(self._asked)
        if self._collected and room > 0:
            now, self._collected = self._collected[:room], self._collected[room:]
            client.ask([self._question(ticket, ids) for ticket, ids in now])
        return [self._scored(answer) for answer in client.answers()]

    def _question(self, ticket: int, ids: list[int]) -> Question:
        self._asked[ticket] = len(ids)
        body = {
            "model": self._model.name,
            "prompt": ids,
            "max_tokens": 1,
            "temperature": 0.0,
            "logprobs": 1,
            "logprob_token_ids": self._labels,
            "return_tokens_as_token_ids": True,
        }
        return Question(ticket, "/completions", body)

    def _scored(self, answer: Answer) -> Scored:
        tokens = self._asked.pop(answer.number)
        try:
            [choice] = answer.content["choices"]
            found = choice["logprobs"]["top_logprobs"][0]
            good, bad = (float(found[f"token_id:{id_}"]) for id_ in self._labels)
            cached = cached_tokens(usage_of(answer.content))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise RunError(
                f"prm.model={self._model.name}: the server's reply holds no log-probabilities of prm.label_tokens "
                f"({type(error).__name__}: {error}); serve the model with vLLM."
            ) from None
        return Scored(answer.number, (1 / (1 + math.exp(min(bad - good, 700.0))),), tokens - cached, cached)
