"""The model that a training on samples starts from, where it is not the one that sampled."""

from __future__ import annotations

from pathlib import Path

from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.heads import CLASSIFIES
from ttc.engines.inspection import inspect_checkpoint
from ttc.engines.pretrained import load_tokenizer
from ttc.errors import UserError


def check_start(start: str | None, group: str, generator: VllmGenerator) -> None:
    """Refuse an adapter, and a model to start from that is incomplete, of another kind or has another vocabulary.

    `group` is the config group of the model, `generator` or `prm`. None starts from the generator, and always fits.

    Raises:
        UserError: with the value, the rule and the remedy.
    """
    if generator.adapter is not None:
        raise UserError(
            f"generator.adapter={generator.adapter}: trainings start from whole weights and would leave it out; merge "
            "it into the checkpoint, and name that as generator.model."
        )
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
