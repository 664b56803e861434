"""vLLM model classes for heads that vLLM does not read at the last position, which the prefix cache serves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from vllm.config import VllmConfig
from vllm.model_executor.layers.pooler import DispatchPooler
from vllm.model_executor.models.adapters import as_seq_cls_model
from vllm.model_executor.models.interfaces_base import default_pooling_type
from vllm.model_executor.models.llama import LlamaForCausalLM
from vllm.model_executor.models.mistral import MistralForCausalLM
from vllm.model_executor.models.qwen2 import Qwen2ForCausalLM
from vllm.model_executor.models.qwen2_rm import Qwen2RewardBaseModel
from vllm.model_executor.models.qwen3 import Qwen3ForCausalLM
from vllm.sequence import IntermediateTensors

Weights = Iterable[tuple[str, torch.Tensor]]


@default_pooling_type(seq_pooling_type="LAST", tok_pooling_type="ALL")
class Qwen2WithTwoLayerHead(Qwen2RewardBaseModel):  # type: ignore[misc]
    """Qwen2.5-Math-PRM's checkpoint (`score.0`, ReLU, `score.2`) with the head in the pooler.

    vLLM's own class applies the head to every token and returns those with the id 151651. Here it is applied to what
    the task reads: the last token for `classify`, every token for `token_classify`. `num_labels` of the config says how
    many classes it has.
    """

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__(vllm_config=vllm_config, prefix=prefix)
        pooler_config = vllm_config.model_config.pooler_config
        assert pooler_config is not None
        self.pooler = DispatchPooler.for_seq_cls(pooler_config, classifier=self.score)

    def forward(
        self,
        input_ids: torch.Tensor | None,
        positions: torch.Tensor,
        intermediate_tensors: IntermediateTensors | None = None,
        inputs_embeds: torch.Tensor | None = None,
    ) -> torch.Tensor | IntermediateTensors:
        """Return hidden states (tokens, hidden)."""
        return self.model(input_ids, positions, intermediate_tensors, inputs_embeds)


def _renamed(weights: Weights) -> Iterator[tuple[str, torch.Tensor]]:
    """Call a value head as vLLM does, and drop the output head, which nothing reads."""
    for name, tensor in weights:
        if name.startswith("v_head.summary."):
            yield name.replace("v_head.summary.", "score."), tensor
        elif not name.startswith("lm_head."):
            yield name, tensor


class _ValueHead:
    """Loads a checkpoint with TRL's value head, `v_head.summary`: a linear layer with one output and a bias."""

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        vllm_config.model_config.hf_config.num_labels = 1  # such a config.json names no number
        super().__init__(vllm_config=vllm_config, prefix=prefix)  # type: ignore[call-arg]

    def load_weights(self, weights: Weights) -> set[str]:
        loaded: set[str] = super().load_weights(_renamed(weights))  # type: ignore[misc]
        return loaded


class LlamaWithValueHead(_ValueHead, as_seq_cls_model(LlamaForCausalLM)):  # type: ignore[misc]
    """A value head on Llama."""


class MistralWithValueHead(_ValueHead, as_seq_cls_model(MistralForCausalLM)):  # type: ignore[misc]
    """A value head on Mistral."""


class Qwen2WithValueHead(_ValueHead, as_seq_cls_model(Qwen2ForCausalLM)):  # type: ignore[misc]
    """A value head on Qwen2: Skywork-o1-Open-PRM."""


class Qwen3WithValueHead(_ValueHead, as_seq_cls_model(Qwen3ForCausalLM)):  # type: ignore[misc]
    """A value head on Qwen3."""
