"""Scoring with a pooling model of vLLM in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ttc.engines.reading import TASKS
from ttc.engines.scorer import Scored
from ttc.engines.vllm_model import VllmModel

if TYPE_CHECKING:
    from vllm.outputs import PoolingRequestOutput


class VllmScorer:
    """A verifier's checkpoint in vLLM; at the last position, the prefix cache serves the steps that it has read."""

    def __init__(self, pooling: str, model: VllmModel) -> None:
        self._task: Any = TASKS[pooling]
        self._model = model

    def submit(self, ticket: int, ids: list[int]) -> None:
        from vllm import PoolingParams
        from vllm.inputs.engine import tokens_input

        model, params = self._model, PoolingParams(task=self._task)
        model.engine.add_request(str(ticket), tokens_input(ids), params, lora_request=model.lora_request)

    def poll(self) -> list[Scored]:
        return [_scored(output) for output in self._model.engine.step() if output.finished]


def _scored(output: PoolingRequestOutput) -> Scored:
    values = output.outputs.data  # (classes,), or (tokens, classes) where every token is read
    last = values if values.dim() == 1 else values[-1]
    cached = output.num_cached_tokens or 0
    return Scored(int(output.request_id), tuple(last.tolist()), len(output.prompt_token_ids) - cached, cached)
