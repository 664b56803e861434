"""Hundreds of requests in flight from a synchronous program: OpenAI's async client in a thread of its own.

Requests that fail for a reason that may pass are repeated: lost connections, timeouts, 408, 409, 429 and 5xx. Any other
failure ends the run, and so does a silence of all servers that lasts too long.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ttc.engines.reasons import shortened
from ttc.engines.server import retrying
from ttc.engines.server.balancing import Balancer, Target
from ttc.engines.server.failures import root_of, server_message
from ttc.engines.server.settings import ServerSettings
from ttc.errors import RunError, UserError

if TYPE_CHECKING:
    pass

log = logging.getLogger(__name__)

Json = Mapping[str, Any]
"""A JSON object that a server sent; whoever reads it checks it."""

CONNECT_SECONDS = 10.0
REPLY_SECONDS = 0.002  # to wait for a reply, before whoever polls may do other work
WAIT_SECONDS = 0.25  # between two looks for a server that may be tried


@dataclass(frozen=True, slots=True)
class Question:
    """One request.

    Attributes:
        path: below the base URL; with a leading `//`, below the server's root.
        sequences: how many the server works on for it.
    """

    number: int
    path: str
    body: Mapping[str, object]
    sequences: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server replied to the question with this number."""

    number: int
    content: Json


