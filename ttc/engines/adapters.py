"""A LoRA adapter on top of a checkpoint: a directory that PEFT wrote, or a hub id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ttc.engines.checkpoint import HUB_ID, fingerprint
from ttc.engines.hub import check_available
from ttc.engines.inspection import LAYER, Checkpoint
from ttc.engines.reasons import reason_of, shortened
from ttc.engines.weight_files import Shapes, read_json, read_shapes
from ttc.errors import UserError

if TYPE_CHECKING:
    from vllm.lora.request import LoRARequest

CONFIG = "adapter_config.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
PEFT_PREFIX = "base_model.model."
MAX_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # those that vLLM sets memory aside for


@dataclass(frozen=True)
class Adapter:
    """An adapter as the user set it: `key` is `generator.adapter=...`, for messages."""

    key: str
    name: str

    @property
    def directory(self) -> Path | None:
        """Where its files are; None before they were downloaded."""
        try:
            path = Path(self.name).expanduser()
            if path.is_dir():
                return path.resolve()
        except (OSError, RuntimeError, ValueError):  # a name that is too long, an unknown ~user
            return None
        if not self._is_hub_id:
            return None
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(self.name, CONFIG)
        return Path(cached).parent if isinstance(cached, str) else None

    @property
    def _is_hub_id(self) -> bool:
        return HUB_ID.fullmatch(self.name) is not None and not self.name.startswith((".", "-"))

    def check(self, base: Checkpoint | None) -> None:
        """Refuse an adapter that cannot be read, that vLLM cannot apply, or that is for another checkpoint.

        Args:
            base: the checkpoint that it adapts; None before that was downloaded.

        Raises:
            UserError: with the file, the rule and the remedy.
        """
        directory = self.directory
        if directory is None:
            self._check_hub_id()
            return
        rank = self._rank(self._config(directory))
        self._check_with_vllm(directory, rank)
        if base is not None and base.shapes and "quantization_config" not in base.config:
            self._check_shapes(self._shapes(directory), base)

    def fingerprint(self) -> str:
        """Return a digest of its content; before a download, its id."""
        directory = self.directory
        return self.name if directory is None else fingerprint(str(directory))

    def max_rank(self) -> int:
        """Return the rank that vLLM sets memory aside for; the adapter is downloaded first, if it was not yet."""
        return next(size for size in MAX_RANKS if size >= self._rank(self._config(self._downloaded())))

    def request(self) -> LoRARequest:
        """Return what tells vLLM to apply the adapter to a request."""
        from vllm.lora.request import LoRARequest

        return LoRARequest(lora_name="adapter", lora_int_id=1, lora_path=str(self._downloaded()))

    def _downloaded(self) -> Path:
        if (directory := self.directory) is not None:
            return directory
        from huggingface_hub import snapshot_download

        try:
            return Path(snapshot_download(self.name))
        except Exception as error:  # whatever the hub's client raises
            raise UserError(
                f"{self.key}: cannot be downloaded ({reason_of(error)}); check the name, or name a directory."
            ) from None

    def _check_hub_id(self) -> None:
        if not self._is_hub_id:
            raise UserError(
                f"{shortened(self.key)} is neither the directory of an adapter nor a hub id (owner/name); check the "
                "path."
            )
        check_available(self.key, self.name, None)

    def _config(self, directory: Path) -> Mapping[str, object]:
        file = directory / CONFIG
        if not file.is_file():
            raise UserError(f"{self.key} is a directory without {CONFIG}; name the one that PEFT saved the adapter in.")
        config = read_json(self.key, file)
        if config.get("peft_type", "LORA") != "LORA":
            raise UserError(
                f"{self.key}: {file} says peft_type={config['peft_type']}; vLLM applies LORA alone: merge the adapter "
                "into the checkpoint (PEFT's merge_and_unload) and name that as the model."
            )
        return config

    def _rank(self, config: Mapping[str, object]) -> int:
        """Return the largest rank of any of its layers."""
        pattern = config.get("rank_pattern") or {}
        ranks = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else [pattern])]
        for rank in ranks:
            if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= MAX_RANKS[-1]:
                raise UserError(
                    f"{self.key}: {CONFIG} says r={rank!r}; must be a rank from 1 to {MAX_RANKS[-1]}: save the adapter "
                    "again."
                )
        return max(rank for rank in ranks if isinstance(rank, int))

    def _check_with_vllm(self, directory: Path, rank: int) -> None:
        """Refuse features of PEFT that vLLM leaves out, such as DoRA, by vLLM's own rules."""
        from vllm.config.lora import LoRAConfig
        from vllm.lora.peft_helper import PEFTHelper

        try:
            limit = next(size for size in MAX_RANKS if size >= rank)
            PEFTHelper.from_local_dir(str(directory), None).validate_legal(LoRAConfig(max_lora_rank=limit))
        except Exception as error:  # of many kinds
            raise UserError(
                f"{self.key}: vLLM cannot apply it ({reason_of(error).rstrip('.')}); merge the adapter into the "
                "checkpoint (PEFT's merge_and_unload) and name that as the model."
            ) from None

    def _shapes(self, directory: Path) -> Shapes:
        names = [name for name in WEIGHTS if (directory / name).is_file()]
        if not names:
            raise UserError(f"{self.key} holds no weights ({WEIGHTS[0]}); download or save the adapter again.")
        return read_shapes(self.key, directory, names[:1], complete=True)

    def _check_shapes(self, shapes: Shapes, base: Checkpoint) -> None:
        """Refuse an adapter of a layer that the checkpoint lacks, or whose layer has other sizes there."""
        if not any(LAYER.match(name) for name in base.shapes):
            return  # its layers have names of their own: left to vLLM
        for name, shape in shapes.items():
            layer, _, part = name.removeprefix(PEFT_PREFIX).removesuffix(".weight").rpartition(".")
            if part not in ("lora_A", "lora_B") or not LAYER.match(layer) or "experts" in layer:
                continue
            size = base.shapes.get(f"{layer}.weight")
            if size is None:
                raise UserError(
                    f"{self.key}: it adapts {layer}, which {base.key} does not have: it belongs to another model; name "
                    "the checkpoint that it was trained on."
                )
            ours, theirs = (shape[-1], size[-1]) if part == "lora_A" else (shape[0], size[0])
            if ours != theirs:
                raise UserError(
                    f"{self.key}: its {layer} has the size {ours} where {base.key} has {theirs}: it belongs to another "
                    "model; name the checkpoint that it was trained on."
                )
