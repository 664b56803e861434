"""What a generator makes of a problem before it writes anything: its last hidden state at the prompt's end."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ttc.engines.generator import VllmGenerator
from ttc.engines.generator_engine import endings_of
from ttc.engines.prompts import PromptWriter
from ttc.engines.vllm_model import VllmModel
from ttc.models import Embeddings
from ttc.types import Problem, Trace


@dataclass
class _PromptReader(VllmGenerator):
    """The generator's checkpoint as a pooling model: it returns the last position's hidden state, not normalised."""

    def more_arguments(self) -> dict[str, Any]:
        from vllm.config import PoolerConfig

        pooler = PoolerConfig(task="embed", seq_pooling_type="LAST", use_activation=False)
        return {"runner": "pooling", "convert": "embed", "pooler_config": pooler}


def embed_problems(generator: VllmGenerator, problems: Sequence[Problem]) -> Embeddings:
    """Read every problem's prompt once, with the token ids that the generator itself is sent.

    The engine is stopped before this returns: a run's own engines need the memory.

    Raises:
        UserError: vLLM refuses the checkpoint as a pooling model.
    """
    settings = {field.name: getattr(generator, field.name) for field in fields(VllmGenerator)}
    reader = _PromptReader(**settings | {"engine_args": _without_decoding(generator.engine_args)})
    model = VllmModel(reader)
    try:
        return _read(reader, model, problems)
    finally:
        model.engine.engine_core.shutdown()
        del model
        gc.collect()


def _without_decoding(engine_args: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a pooling model refuses: nothing is decoded here."""
    return {name: value for name, value in engine_args.items() if name != "speculative_config"}


def _read(reader: VllmGenerator, model: VllmModel, problems: Sequence[Problem]) -> Embeddings:
    import numpy as np
    from vllm import PoolingParams
    from vllm.inputs.engine import tokens_input

    engine, most = model.engine, model.facts.max_model_len
    writer = PromptWriter(reader, model.tokenizer, endings_of(reader, model))
    params = PoolingParams(task="embed", use_activation=False)
    for number, problem in enumerate(problems):
        ids = list(writer.prompt(Trace(problem), reader.max_tokens, most).token_ids)[:most]
        engine.add_request(str(number), tokens_input(ids), params, lora_request=model.lora_request)
    vectors: dict[int, list[float]] = {}
    tokens, flops = 0, 0
    while engine.has_unfinished_requests():
        for output in engine.step():
            cached, length = output.num_cached_tokens or 0, len(output.prompt_token_ids)
            vectors[int(output.request_id)] = output.outputs.data.tolist()
            tokens += length - cached
            flops += model.shape.pass_flops(cached, length) if model.shape else 0
    ordered = np.array([vectors[number] for number in range(len(problems))], dtype=np.float64)
    return Embeddings(ordered, tokens, flops if model.shape else None)
