"""vLLM's settings: those that every checkpoint shares, and those that make it fast and quiet on this device."""

from __future__ import annotations

import os
from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ttc.cost import ModelShape
from ttc.engines.adapters import Adapter
from ttc.engines.base import Engine, EngineConfig, Memory
from ttc.engines.checkpoint import POCKET_WEIGHTS, fingerprint, local_directory, resolve
from ttc.engines.environment import prepare, silence
from ttc.engines.heads import check_generates
from ttc.engines.hub import check_available
from ttc.engines.inspection import Checkpoint, inspect_checkpoint
from ttc.engines.known_fields import refuse_unknown
from ttc.engines.limits import check_length, check_numbers
from ttc.engines.loading import one_line_failures
from ttc.engines.pretrained import check_readable, load_tokenizer
from ttc.engines.provenance import trained_on
from ttc.errors import UserError
from ttc.hashing import digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from vllm.engine.arg_utils import EngineArgs
    from vllm.lora.request import LoRARequest
    from vllm.v1.engine.llm_engine import LLMEngine

    from ttc.engines.vllm_model import VllmModel

CPU_BLOCK_SIZE = 32  # the smallest that CPU attention supports; the prefix cache serves whole blocks only
ALWAYS_FITTING_SEQUENCES = 1024  # more may exceed the tokens of a batch, whose number depends on the device


@dataclass
class VllmSettings(EngineConfig):
    """A checkpoint and how vLLM runs it.

    `model` is `pocket` (or another pocket model, e.g. `pocket-orm`), a directory or a hub id, `revision` a commit, tag
    or branch of a hub id. `adapter` is a LoRA adapter for it, a directory that PEFT wrote or a hub id. `engine_args`
    goes to vLLM's EngineArgs as it is (quantisation, speculative decoding, trust_remote_code) and takes precedence over
    everything else here.
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
    adapter: str | None = None

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

    @property
    def trained_on(self) -> frozenset[str]:
        directory = local_directory(self.source, self.revision)
        return frozenset() if directory is None else trained_on(directory)

    @property
    def key(self) -> str:
        """The checkpoint as the user set it, for messages."""
        return f"{self.group}.model={self.model}"

    @property
    def trusts_remote_code(self) -> bool:
        return bool(self.engine_args.get("trust_remote_code"))

    def check(self) -> None:
        silence()
        check_numbers(self)
        source = resolve(self.model, self.group)
        if self.revision is not None and Path(source).is_dir():
            raise UserError(f"{self.group}.revision={self.revision}: {self.model} is a directory; leave revision out.")
        self._check_engine_args()
        directory = local_directory(source, self.revision)
        if directory is None:
            check_available(self.key, source, self.revision)
        else:
            self._check_files(directory, complete=Path(source).is_dir())
        if self.lora:
            prepare()
            complete = Path(source).is_dir()
            self.lora.check(None if directory is None else inspect_checkpoint(self.key, directory, complete))

    @property
    def lora(self) -> Adapter | None:
        return None if self.adapter is None else Adapter(f"{self.group}.adapter={self.adapter}", self.adapter)

    def lora_request(self) -> LoRARequest | None:
        """Return what every request to vLLM must carry where there is an adapter."""
        return self.lora.request() if self.lora else None

    def _check_files(self, directory: Path, complete: bool) -> None:
        checkpoint = inspect_checkpoint(self.key, directory, complete)
        if "hf_overrides" not in self.engine_args:
            check_length(self, checkpoint)
            self.check_checkpoint(checkpoint)
        # What ships with the package is whole; the checks below import transformers, which takes seconds.
        tokenizer_given = any("tokenizer" in name for name in self.engine_args)
        if not directory.is_relative_to(POCKET_WEIGHTS) and not tokenizer_given:
            check_readable(checkpoint, self.trusts_remote_code)
        if what := self._left_to_vllm(checkpoint):
            _check_with_vllm(self, what)

    def _left_to_vllm(self, checkpoint: Checkpoint) -> str | None:
        """Return the setting, as the user set it, that vLLM alone can judge."""
        if self.engine_args:
            return f"{self.group}.engine_args={self.engine_args}"
        if self.max_num_seqs > ALWAYS_FITTING_SEQUENCES:
            return f"{self.group}.max_num_seqs={self.max_num_seqs}"
        return self.key if "quantization_config" in checkpoint.config else None

    def check_downloaded(self) -> None:
        """Check what `check` could not before the checkpoint was downloaded; otherwise nothing is left to find."""
        directory = local_directory(self.source, self.revision)
        if directory is not None and not Path(self.source).is_dir() and "hf_overrides" not in self.engine_args:
            self.check_checkpoint(inspect_checkpoint(self.key, directory, complete=False))

    def check_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Refuse a checkpoint that cannot do its part in the run; this one must generate."""
        check_generates(checkpoint)

    def _check_engine_args(self) -> None:
        if not self.engine_args:
            return
        for name in {"model", "revision"}.intersection(self.engine_args):
            raise UserError(f"{self.group}.engine_args.{name}: use {self.group}.{name}={self.engine_args[name]}.")
        prepare()
        from vllm.engine.arg_utils import EngineArgs

        refuse_unknown(self.engine_args, f"{self.group}.engine_args", EngineArgs.__dataclass_fields__, "EngineArgs")

    def tokenizer(self) -> PreTrainedTokenizerBase | None:
        """Return the checkpoint's tokenizer; None before it was downloaded, and where `engine_args` names another."""
        if any("tokenizer" in name for name in self.engine_args):
            return None
        if local_directory(self.source, self.revision) is None:
            return None
        return load_tokenizer(self.key, self.source, self.revision, self.trusts_remote_code)

    def start(self) -> Engine:
        from ttc.engines.vllm_model import VllmModel

        return self.engine_of(VllmModel(self))

    def start_with(self, memory: Memory) -> Engine:
        from ttc.engines.vllm_model import remembered_model

        return self.engine_of(remembered_model(self, memory))

    @abstractmethod
    def engine_of(self, model: VllmModel) -> Engine:
        """Return the engine that asks the model."""

    def more_arguments(self) -> dict[str, Any]:
        """Return EngineArgs beside those that all checkpoints share."""
        return {}

    def fingerprint(self) -> str:
        places = {"model", "revision", "dtype", "engine_args", "adapter", "few_shot"}  # `identity` says what is there
        changed = {name: value for name, value in self.changed_settings().items() if name not in places}
        return digest(type(self).__qualname__, self.identity(), sorted(changed.items())).hex()

    def file_digests(self) -> dict[str, str]:
        return {"adapter": self.lora.fingerprint()} if self.lora else {}

    def identity(self) -> tuple[object, ...]:
        """Return what the store's keys say about the checkpoint and how it is run.

        Settings at their defaults are left out, so that adding a setting here keeps the keys of existing stores.
        """
        changed = {} if self.dtype == "auto" else {"dtype": self.dtype}
        if self.engine_args:
            changed["engine_args"] = repr(sorted(self.engine_args.items()))
        if self.lora:
            changed["adapter"] = self.lora.fingerprint()
        return (fingerprint(self.source, self.revision), *changed.items())


