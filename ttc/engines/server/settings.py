"""A model on one or several servers: where they are, what they call it, and how patient its client is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from ttc.engines.base import EngineConfig
from ttc.engines.checkpoint import HUB_ID, POCKET, local_directory, resolve
from ttc.engines.pretrained import load_tokenizer
from ttc.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_KEY = "EMPTY"  # what servers without keys are sent, by convention


@dataclass
class ServerSettings(EngineConfig):
    """A model that a server runs.

    `base_url` is a URL such as `http://localhost:8000/v1`, or a list of several servers of the same model, among which
    requests are balanced. `model` is the name that they serve it under. `tokenizer` is a directory or hub id with the
    model's tokenizer, where `model` itself is none; `revision` belongs to it.

    The API key is taken from the environment variable `api_key_env`: it is in no file and in no message.

    At most `max_in_flight` sequences are asked for at a time. A request that takes `timeout_seconds`, or fails for a
    reason that may pass, is repeated with growing pauses. When no request has succeeded for `patience_seconds`, the run
    ends; it continues where it stopped.

    Stored replies are found by `model` and `version`, whatever the server's address: set another `version` when a
    server serves other weights under an old name.
    """

    base_url: Any = ""
    model: str = ""
    version: str = ""
    tokenizer: str | None = None
    revision: str | None = None
    max_model_len: int | None = None
    api_key_env: str = "TTC_API_KEY"
    max_in_flight: int = 256
    timeout_seconds: float = 600.0
    patience_seconds: float = 180.0

    group: ClassVar[str]  # the config group, for error messages

    @property
    def name(self) -> str:
        return self.model

    @property
    def gpus_per_engine(self) -> int:
        return 0

    @property
    def key(self) -> str:
        """The model as the user set it, for messages."""
        return f"{self.group}.model={self.model}"

    @property
    def urls(self) -> tuple[str, ...]:
        """The base URLs of the servers, each with a path and without a slash at its end.

        Raises:
            UserError: one is no URL of a server.
        """
        many = isinstance(self.base_url, Sequence) and not isinstance(self.base_url, str)
        given = list(self.base_url) if many else [self.base_url or ""]
        if not given or given == [""]:
            raise UserError(
                f"{self.group}.base_url is not set; name the server, e.g. {self.group}.base_url=http://localhost:8000/v1."
            )
        return tuple(dict.fromkeys(self._checked_url(str(url)) for url in given))

    def _checked_url(self, url: str) -> str:
        example = f"use e.g. {self.group}.base_url=http://localhost:8000/v1"
        if any(mark in url for mark in "@?#"):  # first: no other message may repeat a password
            raise UserError(
                f"{self.group}.base_url holds more than an address, e.g. a password or a query; put a key into the "
                f"environment variable {self.api_key_env}, and {example}."
            )
        try:
            parts = urlsplit(url.strip())
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known or " " in parts.netloc:
            raise UserError(f"{self.group}.base_url={url!r} is not the URL of a server; {example}.")
        return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or "/v1", "", ""))

    @property
    def api_key(self) -> str:
        """The key from the environment.

        Raises:
            UserError: the user named a variable that is not set, or it holds what no HTTP header can.
        """
        found = os.environ.get(self.api_key_env, "").strip()
        default = type(self).__dataclass_fields__["api_key_env"].default
        if not found and self.api_key_env != default:
            raise UserError(
                f"{self.group}.api_key_env={self.api_key_env}: this environment variable is not set; export it with "
                "the server's key."
            )
        if not (found.isascii() and found.isprintable()):
            raise UserError(
                f"the environment variable {self.api_key_env} holds a line break or another character that no key has; "
                "export the server's key again."
            )
        return found or NO_KEY

    def check(self) -> None:
        _ = self.urls, self.api_key
        if not self.model:
            raise UserError(
                f"{self.group}.model is empty; name what the server serves: GET {self.urls[0]}/models lists it."
            )
        for name in ("max_in_flight", "max_model_len"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{self.group}.{name}={value} is below 1; use 1 or more.")
        for name in ("timeout_seconds", "patience_seconds"):
            if not getattr(self, name) > 0:
                raise UserError(f"{self.group}.{name}={getattr(self, name)}: must be above 0; use e.g. 60.")

    @property
    def directory(self) -> Path | None:
        """Where the tokenizer's files are; None where they are not on this machine."""
        source = self.tokenizer_source
        try:
            return local_directory(source, self.revision) if source else None
        except ValueError:  # a name that cannot be a hub id, e.g. `gpt-4o-mini:free`
            return None

    @property
    def tokenizer_source(self) -> str | None:
        """The directory or hub id whose tokenizer the ids belong to; None where the model's name can be neither."""
        named = self.tokenizer or self.model
        if named == POCKET or (named.startswith(f"{POCKET}-") and "/" not in named):
            return resolve(named, self.group)
        if Path(named).expanduser().is_dir():
            return str(Path(named).expanduser())
        return named if self.tokenizer or HUB_ID.fullmatch(named) else None

    def load_tokenizer(self) -> PreTrainedTokenizerBase | None:
        """Return the tokenizer; None where only the model's name could say which, and it does not.

        Raises:
            UserError: there is none under the name that was set.
        """
        source = self.tokenizer_source
        if source is None:
            return None
        try:
            return load_tokenizer(f"{self.group}.tokenizer={source}", source, self.revision, False)
        except UserError:
            if self.tokenizer:
                raise
            return None

    def served_identity(self) -> tuple[object, ...]:
        """Return what the store's keys say about the model: its name, not its address."""
        return (f"server {self.model}", *((("version", self.version),) if self.version else ()))
