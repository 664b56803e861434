"""A generator on a server that exchanges text alone: it tokenises every prompt again, the solution so far included."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ttc.cost import ModelShape
from ttc.engines.base import Draw, EngineReply, Usage
from ttc.engines.pace import Pace
from ttc.engines.sampling import Seeded
from ttc.engines.server.client import Answer, Json, Question
from ttc.engines.server.model import ServerModel
from ttc.engines.server.usage import cached_tokens, usage_of
from ttc.errors import RunError
from ttc.hashing import digest, seed_of
from ttc.types import FinishReason, Request, Sample, Step, Trace

if TYPE_CHECKING:
    from ttc.engines.server.generator import ServerGenerator

TOKEN_BYTES = 4  # of English text, about
MOST_BLANKS = 4  # empty steps in a row, after which a solution is taken as ended
UNKNOWN = "unknown"  # why a server stopped, where it does not say


@dataclass
class _Running:
    """A sample in progress: its text so far and what it cost."""

    request: Sample
    temperature: float
    draw: Draw
    text: str = ""
    blanks: int = 0
    usage: Usage = field(default_factory=Usage)


class TextEngine:
    """Continues traces by their text: in a chat as the assistant's unfinished turn, else after the prompt.

    A server that leaves a stop string out, and does not say that it stopped at one, is asked to go on: a solution that
    had ended gets nothing more, and then has ended.
    """

    def __init__(self, config: ServerGenerator, model: ServerModel, pace: Pace) -> None:
        self._config, self._model, self._pace = config, model, pace
        self._identity = (config.identity(), config.top_p, config.top_k, config.step_separator, config.max_tokens)
        self._waiting: deque[tuple[int, _Running]] = deque()
        self._running: dict[int, _Running] = {}
        self._immediate: list[EngineReply] = []

    @property
    def shape(self) -> ModelShape | None:
        return self._model.shape

    def key(self, request: Request, draw: Draw) -> bytes:
        assert isinstance(request, Sample)
        asked = self._asked(request.trace, "")
        return digest(self._identity, asked, self._temperature(request), request.max_steps, draw)

    def _temperature(self, request: Sample) -> float:
        return self._config.temperature if request.temperature is None else request.temperature

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        assert isinstance(request, Sample) and request.trace.is_open
        self._waiting.append((ticket, _Running(request, self._temperature(request), draw)))

    @property
    def is_busy(self) -> bool:
        return bool(self._waiting or self._running or self._immediate)

    @property
    def decoding_tokens(self) -> int:
        return 0

    def poll(self) -> list[EngineReply]:
        started: list[Question] = []
        while self._waiting and len(self._running) < self._pace.limit:
            started += self._continue(*self._waiting.popleft())
        replies, self._immediate = self._immediate, []
        if self._running:
            client = self._model.client
            client.ask(started)
            self._pace.observe(len(self._running), None)
            for answer in client.answers():
                client.ask([*self._receive(answer)])
        ready, self._immediate = self._immediate, []
        return replies + ready

    def _continue(self, ticket: int, running: _Running) -> Iterator[Question]:
        """Ask for the rest of the solution, or for its next step, where there is room for more."""
        written = running.request.trace.text + running.text
        room = self._config.max_tokens - len(written.encode()) // TOKEN_BYTES
        if room < 1:
            self._immediate.append(self._reply(ticket, running, FinishReason.LENGTH))
            return
        self._running[ticket] = running
        path = "/chat/completions" if self._config.chat else "/completions"
        yield Question(ticket, path, self._body(running, room))

    def _body(self, running: _Running, room: int) -> dict[str, object]:
        config, trace = self._config, running.request.trace
        asked = self._asked(trace, running.text)
        stop = [config.step_separator] if running.request.max_steps is not None else []
        body: dict[str, object] = {
            "model": config.model,
            "max_tokens": room,
            "temperature": running.temperature,
            "top_p": config.top_p,
            **({"top_k": config.top_k} if config.top_k > 0 else {}),
            **({"stop": stop + config.stop} if stop or config.stop else {}),
            **config.sampling,
            **asked,
        }
        if "max_completion_tokens" in config.sampling:
            del body["max_tokens"]
        if config.seeded is Seeded.request and running.temperature > 0:
            body["seed"] = seed_of(asked, running.temperature, config.top_p, config.top_k, running.draw) % 2**53
        return body

    def _asked(self, trace: Trace, more: str) -> dict[str, object]:
        """Return the part of a request that shows the problem, the attempts and the solution so far."""
        config = self._config
        question, begun = trace.problem.question, trace.text + more
        if not config.chat:
            attempts = "".join(f"{attempt.text.strip()}\n\n" for attempt in trace.attempts)
            return {"prompt": config.text(question) + attempts + begun}
        turns = config.turns(question, [attempt.text for attempt in trace.attempts])
        asked: dict[str, object] = {}
        if begun:
            turns.append(("assistant", begun))
            asked = {"continue_final_message": True, "add_generation_prompt": False}
        if config.template_kwargs:
            asked["chat_template_kwargs"] = config.template_kwargs
        return {"messages": config.messages(turns), **asked}

    def _receive(self, answer: Answer) -> Iterator[Question]:
        """Take an answer; yield the request for what is still missing, or keep the reply."""
        running = self._running.pop(answer.number)
        try:
            [choice] = answer.content["choices"]
            text, reason = _text(choice, self._config.end_of_thought), _stop_reason(choice)
            usage = _usage(usage_of(answer.content))
            cut = choice.get("finish_reason") == "length"
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(
                f"generator.model={self._config.model}: the server's reply cannot be read ({type(error).__name__}: "
                f"{error}); does it speak OpenAI's protocol?"
            ) from None
        finish = self._take(running, text, reason, cut)
        running.usage = Usage(
            running.usage.prompt or usage.prompt,
            running.usage.cached or usage.cached,
            running.usage.decoded + usage.decoded,
        )
        self._pace.finish(usage.decoded)
        if finish is None:
            yield from self._continue(answer.number, running)
        else:
            self._immediate.append(self._reply(answer.number, running, finish))

    def _take(self, running: _Running, text: str, reason: object, cut: bool) -> FinishReason | None:
        """Add text to a sample; return why it ended, or None while it has fewer steps than were asked for."""
        config, most = self._config, running.request.max_steps
        if cut or most is None:
            running.text += text
            return FinishReason.LENGTH if cut else FinishReason.STOP
        at_separator = reason == config.step_separator or (reason == UNKNOWN and text.strip() != "")
        running.text += text + (config.step_separator if at_separator else "")
        running.blanks = 0 if text.strip() else running.blanks + 1
        if not at_separator or running.blanks >= MOST_BLANKS:
            return FinishReason.STOP
        steps = [step for step in split_steps(running.text, config.step_separator) if step.strip()]
        return FinishReason.STEP if len(steps) >= most else None

    def _reply(self, ticket: int, running: _Running, finish: FinishReason) -> EngineReply:
        steps = tuple(Step(text, ()) for text in split_steps(running.text, self._config.step_separator))
        if not steps and finish is FinishReason.STOP and not running.request.trace.steps:
            steps = (Step("", ()),)
        trace = running.request.trace.extended(steps, finish)
        if trace.is_finished and self._config.ends_in_thought(trace.text):
            trace = replace(trace, finish=FinishReason.LENGTH)
        return EngineReply(ticket, trace, running.usage)


def split_steps(text: str, separator: str) -> list[str]:
    """Cut a text behind each separator that follows something visible; what remains is a step too."""
    steps, start = [], 0
    while start < len(text):
        visible = start + len(text[start:]) - len(text[start:].lstrip())
        end = text.find(separator, visible)
        end = len(text) if end < 0 else end + len(separator)
        steps.append(text[start:end])
        start = end
    return steps if not steps or steps[-1].strip() or len(steps) == 1 else [*steps[:-2], steps[-2] + steps[-1]]


def _text(choice: Json, end_of_thought: str | None) -> str:
    """Return what was written; some servers give a reasoning model's thought apart."""
    message = choice.get("message")
    if message is None:
        return _string(choice["text"])
    thought = _string(message.get("reasoning_content") or message.get("reasoning"))
    content = _string(message.get("content"))
    return f"{thought}{end_of_thought or '</think>'}{content}" if thought else content


def _string(value: object) -> str:
    """Return a text; null stands for an empty one."""
    if value is not None and not isinstance(value, str):
        raise TypeError("a text is not a string")
    return value or ""


def _stop_reason(choice: Json) -> object:
    """Return the stop string, None for the checkpoint's own end mark, or `UNKNOWN`."""
    for name in ("stop_reason", "matched_stop"):  # vLLM's name, SGLang's name
        if name in choice:
            return choice[name]
    return UNKNOWN


def _usage(usage: Json) -> Usage:
    cached = cached_tokens(usage)
    return Usage(int(usage.get("prompt_tokens") or 0) - cached, cached, int(usage.get("completion_tokens") or 0))
