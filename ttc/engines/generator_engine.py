"""A running generator: solutions and steps from a sampler of tokens, in this process or on a server."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ttc.cost import ModelShape
from ttc.engines.base import Draw, EngineReply, Usage
from ttc.engines.endings import Endings, find_endings
from ttc.engines.pace import Pace
from ttc.engines.prompts import Prompt, PromptWriter, end_of_turn
from ttc.engines.sampler import Completion, Continuation, Sampler
from ttc.engines.sampling import SamplingSettings
from ttc.engines.steps import StepSplitter
from ttc.errors import RunError
from ttc.hashing import digest
from ttc.types import FinishReason, Request, Sample, Step, Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from ttc.engines.vllm_model import Facts


class ServedModel(Protocol):
    """What an engine must know of a model that runs somewhere."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def facts(self) -> Facts:
        """Its context and end marks."""

    @property
    def shape(self) -> ModelShape | None:
        """The sizes that determine FLOPs; None where they are unknown."""

    @property
    def directory(self) -> Path | None:
        """Where its files are; None where they are not on this machine."""

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer that its ids belong to."""


class GeneratorEngine:
    """Continues traces by token ids, so that a trace's own prefix is always served from the prefix cache.

    Open samples are as many as the engine's speed allows (`Pace`); others wait in order.
    """

    def __init__(
        self,
        config: SamplingSettings,
        identity: tuple[object, ...],
        model: ServedModel,
        sampler: Sampler,
        pace: Pace,
    ) -> None:
        """Take a model and the sampler that runs it.

        Args:
            config: how it is asked and sampled.
            identity: what the store's keys say about the checkpoint and how it is run, the checkpoint first.
            model: its tokenizer and facts.
            sampler: what continues its prompts.
            pace: how many samples may be open.
        """
        self._config, self._sampler, self._pace = config, sampler, pace
        tokenizer = model.tokenizer
        config.check_template(tokenizer, model.name)  # again: the first time, it may not have been downloaded
        self._endings = endings_of(config, model)
        self._splitter = StepSplitter(tokenizer, config.step_separator, self._endings, config.end_of_thought)
        self._writer = PromptWriter(config, tokenizer, self._endings)
        self._max_model_len = model.facts.max_model_len
        checkpoint, *changed = identity
        if self._endings.ids != {tokenizer.eos_token_id}:  # else as before further marks were known
            changed.append(("end_marks", sorted(self._endings.ids)))
        self._identity = (
            checkpoint,
            *(config.top_p, config.top_k, config.step_separator, config.max_tokens, self._max_model_len),
            *changed,
        )
        self._waiting: deque[tuple[int, _Running]] = deque()
        self._running: dict[int, _Running] = {}
        self._immediate: list[EngineReply] = []
        self.shape = model.shape

    def _prompt(self, trace: Trace) -> Prompt:
        return self._writer.prompt(trace, self._config.max_tokens, self._max_model_len)

    def key(self, request: Request, draw: Draw) -> bytes:
        assert isinstance(request, Sample)
        trace = request.trace
        ids = (self._prompt(trace).token_ids, trace.token_ids)
        return digest(self._identity, ids, self._temperature(request), request.max_steps, draw)

    def _temperature(self, request: Sample) -> float:
        return self._config.temperature if request.temperature is None else request.temperature

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        assert isinstance(request, Sample) and request.trace.is_open
        running = _Running(request, self._prompt(request.trace), self._temperature(request), draw)
        self._waiting.append((ticket, running))

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < self._pace.limit:
            self._continue(*self._waiting.popleft())

    def _continue(self, ticket: int, running: _Running) -> None:
        """Ask for the rest of the solution, or for its next step."""
        prefix = running.request.trace.token_ids + running.new_ids
        prompt = running.prompt.token_ids + prefix
        room = min(self._config.max_tokens - len(prefix), self._max_model_len - len(prompt))
        if room < 1:
            self._immediate.append(self._reply(ticket, running, FinishReason.LENGTH))
            return
        self._running[ticket] = running
        self._sampler.submit(ticket, self._asked(running, prompt, room))

    def _asked(self, running: _Running, prompt: tuple[int, ...], room: int) -> Continuation:
        config = self._config
        by_step = running.request.max_steps is not None
        separators = self._splitter.stop_token_ids if by_step else ()
        marks = () if config.sampling.get("ignore_eos") else self._endings.ids
        strings = [config.step_separator] if by_step and not separators else []
        if self._endings.strings:
            text = running.request.trace.text + self._splitter.text(running.new_ids)
            strings += [*self._endings.strings, *self._endings.remainders(text)]
        return Continuation(
            prompt, room, running.temperature, by_step, (*separators, *marks), tuple(strings), running.draw
        )

    @property
    def is_busy(self) -> bool:
        return bool(self._running or self._immediate or self._waiting)

    @property
    def decoding_tokens(self) -> int:
        return self._decoding() if self._running else 0

    def _decoding(self) -> int:
        return self._sampler.decoding_tokens

    def poll(self) -> list[EngineReply]:
        self._start_waiting()
        replies, self._immediate = self._immediate, []
        if self._running:
            self._pace.observe(len(self._running), self._decoding if self._sampler.knows_progress else None)
            for completion in self._sampler.poll():
                if reply := self._receive(completion):
                    replies.append(reply)
        return replies

    def _receive(self, completion: Completion) -> EngineReply | None:
        """Return the reply, or None when the request asks for more than what has been sampled so far."""
        running = self._running.pop(completion.ticket)
        running.add(completion)
        self._pace.finish(len(completion.token_ids))
        ticket = completion.ticket
        if self._endings.strings and (end := self._stop_string(running, completion.stop_reason)) is not None:
            return self._reply(ticket, running, FinishReason.STOP, end)
        if completion.finish_reason != "stop":
            if completion.finish_reason != "length" and completion.finish_reason != "repetition":
                raise RunError(f"vLLM gave up a request ({completion.finish_reason}); run the same command again.")
            return self._reply(ticket, running, FinishReason.LENGTH)
        if completion.stop_reason is None or (running.new_ids and running.new_ids[-1] in self._endings.ids):
            return self._reply(ticket, running, FinishReason.STOP)
        if self._has_its_steps(running):
            return self._reply(ticket, running, FinishReason.STEP)
        self._continue(ticket, running)
        return None

    def _has_its_steps(self, running: _Running) -> bool:
        """Whether a request for steps is served: lookahead wants several, and a blank line is not a step."""
        steps, most = running.steps(self._splitter), running.request.max_steps
        if most is None or len(steps) < most:
            return False
        if self._endings.strings:  # vLLM also stops where one is begun
            return self._splitter.ends_step(steps[-1])
        return any(step.text.strip() for step in steps)

    def _stop_string(self, running: _Running, reason: int | str | None) -> int | None:
        """Return how many characters of the new text precede a stop string; None where there is none."""
        before = running.request.trace.text
        text = before + "".join(step.text for step in running.steps(self._splitter))
        start = self._endings.find(text, len(before))
        if start is None and isinstance(reason, str) and reason in self._endings.strings:
            start = max(text.rfind(reason.strip()), len(before))  # vLLM decodes some tokenizers' spaces differently
        return None if start is None else start - len(before)

    def _reply(self, ticket: int, running: _Running, finish: FinishReason, end: int | None = None) -> EngineReply:
        """Reply with the new steps, of whose text `end` characters count."""
        steps = running.steps(self._splitter)
        if end is not None:
            steps = self._splitter.cut(steps, end)
        usage = Usage(running.prompt_tokens, running.cached_tokens, len(running.new_ids))
        trace = running.request.trace.extended(steps, finish)
        if trace.is_finished and self._config.ends_in_thought(trace.text):
            trace = replace(trace, finish=FinishReason.LENGTH)
        return EngineReply(ticket, trace, usage, hidden_attempts=running.prompt.hidden_attempts)


def endings_of(config: SamplingSettings, model: ServedModel) -> Endings:
    """Return every mark and string at which a solution of a checkpoint ends."""
    return find_endings(
        model.tokenizer,
        config.stop,
        model.facts.end_marks,
        model.directory,
        end_of_turn(config, model.tokenizer),
    )


@dataclass
class _Running:
    """A sample in progress: its tokens so far and what they cost."""

    request: Sample
    prompt: Prompt
    temperature: float
    draw: Draw
    new_ids: tuple[int, ...] = ()
    prompt_tokens: int = 0
    cached_tokens: int = 0

    def add(self, completion: Completion) -> None:
        # A continuation's prompt was decoded by this very request: only the first prompt is charged.
        if not self.new_ids:
            self.prompt_tokens, self.cached_tokens = completion.prompt_tokens, completion.cached_tokens
        self.new_ids += completion.token_ids

    def steps(self, splitter: StepSplitter) -> tuple[Step, ...]:
        return splitter.split(self.new_ids)
