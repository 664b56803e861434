"""What is known of a served model: found out by asking once, or remembered from an earlier run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.cost import ModelShape
from ttc.engines.base import Memory
from ttc.engines.server.client import Json, ServerClient
from ttc.engines.server.settings import ServerSettings
from ttc.engines.vllm_model import Facts
from ttc.engines.vllm_setup import shape_of
from ttc.engines.weight_files import read_json
from ttc.errors import UserError
from ttc.hashing import digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SAMPLE = "Step 1: 12 + 34 = 46, so $x^2 \\le 46$.\n\n## Answer: \\boxed{46} äß→"  # read differently by most tokenizers
UNKNOWN_CONTEXT = 2**31 - 1  # tokens; then the server alone knows what is too long


class ServerModel:
    """A model that a server runs, and the local files of its tokenizer.

    Attributes:
        facts: its context and end marks.
        shape: the sizes that determine FLOPs, where the model's files are on this machine too; else None.
    """

    def __init__(self, settings: ServerSettings, memory: Memory | None, needs_tokenizer: bool) -> None:
        """Find out what keys depend on; ask no server where that is remembered.

        Raises:
            UserError: a server cannot be reached, refuses the key, does not serve the model, or has another tokenizer.
        """
        self._settings = settings
        self._client: ServerClient | None = None
        self._needs_tokenizer = needs_tokenizer
        key = digest("server facts", type(settings).__qualname__, settings.served_identity(), settings.fingerprint())
        body = None if memory is None else memory.get(key)
        known = None if body is None else Facts.loaded(body)
        self.facts = known or self._ask()
        if memory is not None and known is None:
            if body is not None:
                memory.drop(key)
            memory.keep(key, self.facts.dumped())
        self.shape: ModelShape | None = None if self.directory is None else shape_of(str(self.directory))

    @property
    def name(self) -> str:
        return self._settings.model

    @property
    def directory(self) -> Path | None:
        return self._settings.directory

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        tokenizer = self._settings.load_tokenizer()
        if tokenizer is None:
            raise self._unknown_tokenizer()
        return tokenizer

    def _unknown_tokenizer(self) -> UserError:
        group, name = self._settings.group, self._settings.model
        or_text = ", or use generator.protocol=text" if group == "generator" else ""
        return UserError(
            f"{group}.model={name}: its tokenizer is neither on this machine nor on the hub under that name; name its "
            f"directory or hub id with {group}.tokenizer{or_text}."
        )

    @property
    def client(self) -> ServerClient:
        """The connection; where nothing has been asked yet, it is tried first, so that a wrong address is one line."""
        if self._client is None and self._ask() != self.facts:
            self._client = None
            group = self._settings.group
            raise UserError(
                f"{self._settings.key}: the server has another context than before ({group}.version tells such servers "
                f"apart, e.g. {group}.version=2)."
            )
        assert self._client is not None
        return self._client

    def _ask(self) -> Facts:
        settings = self._settings
        self._client = client = ServerClient(settings)
        contexts = [self._context(client, url) for url in settings.urls]
        for url in settings.urls if self._needs_tokenizer else ():
            self._check_tokenizer(client, url)
        return Facts(min(contexts), _end_marks(self.directory), None)

    def _context(self, client: ServerClient, url: str) -> int:
        """Return the context in tokens, as far as it is known."""
        settings = self._settings
        cards = _cards(client.get(url, "/models"))
        card = next((card for card in cards if card.get("id") == settings.model), None)
        if card is None:
            served = ", ".join(str(card.get("id")) for card in cards[:8]) or "nothing"
            raise UserError(f"{settings.key} is not served at {url}; it serves {client.without_key(served)}.")
        served_context = card.get("max_model_len")
        context = served_context if isinstance(served_context, int) else UNKNOWN_CONTEXT
        given = settings.max_model_len
        if given is not None and given > context:
            raise UserError(
                f"{settings.group}.max_model_len={given}: the context at {url} is {context} tokens; use at most that, "
                "or serve the model with a larger --max-model-len."
            )
        return context if given is None else given

    def _check_tokenizer(self, client: ServerClient, url: str) -> None:
        """Compare a sample's ids with the server's, where it tells them."""
        ours = self.tokenizer(SAMPLE, add_special_tokens=False)["input_ids"]
        asked = {"model": self._settings.model, "prompt": SAMPLE, "add_special_tokens": False}
        theirs = (client.post(url, "//tokenize", asked) or {}).get("tokens")
        if isinstance(theirs, list) and list(ours) != theirs:
            group = self._settings.group
            raise UserError(
                f"{group}.tokenizer={self._settings.tokenizer_source} is not that of {self._settings.model} at {url}: "
                f"they read the same text as different ids; name the served model's own."
            )


def _cards(content: Json) -> Sequence[dict[str, Any]]:
    cards = content.get("data")
    return [card for card in cards if isinstance(card, dict)] if isinstance(cards, list) else []


def _end_marks(directory: Path | None) -> tuple[int, ...]:
    """Return `eos_token_id` of generation_config.json."""
    path = directory / "generation_config.json" if directory else None
    if path is None or not path.is_file():
        return ()
    marks = read_json(str(path), path).get("eos_token_id")
    known = marks if isinstance(marks, list) else [marks]
    return tuple(mark for mark in known if isinstance(mark, int))
