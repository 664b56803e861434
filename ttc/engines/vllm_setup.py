"""vLLM's settings: those that every checkpoint shares, and those that make it fast and quiet on this device."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ttc.cost import ModelShape
from ttc.engines.base import EngineConfig
from ttc.engines.checkpoint import fingerprint, local_directory, resolve
from ttc.errors import UserError

if TYPE_CHECKING:
    from vllm.v1.engine.llm_engine import LLMEngine

QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TOKENIZERS_PARALLELISM": "false",
}
CPU_BLOCK_SIZE = 32  # the smallest that CPU attention supports; the prefix cache serves whole blocks only


@dataclass
class VllmSettings(EngineConfig):
    """A checkpoint and how vLLM runs it.

    `model` is `pocket` (or another pocket model, e.g. `pocket-orm`), a directory or a hub id, `revision` a commit, tag
    or branch of a hub id. `engine_args` goes to vLLM's EngineArgs as it is (quantisation, LoRA, speculative decoding,
    trust_remote_code) and takes precedence over everything else here.
    """

    model: str = "pocket"
    revision: str | None = None
    dtype: str = "auto"
    max_model_len: int | None = None
    max_num_seqs: int = 256
    gpu_memory_utilization: float = 0.5
    kv_cache_gib: float = 1.0  # on a CPU
    tensor_parallel_size: int = 1
    engine_args: dict[str, Any] = field(default_factory=dict)

    group: ClassVar[str]  # the config group, for error messages

    @property
    def name(self) -> str:
        return self.model

    @property
    def gpus_per_engine(self) -> int:
        return self.tensor_parallel_size

    @property
    def source(self) -> str:
        """The directory or hub id to load; raises UserError for a model that cannot be one."""
        return resolve(self.model, self.group)

    def check(self) -> None:
        for name in ("max_num_seqs", "tensor_parallel_size"):
            if getattr(self, name) < 1:
                raise UserError(f"{self.group}.{name}={getattr(self, name)} is below 1; use 1 or more.")
        resolve(self.model, self.group)
        if self.engine_args:
            prepare()
            from vllm.engine.arg_utils import EngineArgs

            refuse_unknown(self.engine_args, f"{self.group}.engine_args", EngineArgs.__dataclass_fields__, "EngineArgs")

    def identity(self) -> tuple[object, ...]:
        """Return what the store's keys say about the checkpoint and how it is run.

        Settings at their defaults are left out, so that adding a setting here keeps the keys of existing stores.
        """
        changed = {} if self.dtype == "auto" else {"dtype": self.dtype}
        if self.engine_args:
            changed["engine_args"] = repr(sorted(self.engine_args.items()))
        return (fingerprint(self.source, self.revision), *changed.items())


def refuse_unknown(given: Mapping[str, object], key: str, known: Mapping[str, object], owner: str) -> None:
    """Refuse keys that a vLLM class does not have.

    Raises:
        UserError: with the nearest name.
    """
    from difflib import get_close_matches

    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0)
            raise UserError(f"{key}.{name}: vLLM's {owner} has no such field; did you mean {near[0]}?")


def load_engine(settings: VllmSettings, **more: Any) -> LLMEngine:
    """Load a checkpoint into a vLLM engine with prefix caching. `more` goes to vLLM's EngineArgs."""
    arguments = engine_arguments(settings)
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    given = EngineArgs(**{**arguments, **more, **settings.engine_args})
    return LLMEngine.from_engine_args(given, enable_multiprocessing=not prepare())


def engine_arguments(settings: VllmSettings) -> dict[str, Any]:
    """Return the EngineArgs of a checkpoint on this device, `engine_args` not included."""
    arguments: dict[str, Any] = {
        "model": settings.source,
        "revision": settings.revision,
        "tokenizer_revision": settings.revision,
        "dtype": settings.dtype,
        "max_model_len": settings.max_model_len,
        "max_num_seqs": settings.max_num_seqs,
        "tensor_parallel_size": settings.tensor_parallel_size,
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
    }
    if not prepare():
        return arguments | {"gpu_memory_utilization": settings.gpu_memory_utilization}
    os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(settings.kv_cache_gib)))
    return arguments | {
        "dtype": "float32" if settings.dtype == "auto" else settings.dtype,
        "enforce_eager": True,
        "distributed_executor_backend": "uni",
        "block_size": CPU_BLOCK_SIZE,
        # vLLM rewinds the random generator of a half-prefilled request, which CPU generators cannot do: no halves.
        "enable_chunked_prefill": False,
    }


def silence() -> None:
    """Keep the libraries' warnings out of a run's output; call it before torch is imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm|torch")
    logging.getLogger("vllm").setLevel(os.environ["VLLM_LOGGING_LEVEL"])  # it warns before it reads its own level


def prepare() -> bool:
    """Set what vLLM and torch read from the environment on import; return whether this machine has no GPU.

    Variables that the user has set are kept.
    """
    silence()
    import torch

    on_cpu = not torch.cuda.is_available()
    if on_cpu:
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    return on_cpu


def shape_of(model: str, revision: str | None = None) -> ModelShape | None:
    """Return the shape of a checkpoint that was loaded (a directory or a hub id); None where it cannot be read."""
    directory = local_directory(model, revision)
    if directory is None:
        return None
    try:
        return ModelShape.of_checkpoint(directory)
    except UserError:  # e.g. weights in another format: the run continues, its FLOPs are unknown
        return None