def load_engine(settings: VllmSettings) -> LLMEngine:
    """Load a checkpoint into a vLLM engine with prefix caching.

    Raises:
        UserError: vLLM refuses the checkpoint or a setting.
        RunError: the memory does not suffice.
    """
    in_process = prepare()
    remedy = f"change the model or {settings.group}'s settings; the log in the run's directory has vLLM's account."
    with one_line_failures(settings.group, settings.key, remedy):
        _import_vllm()
        return _loaded(settings, in_process)


def _import_vllm() -> None:
    """Import vLLM before anything holds an engine.

    An exception that the import has caught and kept also keeps all callers' variables: an engine would never be freed.
    """
    import vllm.v1.engine.llm_engine  # noqa: F401


def _loaded(settings: VllmSettings, in_process: bool) -> LLMEngine:
    from vllm.v1.engine.llm_engine import LLMEngine

    engine = LLMEngine.from_engine_args(_engine_args(settings), enable_multiprocessing=not in_process)
    if lora := settings.lora_request():
        engine.add_lora(lora)  # now, so that an adapter that vLLM refuses is a failure to load
    settings.check_downloaded()
    return engine


def _check_with_vllm(settings: VllmSettings, what: str) -> None:
    """Let vLLM check its own settings, without loading anything: those that it is handed through are its own matter."""
    if repr(settings) in _accepted:
        return
    prepare()
    with one_line_failures(settings.group, what, "change the value, or the checkpoint that it does not suit."):
        _engine_args(settings).create_engine_config()
    _accepted.add(repr(settings))


_accepted: set[str] = set()


def _engine_args(settings: VllmSettings) -> EngineArgs:
    from vllm.engine.arg_utils import EngineArgs

    return EngineArgs(**{**engine_arguments(settings), **settings.more_arguments(), **settings.engine_args})


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
    if settings.lora:
        arguments |= {"enable_lora": True, "max_lora_rank": settings.lora.max_rank()}
    if not prepare():
        return arguments | {"gpu_memory_utilization": settings.gpu_memory_utilization}
    from ttc.engines.cpu_kernels import kernel_config

    os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(settings.kv_cache_gib)))
    return arguments | {
        "dtype": "float32" if settings.dtype == "auto" else settings.dtype,
        "enforce_eager": True,
        "distributed_executor_backend": "uni",
        "block_size": CPU_BLOCK_SIZE,
        # vLLM rewinds the random generator of a half-prefilled request, which CPU generators cannot do: no halves.
        "enable_chunked_prefill": False,
        **kernel_config(),
    }


def shape_of(model: str, revision: str | None = None) -> ModelShape | None:
    """Return the shape of a checkpoint that was loaded (a directory or a hub id); None where it cannot be read."""
    directory = local_directory(model, revision)
    if directory is None:
        return None
    try:
        return ModelShape.of_checkpoint(directory)
    except UserError:  # e.g. weights in another format: the run continues, its FLOPs are unknown
        return None