class ServerClient:
    """Asks the servers of one model."""

    def __init__(self, settings: ServerSettings) -> None:
        """Start the thread; nothing is sent before the first question."""
        import openai

        for name in ("httpx", "httpx2", "httpcore", "httpcore2", "openai"):
            logging.getLogger(name).setLevel(logging.WARNING)  # they would log every request
        self._settings, self._key = settings, settings.api_key
        self._balancer = Balancer(settings.urls, settings.patience_seconds)
        self._clients = {
            url: openai.AsyncOpenAI(
                base_url=url,
                api_key=self._key,
                max_retries=0,
                http_client=openai.DefaultAioHttpClient(),  # the default one slows down with the requests in flight
                timeout=openai.Timeout(
                    settings.timeout_seconds, connect=min(CONNECT_SECONDS, settings.timeout_seconds)
                ),
            )
            for url in settings.urls
        }
        for client in self._clients.values():
            client.organization = client.project = None  # of OpenAI's account, from the environment: not for others
        self._answers: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds them only weakly
        self._last_failure = ""
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_except_for_the_end)
        threading.Thread(target=self._loop.run_forever, name=f"{settings.group} server", daemon=True).start()

    def ask(self, questions: Sequence[Question]) -> None:
        """Send requests; `answers` returns what comes of them."""
        self._loop.call_soon_threadsafe(self._start, questions)

    def answers(self, seconds: float = REPLY_SECONDS) -> list[Answer]:
        """Return the answers that are there, after waiting for the first of them for at most this long.

        Raises:
            RunError: a request failed for good.
        """
        found: list[Answer] = []
        try:
            while True:
                item = self._answers.get(timeout=0 if found else seconds)
                if isinstance(item, BaseException):
                    raise item
                found.append(item)
        except queue.Empty:
            return found

    def get(self, url: str, path: str) -> Json:
        """Return the answer of one server to a GET request, at once.

        Raises:
            UserError: it cannot be reached, or refuses.
        """
        return self._at_once(url, self._clients[url].get(path, cast_to=object))

    def post(self, url: str, path: str, body: Mapping[str, object]) -> Json | None:
        """Return the answer of one server to a POST request, at once; None where it does not know such requests.

        Raises:
            UserError: it cannot be reached, or refuses the key.
        """
        import openai

        try:
            return self._at_once(url, self._clients[url].post(_address(url, path), body=dict(body), cast_to=object))
        except UserError as error:
            if isinstance(error.__cause__, openai.APIStatusError) and error.__cause__.status_code not in (401, 403):
                return None
            raise

    def _at_once(self, url: str, request: Any) -> Json:
        import openai

        try:
            return _object(asyncio.run_coroutine_threadsafe(request, self._loop).result())
        except (openai.APIError, ValueError) as error:
            raise UserError(self._refusal(url, error)) from error

    def _start(self, questions: Sequence[Question]) -> None:
        for question in questions:
            task = self._loop.create_task(self._answer(question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, question: Question) -> None:
        import openai

        try:
            self._answers.put(Answer(question.number, await self._until_answered(question)))
        except openai.APIError:
            self._answers.put(
                RunError(f"{self._last_failure}, {retrying.MOST_CRASHES} times for one request; see its log.")
            )
        except BaseException as error:
            self._answers.put(error)

    async def _until_answered(self, question: Question) -> Json:
        from tenacity import AsyncRetrying, retry_if_exception

        attempts = AsyncRetrying(
            retry=retry_if_exception(retrying.is_temporary),
            wait=retrying.pause,
            stop=retrying.Crashes(),
            reraise=True,
        )
        return await attempts(self._once, question)

    async def _once(self, question: Question) -> Json:
        """Ask the server whose turn it is.

        Raises:
            RunError: it refuses, or all servers have been silent for too long.
            openai.APIError: the request may succeed later.
        """
        import openai

        target = await self._target()
        target.in_flight += question.sequences
        try:
            content: object = await self._clients[target.url].post(
                _address(target.url, question.path), body=dict(question.body), cast_to=object
            )
            found = _object(content)
        except (openai.APIError, ValueError) as error:
            target.in_flight -= question.sequences
            self._note(target, error)
            if retrying.is_temporary(error):
                raise
            raise RunError(f"{self._refusal(target.url, error)} Stored replies are kept.") from None
        except BaseException:
            target.in_flight -= question.sequences
            target.is_tried = False
            raise
        target.in_flight -= question.sequences
        if self._balancer.succeeded(target):
            log.warning("%s answers again", target.url)
        return found

    async def _target(self) -> Target:
        while (target := self._balancer.pick()) is None:
            self._check_patience()
            await asyncio.sleep(WAIT_SECONDS)
        return target

    def _note(self, target: Target, error: Exception) -> None:
        """Let the circuit breaker know of a failure; give up when there has been no success for too long."""
        import openai

        self._last_failure = f"{target.url}: {self._reason(error)}"
        if isinstance(error, openai.APIStatusError) and error.status_code < 500:
            self._balancer.busy()
            target.is_tried = False
        elif self._balancer.failed(target):
            log.warning(
                "%s (%s); it is asked again for up to %g seconds",
                *(self._last_failure, "stored replies are kept", self._settings.patience_seconds),
            )
        self._check_patience()

    def _check_patience(self) -> None:
        if self._balancer.is_given_up:
            raise RunError(
                f"no server of {self._settings.key} has answered for {self._settings.patience_seconds:g} seconds "
                f"({self._last_failure}); start it again, then run the same command: with a store, it continues where "
                "it stopped."
            )

    def _refusal(self, url: str, error: Exception) -> str:
        """Return one line on a request that cannot succeed: what was refused, why, and what helps."""
        import openai

        settings, reason = self._settings, self._reason(error)
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            where = f"the environment variable {settings.api_key_env}"
            have = f"the key in {where}" if self._key_is_set else f"a request without a key ({where} is not set)"
            return f"{settings.group}.base_url={url} refuses {have}: {reason}; export the server's key there."
        if isinstance(error, openai.NotFoundError) and error.request.method == "GET":
            return (
                f"{settings.group}.base_url={url} has no list of models: {reason}; correct the URL, e.g. its path /v1."
            )
        if isinstance(error, openai.APIStatusError):
            return f"{settings.group}.base_url={url} refuses a request to {settings.model}: {reason}."
        if isinstance(error, openai.APIConnectionError):
            return f"{settings.group}.base_url={url} does not answer: {reason}; start the server, or correct the URL."
        return f"{settings.group}.base_url={url} does not speak OpenAI's protocol: {reason}; correct the URL."

    @property
    def _key_is_set(self) -> bool:
        from ttc.engines.server.settings import NO_KEY

        return self._key != NO_KEY

    def _reason(self, error: Exception) -> str:
        """Return the reason on one line, without the key."""
        import openai

        root = root_of(error)  # a refused connection is a timeout too, to the libraries in between
        if isinstance(error, openai.APIStatusError):
            text = f"{error.status_code}, {server_message(error)}"
        elif isinstance(root, OSError) and not isinstance(root, TimeoutError):
            text = root.strerror or str(root)
        elif isinstance(error, openai.APITimeoutError):
            text = f"no answer within {self._settings.timeout_seconds:g} seconds"
        else:
            text = str(error.__cause__ or error)
        return shortened(self.without_key(text)).rstrip(".")

    def without_key(self, text: str) -> str:
        """Return what a server said without the key, which some servers repeat."""
        return text.replace(self._key, "***") if self._key_is_set else text


def _except_for_the_end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what went wrong in the loop, but not that connections were open when the process ended."""
    if not str(context.get("message", "")).startswith("Unclosed"):
        loop.default_exception_handler(context)


def _address(url: str, path: str) -> str:
    """Return the full address of a path: below the base URL or, with a leading `//`, below the server's root."""
    if not path.startswith("//"):
        return f"{url}{path}"
    return f"{url.removesuffix('/v1')}{path[1:]}"


def _object(content: object) -> Json:
    if not isinstance(content, dict):
        raise ValueError(f"not a JSON object, but '{content}'")  # shortened once it is rid of the key
    return content
