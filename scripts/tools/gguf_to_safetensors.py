"""Turn a GGUF checkpoint into the safetensors directory that vLLM and transformers load as it is.

`python scripts/gguf_to_safetensors.py model.gguf DIRECTORY`, or all parts of a split file in place of the one.
"""

from __future__ import annotations

import shutil
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

GGUF_MAGIC = b"GGUF"


class DType(StrEnum):
    """Precision of the written weights."""

    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


def main(
    sources: Annotated[list[Path], typer.Argument(help="The GGUF file, or its parts in order.", exists=True)],
    directory: Annotated[Path, typer.Argument(help="Where the safetensors checkpoint goes.", file_okay=False)],
    dtype: Annotated[DType, typer.Option(help="Precision of the written weights.")] = DType.BFLOAT16,
) -> None:
    """Dequantise a GGUF checkpoint and save weights, tokenizer and generation config."""
    with sources[0].open("rb") as file:
        if file.read(len(GGUF_MAGIC)) != GGUF_MAGIC:
            raise typer.BadParameter(f"{sources[0]} does not begin like a GGUF file; give the parts in their order")
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        convert(join(sources, Path(scratch)), directory, dtype)
    typer.echo(f"{directory}: " + ", ".join(sorted(path.name for path in directory.iterdir())))


def join(parts: list[Path], scratch: Path) -> Path:
    """Return one file: the only part itself, or all parts concatenated in `scratch`."""
    if len(parts) == 1:
        return parts[0]
    whole = scratch / "whole.gguf"
    with whole.open("wb") as target:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target, length=1 << 24)
    return whole


def convert(gguf: Path, directory: Path, dtype: DType) -> None:
    """Load through transformers, which dequantises, forget the quantisation, and save."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=dtype.value)
    forget_quantisation(model)
    untie_head(model)
    model.generation_config = generation_config(tokenizer, model.config)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def forget_quantisation(model: Any) -> None:
    """Drop what marks the weights as GGUF: saving refuses it, and a reader would look for quantised tensors."""
    for mark in ("hf_quantizer", "is_quantized", "quantization_method"):
        if hasattr(model, mark):
            delattr(model, mark)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


def untie_head(model: Any) -> None:
    """Say so in the config when the head has weights of its own; a GGUF header has no field for it."""
    head, embedding = model.get_output_embeddings().weight, model.get_input_embeddings().weight
    model.config.tie_word_embeddings = head.data_ptr() == embedding.data_ptr()


def generation_config(tokenizer: Any, config: Any) -> Any:
    """Return the stop and padding tokens; a GGUF file carries no sampling defaults."""
    from transformers import GenerationConfig

    ends = {tokenizer.eos_token_id, config.eos_token_id, tokenizer.pad_token_id} - {None}
    return GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=sorted(ends), pad_token_id=tokenizer.pad_token_id
    )


if __name__ == "__main__":
    typer.run(main)
