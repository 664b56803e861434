"""Sampling with vLLM in this process, with the same code on a CPU and on CUDA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ttc.engines.sampler import Completion, Continuation
from ttc.engines.sampling import SamplingSettings, Seeded
from ttc.engines.vllm_model import VllmModel
from ttc.hashing import seed_of

if TYPE_CHECKING:
    from vllm.outputs import RequestOutput
    from vllm.sampling_params import SamplingParams


class VllmSampler:
    """A checkpoint in vLLM that continues prompts."""

    knows_progress = True

    def __init__(self, settings: SamplingSettings, model: VllmModel) -> None:
        self._settings, self._model = settings, model

    def submit(self, ticket: int, asked: Continuation) -> None:
        from vllm.inputs.engine import tokens_input

        prompt = tokens_input(list(asked.prompt))
        model = self._model
        model.engine.add_request(str(ticket), prompt, self._params(asked), lora_request=model.lora_request)

    def _params(self, asked: Continuation) -> SamplingParams:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        settings = self._settings
        return SamplingParams(
            **settings.sampling,
            temperature=asked.temperature,
            top_p=settings.top_p,
            top_k=settings.top_k,
            max_tokens=asked.max_tokens,
            seed=self._seed(asked),
            stop_token_ids=list(asked.stop_token_ids),
            stop=list(asked.stop) or None,
            include_stop_str_in_output=True,
            detokenize=bool(asked.stop),
            output_kind=RequestOutputKind.FINAL_ONLY,
            skip_clone=True,  # this object is used once
        )

    def _seed(self, asked: Continuation) -> int | None:
        settings = self._settings
        if settings.seeded is Seeded.engine:
            return None
        return seed_of(asked.prompt, asked.temperature, settings.top_p, settings.top_k, asked.by_step, asked.draw)

    def poll(self) -> list[Completion]:
        return [_completion(output) for output in self._model.engine.step() if output.finished]

    @property
    def decoding_tokens(self) -> int:
        states = self._model.engine.output_processor.request_states.values()
        return sum(state.detokenizer.num_output_tokens() for state in states if state.detokenizer)


def _completion(output: RequestOutput) -> Completion:
    sampled, cached = output.outputs[0], output.num_cached_tokens or 0
    return Completion(
        int(output.request_id),
        tuple(sampled.token_ids),
        str(sampled.finish_reason),
        sampled.stop_reason,
        len(output.prompt_token_ids or ()) - cached,
        cached,
    )
