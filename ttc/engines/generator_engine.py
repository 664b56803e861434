"""A running generator: vLLM in this process, with the same code on a CPU and on CUDA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ttc.engines.base import Draw, EngineReply, Usage
from ttc.engines.checkpoint import local_directory
from ttc.engines.endings import Endings, find_endings
from ttc.engines.prompts import Prompt, PromptWriter, end_of_turn
from ttc.engines.steps import StepSplitter
from ttc.engines.vllm_model import VllmModel
from ttc.errors import RunError
from ttc.hashing import digest, seed_of
from ttc.types import FinishReason, Request, Sample, Step, Trace

if TYPE_CHECKING:
    from vllm.outputs import RequestOutput
    from vllm.sampling_params import SamplingParams

    from ttc.engines.generator import VllmGenerator


class GeneratorEngine:
    """Continues traces by token ids, so that a trace's own prefix is always served from the prefix cache."""

    def __init__(self, config: VllmGenerator, model: VllmModel) -> None:
        self._config, self._model = config, model
        tokenizer = model.tokenizer
        config.check_template(tokenizer, config.model)  # again: the first time, it may not have been downloaded
        self._endings = endings_of(config, model)
        self._splitter = StepSplitter(tokenizer, config.step_separator, self._endings)
        self._writer = PromptWriter(config, tokenizer, self._endings)
        self._max_model_len = model.facts.max_model_len
        checkpoint, *changed = config.identity()
        if self._endings.ids != {tokenizer.eos_token_id}:  # else as before further marks were known
            changed.append(("end_marks", sorted(self._endings.ids)))
        self._identity = (
            checkpoint,
            *(config.top_p, config.top_k, config.step_separator, config.max_tokens, self._max_model_len),
            *changed,
        )
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
        self._continue(ticket, _Running(request, self._prompt(request.trace), self._temperature(request), draw))

    def _continue(self, ticket: int, running: _Running) -> None:
        """Ask vLLM for the rest of the solution, or for its next step."""
        from vllm.inputs.engine import tokens_input

        prefix = running.request.trace.token_ids + running.new_ids
        prompt = running.prompt.token_ids + prefix
        room = min(self._config.max_tokens - len(prefix), self._max_model_len - len(prompt))
        if room < 1:
            self._immediate.append(self._reply(ticket, running, FinishReason.LENGTH))
            return
        self._running[ticket] = running
        self._model.engine.add_request(str(ticket), tokens_input(list(prompt)), self._params(running, prompt, room))

    def _params(self, running: _Running, prompt: tuple[int, ...], room: int) -> SamplingParams:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        config = self._config
        by_step = running.request.max_steps is not None
        separators = self._splitter.stop_token_ids if by_step else ()
        marks = () if config.sampling.get("ignore_eos") else self._endings.ids
        strings = [config.step_separator] if by_step and not separators else []
        if self._endings.strings:
            text = running.request.trace.text + self._splitter.text(running.new_ids)
            strings += [*self._endings.strings, *self._endings.remainders(text)]
        return SamplingParams(
            **config.sampling,
            temperature=running.temperature,
            top_p=config.top_p,
            top_k=config.top_k,
            max_tokens=room,
            seed=seed_of(prompt, running.temperature, config.top_p, config.top_k, by_step, running.draw),
            stop_token_ids=[*separators, *marks],
            stop=strings or None,
            include_stop_str_in_output=True,
            detokenize=bool(strings),
            output_kind=RequestOutputKind.FINAL_ONLY,
            skip_clone=True,  # this object is used once
        )

    @property
    def is_busy(self) -> bool:
        return bool(self._running or self._immediate)

    @property
    def decoding_tokens(self) -> int:
        if not self._running:
            return 0
        states = self._model.engine.output_processor.request_states.values()
        return sum(state.detokenizer.num_output_tokens() for state in states if state.detokenizer)

    def poll(self) -> list[EngineReply]:
        replies, self._immediate = self._immediate, []
        if self._running:
            for output in self._model.engine.step():
                if output.finished and (reply := self._receive(output)):
                    replies.append(reply)
        return replies

    def _receive(self, output: RequestOutput) -> EngineReply | None:
        """Return the reply, or None when the request asks for more than what vLLM has sampled so far."""
        ticket = int(output.request_id)
        running = self._running.pop(ticket)
        completion = output.outputs[0]
        cached = output.num_cached_tokens or 0
        running.add(tuple(completion.token_ids), len(output.prompt_token_ids or ()) - cached, cached)
        if self._endings.strings and (end := self._stop_string(running, completion.stop_reason)) is not None:
            return self._reply(ticket, running, FinishReason.STOP, end)
        if completion.finish_reason != "stop":
            if completion.finish_reason != "length" and completion.finish_reason != "repetition":
                raise RunError(f"vLLM gave up a request ({completion.finish_reason}); run the same command again.")
            return self._reply(ticket, running, FinishReason.LENGTH)
        if running.new_ids[-1] in self._endings.ids:
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
        return EngineReply(ticket, trace, usage, hidden_attempts=running.prompt.hidden_attempts)


def endings_of(config: VllmGenerator, model: VllmModel) -> Endings:
    """Return every mark and string at which a solution of a checkpoint ends."""
    return find_endings(
        model.tokenizer,
        config.stop,
        model.facts.end_marks,
        local_directory(config.source, config.revision),
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

    def add(self, token_ids: tuple[int, ...], prompt_tokens: int, cached_tokens: int) -> None:
        # A continuation's prompt was decoded by this very request: only the first prompt is charged.
        if not self.new_ids:
            self.prompt_tokens, self.cached_tokens = prompt_tokens, cached_tokens
        self.new_ids += token_ids

    def steps(self, splitter: StepSplitter) -> tuple[Step, ...]:
        return splitter.split(self.new_ids)
