"""The generator: vLLM in this process, on a CPU or on CUDA with the same code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ttc.engines.base import Draw, Engine, Finished, Usage, digest, seed_of
from ttc.engines.checkpoint import fingerprint, resolve
from ttc.types import Finish, Request, Sample, Step, Trace

if TYPE_CHECKING:
    from vllm.outputs import RequestOutput


@dataclass
class VllmGenerator:
    """A generator checkpoint and how it is sampled.

    `model` is `pocket`, a directory or a hub id. `prompt` holds `{question}`; with `chat` it is the user's message in
    the checkpoint's chat template. `max_tokens` bounds a whole solution, steps and all.

    A revision model is shown earlier attempts: each with its end mark after the prompt, one after another, as it is
    trained; in a chat as its own answers, each followed by the user's message `revise`. Where they do not fit, the
    oldest are left out.
    """

    model: str = "pocket"
    prompt: str = "{question}\n"
    chat: bool = False
    system: str | None = None
    revise: str = "This may be wrong. Solve the problem again."
    step_separator: str = "\n"
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1
    max_tokens: int = 192
    dtype: str = "auto"
    max_model_len: int | None = None
    max_num_seqs: int = 256
    gpu_memory_utilization: float = 0.5
    kv_cache_gib: float = 1.0  # on a CPU
    tensor_parallel_size: int = 1

    def check(self) -> None:
        """Refuse impossible values and unusable checkpoints before any weights load."""
        from ttc.errors import UserError

        if "{question}" not in self.prompt:
            raise UserError(f"generator.prompt={self.prompt!r} has no {{question}}; put it where the problem goes.")
        if not self.step_separator:
            raise UserError("generator.step_separator is empty; use e.g. '\\n'.")
        for name, low in (("max_tokens", 1), ("max_num_seqs", 1), ("tensor_parallel_size", 1)):
            if getattr(self, name) < low:
                raise UserError(f"generator.{name}={getattr(self, name)} is below {low}; use {low} or more.")
        if self.temperature < 0:
            raise UserError(f"generator.temperature={self.temperature} is negative; use 0 (greedy) or more.")
        if not 0 < self.top_p <= 1:
            raise UserError(f"generator.top_p={self.top_p} is not in (0, 1]; use e.g. 1.0.")
        resolve(self.model, "generator")

    def start(self) -> Engine:
        return GeneratorEngine(self)


class GeneratorEngine:
    """Continues traces by token ids, so that a trace's own prefix is always a prefix-cache hit."""

    def __init__(self, config: VllmGenerator) -> None:
        from ttc.engines.launch import launch, shape_of
        from ttc.engines.steps import StepSplitter

        self._config = config
        self._engine = launch(resolve(config.model, "generator"), config)
        self._tokenizer: Any = self._engine.get_tokenizer()
        self._splitter = StepSplitter(self._tokenizer, config.step_separator)
        self._max_model_len: int = self._engine.model_config.max_model_len
        self._plain_prompt = lru_cache(4096)(self._prompt_ids)
        self._fingerprint = (
            fingerprint(resolve(config.model, "generator")),
            *(config.top_p, config.top_k, config.step_separator, config.max_tokens, self._max_model_len),
        )
        self._running: dict[int, _Running] = {}
        self._instant: list[Finished] = []
        self.shape = shape_of(self._engine.model_config.model)

    def prompt_ids(self, trace: Trace) -> tuple[int, ...]:
        """The token ids before the solution: the problem and as many of the latest attempts as leave room for it."""
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
            messages, add_generation_prompt=True, tokenize=True, return_dict=False
        )
        return tuple(ids)

    def key(self, request: Request, draw: Draw) -> bytes:
        assert isinstance(request, Sample)
        trace = request.trace
        ids = (self.prompt_ids(trace), trace.token_ids)
        return digest(self._fingerprint, ids, self._temperature(request), request.max_steps, draw)

    def _temperature(self, request: Sample) -> float:
        return self._config.temperature if request.temperature is None else request.temperature

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        assert isinstance(request, Sample) and request.trace.is_open
        self._continue(ticket, _Running(request, self._temperature(request), draw))

    def _continue(self, ticket: int, running: _Running) -> None:
        """Ask for the rest of the solution, or for the next step."""
        from vllm import SamplingParams
        from vllm.inputs.engine import tokens_input
        from vllm.sampling_params import RequestOutputKind

        prefix = running.request.trace.token_ids + running.new_ids
        prompt = self.prompt_ids(running.request.trace) + prefix
        room = min(self._config.max_tokens - len(prefix), self._max_model_len - len(prompt))
        if room < 1:
            self._instant.append(self._finished(ticket, running, Finish.LENGTH))
            return
        by_step = running.request.max_steps is not None
        stop_ids = list(self._splitter.stop_token_ids) if by_step else []
        stop_string = self._config.step_separator if by_step and not stop_ids else None
        config = self._config
        params = SamplingParams(
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
            skip_clone=True,  # these are this request's own
        )
        self._running[ticket] = running
        self._engine.add_request(str(ticket), tokens_input(list(prompt)), params)

    @property
    def is_busy(self) -> bool:
        return bool(self._running or self._instant)

    @property
    def decoding_tokens(self) -> int:
        states = self._engine.output_processor.request_states.values()
        return sum(state.detokenizer.num_output_tokens() for state in states if state.detokenizer)

    def poll(self) -> list[Finished]:
        finished, self._instant = self._instant, []
        if self._running:
            for output in self._engine.step():
                if output.finished:
                    finished.extend(self._take(output))
        return finished

    def _take(self, output: RequestOutput) -> list[Finished]:
        ticket = int(output.request_id)
        running = self._running.pop(ticket)
        completion = output.outputs[0]
        cached = output.num_cached_tokens or 0
        running.add(tuple(completion.token_ids), len(output.prompt_token_ids or ()) - cached, cached)
        if completion.finish_reason == "length":
            return [self._finished(ticket, running, Finish.LENGTH)]
        if completion.stop_reason is None:  # the end-of-text token
            return [self._finished(ticket, running, Finish.STOP)]
        assert running.request.max_steps is not None
        if len(running.steps(self._splitter)) < running.request.max_steps or running.is_blank(self._splitter):
            self._continue(ticket, running)  # a blank line is no step; lookahead wants several
            return []
        return [self._finished(ticket, running, Finish.STEP)]

    def _finished(self, ticket: int, running: _Running, finish: Finish) -> Finished:
        steps = running.steps(self._splitter)
        usage = Usage(running.prompt_tokens, running.cached_tokens, len(running.new_ids))
        return Finished(ticket, running.request.trace.extended(steps, finish), usage)


@dataclass
class _Running:
    """A sample in progress: what came so far and what it cost."""

    request: Sample
    temperature: float
    draw: Draw
    new_ids: tuple[int, ...] = ()
    prompt_tokens: int = 0
    cached_tokens: int = 0

    def add(self, token_ids: tuple[int, ...], prompt_tokens: int, cached_tokens: int) -> None:
        # A continuation's prompt was decoded by this very request: only its first part is charged.
        if not self.new_ids:
            self.prompt_tokens, self.cached_tokens = prompt_tokens, cached_tokens
        self.new_ids += token_ids

    def steps(self, splitter: Any) -> tuple[Step, ...]:
        steps: tuple[Step, ...] = splitter.split(self.new_ids)
        return steps

    def is_blank(self, splitter: Any) -> bool:
        return not splitter.text(self.new_ids).strip()
