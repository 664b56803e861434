"""Convert a GGUF checkpoint to a safetensors directory that vLLM and transformers load directly.

python scripts/tools/gguf_to_safetensors.py model.gguf DIRECTORY
python scripts/tools/gguf_to_safetensors.py part1 part2 part3 DIRECTORY    # one file in several parts
"""

from __future__ import annotations

import re
import shutil
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

GGUF_MAGIC = b"GGUF"


class DType(StrEnum):
    """Precision of the written weights."""

    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


def main(
    sources: Annotated[list[Path], typer.Argument(help="GGUF file, or its parts in order.", exists=True)],
    directory: Annotated[
        Path, typer.Argument(help="Directory to write the safetensors checkpoint to.", file_okay=False)
    ],
    dtype: Annotated[DType, typer.Option(help="Precision of the written weights.")] = DType.BFLOAT16,
) -> None:
    """Dequantize a GGUF checkpoint and save weights, tokenizer and generation config."""
    with sources[0].open("rb") as file:
        if file.read(len(GGUF_MAGIC)) != GGUF_MAGIC:
            raise typer.BadParameter(f"{sources[0]} does not start with the GGUF magic bytes; give the parts in order.")
    refuse_disorder(sources)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        convert(join(sources, Path(scratch)), directory, dtype)
    typer.echo(f"{directory}: " + ", ".join(sorted(path.name for path in directory.iterdir())))


def refuse_disorder(parts: list[Path]) -> None:
    """Refuse parts whose numbers fall, as the shell sorts part10 before part2: the weights would be scrambled."""
    numbers = [[int(number) for number in re.findall(r"[0-9]+", part.as_posix())] for part in parts]
    for before, after, left, right in zip(parts, parts[1:], numbers, numbers[1:], strict=False):
        if len(left) == len(right) and left > right:
            raise typer.BadParameter(f"{before} stands before {after}; give the parts in the order of their numbers.")


def join(parts: list[Path], scratch: Path) -> Path:
    """Return one file: a single part itself, or all parts concatenated in `scratch`."""
    if len(parts) == 1:
        return parts[0]
    whole = scratch / "whole.gguf"
    with whole.open("wb") as target:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target, length=1 << 24)
    return whole


def convert(gguf: Path, directory: Path, dtype: DType) -> None:
    """Load with transformers, which dequantizes, and save without the quantization."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=dtype.value)
    clear_quantization(model)
    record_tied_head(model)
    model.generation_config = generation_config(tokenizer, model.config)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def clear_quantization(model: PreTrainedModel) -> None:
    """Remove the marks of a GGUF model: saving refuses them, and readers would expect quantized tensors."""
    for mark in ("hf_quantizer", "is_quantized", "quantization_method"):
        if hasattr(model, mark):
            delattr(model, mark)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


def record_tied_head(model: PreTrainedModel) -> None:
    """Record in the config whether the head has its own weights; a GGUF header has no field for it."""
    head, embedding = model.get_output_embeddings().weight, model.get_input_embeddings().weight
    model.config.tie_word_embeddings = head.data_ptr() == embedding.data_ptr()


def generation_config(tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> GenerationConfig:
    """Return a config with the stop and padding tokens; a GGUF file has no sampling defaults."""
    from transformers import GenerationConfig

    ends = {tokenizer.eos_token_id, config.eos_token_id, tokenizer.pad_token_id} - {None}
    return GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=sorted(ends), pad_token_id=tokenizer.pad_token_id
    )


if __name__ == "__main__":
    typer.run(main)
