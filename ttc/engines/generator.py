"""The generator: vLLM in this process, with the same code on a CPU and on CUDA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from ttc.engines.base import Draw, Engine, EngineReply, Generator, Usage
from ttc.engines.steps import StepSplitter
from ttc.engines.vllm_setup import VllmSettings, load_engine, prepare, refuse_unknown, shape_of
from ttc.errors import UserError
from ttc.hashing import digest, seed_of
from ttc.types import FinishReason, Request, Sample, Step, Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from vllm.outputs import RequestOutput
    from vllm.sampling_params import SamplingParams

# SamplingParams that follow from the request, and the remedy for each that users might set.
_SET_PER_REQUEST = {
    "seed": "use seed=",
    "max_tokens": "use generator.max_tokens=",
    "temperature": "use generator.temperature=",
    "top_p": "use generator.top_p=",
    "top_k": "use generator.top_k=",
    **dict.fromkeys(
        ("n", "stop", "stop_token_ids", "include_stop_str_in_output", "detokenize", "output_kind", "skip_clone"),
        "leave it out",
    ),
}


@dataclass
class VllmGenerator(VllmSettings, Generator):
    """A generator checkpoint and how it is sampled.

    `prompt` contains `{question}`; with `chat` it is the user's message in the checkpoint's chat template, to which
    `chat_template_kwargs` is passed. `max_tokens` bounds a whole solution, all its steps together. `sampling` goes to
    vLLM's SamplingParams as it is, e.g. `{min_p: 0.05}`.

    A revision model is shown earlier attempts: after the prompt, each with its end mark, as in training; in a chat as
    the assistant's turns, each followed by the user's message `revise`. Where they do not fit, the oldest are dropped.
    """

    prompt: str = "{question}\n"
    chat: bool = False
    system: str | None = None
    chat_template_kwargs: dict[str, Any] = field(default_factory=dict)
    revise: str = "This may be wrong. Solve the problem again."
    step_separator: str = "\n"
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1
    max_tokens: int = 192
    sampling: dict[str, Any] = field(default_factory=dict)

    group: ClassVar[str] = "generator"

    def check(self) -> None:
        if "{question}" not in self.prompt:
            raise UserError(f"generator.prompt={self.prompt!r} has no {{question}}; put it where the problem goes.")
        if not self.step_separator:
            raise UserError("generator.step_separator is empty; use e.g. '\\n'.")
        if self.max_tokens < 1:
            raise UserError(f"generator.max_tokens={self.max_tokens} is below 1; use 1 or more.")
        if self.temperature < 0:
            raise UserError(f"generator.temperature={self.temperature} is negative; use 0 (greedy) or more.")
        if not 0 < self.top_p <= 1:
            raise UserError(f"generator.top_p={self.top_p} is not in (0, 1]; use e.g. 1.0.")
        self._check_sampling()
        super().check()

    def _check_sampling(self) -> None:
        for name in self.sampling:
            if remedy := _SET_PER_REQUEST.get(name):
                raise UserError(f"generator.sampling.{name} is set by ttc for each request; {remedy}.")
        if self.sampling:
            prepare()
            from vllm.sampling_params import SamplingParams

            known = dict.fromkeys(SamplingParams.__struct_fields__)
            refuse_unknown(self.sampling, "generator.sampling", known, "SamplingParams")
            try:
                SamplingParams(**self.sampling)
            except Exception as error:  # vLLM has exceptions of its own for impossible values
                raise UserError(f"generator.sampling={self.sampling}: {error}; fix the value.") from None

    def identity(self) -> tuple[object, ...]:
        given = {"sampling": self.sampling, "chat_template_kwargs": self.chat_template_kwargs}
        return (*super().identity(), *((name, repr(sorted(value.items()))) for name, value in given.items() if value))

    def start(self) -> Engine:
        return GeneratorEngine(self)


class GeneratorEngine:
    """Continues traces by token ids, so that a trace's own prefix is always served from the prefix cache."""

    def __init__(self, config: VllmGenerator) -> None:
        self._config = config
        self._engine = load_engine(config)
        self._tokenizer: PreTrainedTokenizerBase = self._engine.get_tokenizer()
        self._splitter = StepSplitter(self._tokenizer, config.step_separator)
        self._max_model_len: int = self._engine.model_config.max_model_len
        self._plain_prompt = lru_cache(4096)(self._prompt_ids)
        checkpoint, *changed = config.identity()
        self._identity = (
            checkpoint,
            *(config.top_p, config.top_k, config.step_separator, config.max_tokens, self._max_model_len),
            *changed,
        )
        self._running: dict[int, _Running] = {}
        self._immediate: list[EngineReply] = []
        self.shape = shape_of(self._engine.model_config.model, config.revision)

    def prompt_ids(self, trace: Trace) -> tuple[int, ...]:
        """Return the token ids before the solution: the problem, and the latest attempts that leave room for it."""
        attempts = trace.attempts
        while attempts:
            ids = self._with_attempts(trace.problem.question, attempts)
            if len(ids) + self._config.max_tokens <= self._max_model_len:
                return ids
            attempts = attempts[1:]
        return self._plain_prompt(trace.problem.question)

    def _with_attempts(self, question: str, attempts: Sequence[Trace]) -> tuple[int, ...]:
        if self._config.chat:
            turns = [("user", self._config.prompt.replace("{question}", question))]
            for attempt in attempts:
                turns += [("assistant", attempt.text), ("user", self._config.revise)]
            return self._chat_ids(turns)
        end = (self._tokenizer.eos_token_id,)
        shown = (ids if ids[-1:] == end else ids + end for ids in (attempt.token_ids for attempt in attempts))
        return sum(shown, self._plain_prompt(question))

    def _prompt_ids(self, question: str) -> tuple[int, ...]:
        text = self._config.prompt.replace("{question}", question)
        return self._chat_ids([("user", text)]) if self._config.chat else tuple(self._tokenizer(text)["input_ids"])

    def _chat_ids(self, turns: list[tuple[str, str]]) -> tuple[int, ...]:
        if self._config.system is not None:
            turns = [("system", self._config.system), *turns]
        messages = [{"role": role, "content": content} for role, content in turns]
        ids = self._tokenizer.apply_chat_template(
            messages,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
            **self._config.chat_template_kwargs,
        )
        return tuple(ids)

    def key(self, request: Request, draw: Draw) -> bytes:
        assert isinstance(request, Sample)
        trace = request.trace
        ids = (self.prompt_ids(trace), trace.token_ids)
        return digest(self._identity, ids, self._temperature(request), request.max_steps, draw)

    def _temperature(self, request: Sample) -> float:
        return self._config.temperature if request.temperature is None else request.temperature

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        assert isinstance(request, Sample) and request.trace.is_open
        self._continue(ticket, _Running(request, self._temperature(request), draw))

    def _continue(self, ticket: int, running: _Running) -> None:
        """Ask vLLM for the rest of the solution, or for its next step."""
        from vllm.inputs.engine import tokens_input

        prefix = running.request.trace.token_ids + running.new_ids
        prompt = self.prompt_ids(running.request.trace) + prefix
        room = min(self._config.max_tokens - len(prefix), self._max_model_len - len(prompt))
        if room < 1:
            self._immediate.append(self._reply(ticket, running, FinishReason.LENGTH))
            return
        self._running[ticket] = running
        self._engine.add_request(str(ticket), tokens_input(list(prompt)), self._params(running, prompt, room))

    def _params(self, running: _Running, prompt: tuple[int, ...], room: int) -> SamplingParams:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        config = self._config
        by_step = running.request.max_steps is not None
        stop_ids = list(self._splitter.stop_token_ids) if by_step else []
        stop_string = config.step_separator if by_step and not stop_ids else None
        return SamplingParams(
            **config.sampling,
            temperature=running.temperature,
            top_p=config.top_p,
            top_k=config.top_k,
            max_tokens=room,
            seed=seed_of(prompt, running.temperature, config.top_p, config.top_k, by_step, running.draw),
            stop_token_ids=stop_ids,
            stop=stop_string,
            include_stop_str_in_output=True,
            detokenize=stop_string is not None,
            output_kind=RequestOutputKind.FINAL_ONLY,
            skip_clone=True,  # this object is used once
        )

    @property
    def is_busy(self) -> bool:
        return bool(self._running or self._immediate)

    @property
    def decoding_tokens(self) -> int:
        states = self._engine.output_processor.request_states.values()
        return sum(state.detokenizer.num_output_tokens() for state in states if state.detokenizer)

    def poll(self) -> list[EngineReply]:
        replies, self._immediate = self._immediate, []
        if self._running:
            for output in self._engine.step():
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
        if completion.finish_reason == "length":
            return self._reply(ticket, running, FinishReason.LENGTH)
        if completion.stop_reason is None:  # the end-of-text token
            return self._reply(ticket, running, FinishReason.STOP)
        assert running.request.max_steps is not None
        if len(running.steps(self._splitter)) < running.request.max_steps or running.is_blank(self._splitter):
            self._continue(ticket, running)  # a blank line is not a step, and lookahead wants several
            return None
        return self._reply(ticket, running, FinishReason.STEP)

    def _reply(self, ticket: int, running: _Running, finish: FinishReason) -> EngineReply:
        steps = running.steps(self._splitter)
        usage = Usage(running.prompt_tokens, running.cached_tokens, len(running.new_ids))
        return EngineReply(ticket, running.request.trace.extended(steps, finish), usage)


@dataclass
class _Running:
    """A sample in progress: its tokens so far and what they cost."""

    request: Sample
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

    def is_blank(self, splitter: StepSplitter) -> bool:
        return not splitter.text(self.new_ids).strip()
