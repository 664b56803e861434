"""The weights that a training starts from: the generator's own, or those of another model."""

from __future__ import annotations

from pathlib import Path

from ttc.engines.base import Generator
from ttc.engines.checkpoint import local_directory, resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.heads import CLASSIFIES
from ttc.engines.inspection import inspect_checkpoint
from ttc.engines.pretrained import load_tokenizer
from ttc.errors import UserError

OTHER_FORMATS = ["*.gguf", "*.h5", "*.msgpack", "*.onnx", "*.pth", "original/*", "onnx/*"]  # of the same weights


def check_generator(generator: Generator) -> None:
    """Refuse a generator whose weights cannot be trained.

    Raises:
        UserError: they are not on this machine, an adapter beside them, quantised, or need code of their own.
    """
    if not isinstance(generator, VllmGenerator):
        raise UserError(
            f"generator={generator.name}: a training changes weights, so it needs them on this machine; use a "
            "generator that vLLM runs here, e.g. generator=pocket."
        )
    generator.check()
    if generator.adapter is not None:
        raise UserError(
            f"generator.adapter={generator.adapter}: trainings start from whole weights and would leave it out; merge "
            "it into the checkpoint, and name that as generator.model."
        )
    if generator.trusts_remote_code:
        raise UserError(
            "generator.engine_args.trust_remote_code=true: trainings use transformers' own classes; name a checkpoint "
            "that needs no code of its own."
        )
    directory = local_directory(generator.source, generator.revision)
    if directory is not None and "quantization_config" in inspect_checkpoint(generator.key, directory, False).config:
        raise UserError(
            f"{generator.key} is quantised, and its weights cannot be trained; name the checkpoint that it was made of."
        )


def weights_of(generator: VllmGenerator) -> str:
    """Return the directory of a generator's files at its revision; they are downloaded where they are missing."""
    source = generator.source
    if Path(source).is_dir():
        return source
    from huggingface_hub import snapshot_download

    return snapshot_download(source, revision=generator.revision, ignore_patterns=OTHER_FORMATS)


def check_start(start: str | None, group: str, generator: VllmGenerator) -> None:
    """Refuse a model to start from that is incomplete, of another kind or has another vocabulary.

    `group` is the config group of the model, `generator` or `prm`. None starts from the generator, and always fits.

    Raises:
        UserError: with the value, the rule and the remedy.
    """
    if start is None:
        return
    source = resolve(start, group)
    if Path(source).is_dir():
        checkpoint = inspect_checkpoint(f"start={start}", Path(source), complete=True)
        if group == "generator" and checkpoint.architecture.endswith(CLASSIFIES):
            raise UserError(
                f"start={start} is a verifier ({checkpoint.architecture}) and generates no text; use a generator, e.g. "
                "start=pocket."
            )
    of_start = load_tokenizer(f"start={start}", source, None, False)
    of_generator = load_tokenizer(f"generator.model={generator.model}", generator.source, None, False)
    if of_start.get_vocab() != of_generator.get_vocab():
        raise UserError(
            f"start={start} has another vocabulary than generator.model={generator.model}; use a model with the "
            "generator's tokenizer, or start=null to start from the generator."
        )
