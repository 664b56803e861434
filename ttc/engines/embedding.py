"""What a generator makes of a problem before it writes anything: its last hidden state at the prompt's end."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ttc.engines.generator import VllmGenerator
from ttc.engines.generator_engine import load_endings
from ttc.engines.prompts import PromptWriter
from ttc.engines.vllm_setup import load_engine, shape_of
from ttc.models import Embeddings
from ttc.types import Problem, Trace

if TYPE_CHECKING:
    from vllm.v1.engine.llm_engine import LLMEngine


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
    engine = load_engine(reader)
    try:
        return _read(reader, engine, problems)
    finally:
        engine.engine_core.shutdown()
        del engine
        gc.collect()


def _without_decoding(engine_args: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a pooling model refuses: nothing is decoded here."""
    return {name: value for name, value in engine_args.items() if name != "speculative_config"}


def _read(reader: VllmGenerator, engine: LLMEngine, problems: Sequence[Problem]) -> Embeddings:
    import numpy as np
    from vllm import PoolingParams
    from vllm.inputs.engine import tokens_input

    most = engine.model_config.max_model_len
    writer = PromptWriter(reader, engine.get_tokenizer(), load_endings(reader, engine))
    for number, problem in enumerate(problems):
        ids = list(writer.prompt(Trace(problem), reader.max_tokens, most).token_ids)[:most]
        engine.add_request(str(number), tokens_input(ids), PoolingParams(task="embed", use_activation=False))
    shape = shape_of(engine.model_config.model, reader.revision)
    vectors: dict[int, list[float]] = {}
    tokens, flops = 0, 0
    while engine.has_unfinished_requests():
        for output in engine.step():
            cached, length = output.num_cached_tokens or 0, len(output.prompt_token_ids)
            vectors[int(output.request_id)] = output.outputs.data.tolist()
            tokens += length - cached
            flops += shape.pass_flops(cached, length) if shape else 0
    ordered = np.array([vectors[number] for number in range(len(problems))], dtype=np.float64)
    return Embeddings(ordered, tokens, flops if shape else None)
