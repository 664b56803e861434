"""The memory that a checkpoint will take: its weights, and the keys and values of the sequences that it works on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ttc.engines.checkpoint import local_directory
from ttc.engines.context import context_of
from ttc.engines.environment import prepare
from ttc.engines.inspection import Checkpoint, inspect_checkpoint
from ttc.engines.limits import GIB
from ttc.engines.shapes import foreseen_shape
from ttc.engines.vllm_setup import VllmSettings

BYTES = {"float32": 4, "float": 4, "bfloat16": 2, "float16": 2, "half": 2}
SMALL_CACHES = {"fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}  # vLLM's kv_cache_dtype, beside those of weights
WHOLE_LAYERS = {"full_attention", "sliding_attention"}  # layers that keep keys and values of every head


@dataclass(frozen=True)
class ModelMemory:
    """What one checkpoint takes; None: unknown.

    Attributes:
        part: `generator` or `prm`.
        name: as the user set it.
        parameters: of the weights as they are stored.
        dtype: of the weights in memory.
        weight_bytes: of the weights.
        cache_bytes: of the keys and values of one token.
        context_tokens: of the longest sequence.
        sequences: that may be open at once.
        reserved: what vLLM sets aside for keys and values, and which setting says so.
        on_cpu: whether this machine has no GPU.
    """

    part: str
    name: str
    parameters: int | None
    dtype: str | None
    weight_bytes: int | None
    cache_bytes: int | None
    context_tokens: int | None
    sequences: int | None
    reserved: str
    on_cpu: bool

    def full_cache_bytes(self, generations: int | None) -> int | None:
        """Return the bytes of keys and values if as many sequences as can be open at once all fill the context.

        `generations` is how many the run has in all; None: unknown.
        """
        if self.cache_bytes is None or self.context_tokens is None or self.sequences is None:
            return None
        return self.cache_bytes * self.context_tokens * self.open_sequences(generations)

    def open_sequences(self, generations: int | None) -> int:
        """Return how many sequences can be open at once; 0 where that is unknown."""
        return min(self.sequences or 0, generations or self.sequences or 0)


def memory_of(settings: VllmSettings) -> ModelMemory:
    """Return what a checkpoint will take on this machine; nothing is loaded."""
    given = settings.engine_args
    on_cpu = prepare()
    directory = local_directory(settings.source, settings.revision)
    checkpoint = None if directory is None else inspect_checkpoint(settings.key, directory, complete=False)
    shape, context = foreseen_shape(settings), context_of(settings)
    dtype = _dtype(settings, checkpoint, on_cpu)
    sequences = given.get("max_num_seqs", settings.max_num_seqs)
    return ModelMemory(
        part=settings.group,
        name=settings.name,
        parameters=None if shape is None or _is_packed(checkpoint) else shape.params,
        dtype=dtype,
        weight_bytes=_weight_bytes(settings, checkpoint, None if shape is None else shape.params, dtype),
        cache_bytes=_cache_bytes(settings, checkpoint, dtype),
        context_tokens=None if context is None else context.tokens,
        sequences=sequences if isinstance(sequences, int) else None,
        reserved=_reserved(settings, on_cpu),
        on_cpu=on_cpu,
    )


def _dtype(settings: VllmSettings, checkpoint: Checkpoint | None, on_cpu: bool) -> str | None:
    """Return the type of the weights in memory, as vLLM chooses it."""
    given = str(settings.engine_args.get("dtype", settings.dtype))
    if given != "auto":
        return given
    if on_cpu:  # as `engine_arguments` sets it
        return "float32" if "dtype" not in settings.engine_args else None
    if checkpoint is None:
        return None
    text = checkpoint.text_config
    stored = next((text[name] for name in ("dtype", "torch_dtype") if isinstance(text.get(name), str)), None)
    return "bfloat16" if stored == "float32" else stored if isinstance(stored, str) else None


def _weight_bytes(
    settings: VllmSettings, checkpoint: Checkpoint | None, parameters: int | None, dtype: str | None
) -> int | None:
    if checkpoint is None or parameters is None or "quantization" in settings.engine_args:
        return None
    if _is_packed(checkpoint):
        return sum(file.stat().st_size for file in _weight_files(checkpoint.directory))
    return parameters * BYTES[dtype] if dtype in BYTES else None


def _is_packed(checkpoint: Checkpoint | None) -> bool:
    return checkpoint is not None and "quantization_config" in checkpoint.config


def _weight_files(directory: Path) -> list[Path]:
    return list(directory.glob("model*.safetensors")) or list(directory.glob("*.safetensors"))


def _cache_bytes(settings: VllmSettings, checkpoint: Checkpoint | None, dtype: str | None) -> int | None:
    """Return layers · heads of keys · head size · 2 · bytes; None for attention that keeps something else."""
    if checkpoint is None or "hf_overrides" in settings.engine_args:
        return None
    config = checkpoint.text_config
    kinds = config.get("layer_types")
    if "kv_lora_rank" in config or (isinstance(kinds, list) and not WHOLE_LAYERS.issuperset(map(str, kinds))):
        return None
    layers, hidden, heads = map(checkpoint.size, ("num_hidden_layers", "hidden_size", "num_attention_heads"))
    kept = str(settings.engine_args.get("kv_cache_dtype", "auto"))
    size = (BYTES | SMALL_CACHES).get(str(dtype) if kept == "auto" else kept)
    if layers is None or hidden is None or not heads or size is None:
        return None
    head_size = checkpoint.size("head_dim") or hidden // heads
    return layers * (checkpoint.size("num_key_value_heads") or heads) * head_size * 2 * size


def _reserved(settings: VllmSettings, on_cpu: bool) -> str:
    given, group = settings.engine_args, settings.group
    if "kv_cache_memory_bytes" in given:
        count = given["kv_cache_memory_bytes"]
        shown = f"{count / GIB:.3g} GiB" if isinstance(count, int) else "unknown"
        return f"{shown} ({group}.engine_args.kv_cache_memory_bytes)"
    if on_cpu:
        return f"{max(1, round(settings.kv_cache_gib))} GiB ({group}.kv_cache_gib)"
    share = given.get("gpu_memory_utilization", settings.gpu_memory_utilization)
    return f"what the weights leave of {share} of the GPU ({group}.gpu_memory_utilization)"
