"""Which weights a training changes: all of them, low-rank adapters beside them, or a verifier's head alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ttc.engines.generator import VllmGenerator
from ttc.engines.vllm_setup import shape_of
from ttc.errors import UserError
from ttc.training.loop import Optimisation

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LARGE = 100_000_000  # weights from which a finetuning needs small learning rates
HIGHEST_RATE = 1e-4  # for all weights of a large model


class Trainable(StrEnum):
    """Which weights a training changes.

    all: every weight.
    lora: low-rank adapters (Hu et al. 2021) and, of a verifier, the head; they are merged into the checkpoint.
    head: of a verifier, the head alone: the hidden states are computed once, and a logistic regression is fitted.
    """

    all = "all"
    lora = "lora"
    head = "head"


@dataclass
class Lora:
    """The adapters of `trainable=lora`, as PEFT understands them."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    target_modules: str = "all-linear"  # or a comma-separated list of names, e.g. q_proj,v_proj

    def check(self) -> None:
        """Refuse impossible sizes.

        Raises:
            UserError: with the value, the rule and the remedy.
        """
        for name in ("rank", "alpha"):
            if getattr(self, name) < 1:
                raise UserError(f"lora.{name}={getattr(self, name)}: must be at least 1; use e.g. lora.{name}=16.")
        if not 0 <= self.dropout < 1:  # NaN is not
            raise UserError(f"lora.dropout={self.dropout}: must be at least 0 and below 1; use e.g. lora.dropout=0.05.")
        if not self.target_modules.strip(" ,"):
            raise UserError("lora.target_modules is empty; use all-linear, or names such as q_proj,v_proj.")

    @property
    def targets(self) -> str | list[str]:
        names = [name.strip() for name in self.target_modules.split(",") if name.strip()]
        return names[0] if names == ["all-linear"] else names


class Adapted:
    """A model with low-rank adapters, of which only those and a verifier's head learn.

    Attributes:
        model: the model itself, with the adapters inside its layers.
    """

    def __init__(self, model: PreTrainedModel, lora: Lora) -> None:
        """Add the adapters.

        Raises:
            UserError: the model has no layers of the names in `lora.target_modules`.
        """
        from peft import LoraConfig, TaskType, get_peft_model

        config = LoraConfig(
            # Of a classifier, PEFT trains the head too.
            task_type=TaskType.SEQ_CLS if hasattr(model, "score") else TaskType.CAUSAL_LM,
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=lora.targets,
        )
        try:
            self._wrapper: Any = get_peft_model(model, config)
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"lora.target_modules={lora.target_modules}: {reason}; use all-linear, or names of the model's layers."
            ) from None
        self.model: PreTrainedModel = self._wrapper.get_base_model()

    def merged(self) -> PreTrainedModel:
        """Return the model with the adapters added to its weights: an ordinary checkpoint."""
        merged: PreTrainedModel = self._wrapper.merge_and_unload()
        return merged


def check_rate(trainable: Trainable, optimisation: Optimisation, generator: VllmGenerator) -> None:
    """Refuse a learning rate for small models where it would change all weights of a large one.

    Raises:
        UserError: with the value, the rule and the remedy.
    """
    rate = optimisation.learning_rate
    if trainable is not Trainable.all or rate <= HIGHEST_RATE:
        return
    shape = shape_of(generator.source, generator.revision)
    if shape is not None and shape.params > LARGE:
        raise UserError(
            f"optimisation.learning_rate={rate:g}: would ruin the {parameters_in_words(shape.params)} weights of "
            f"{generator.model}; use trainable=lora, or optimisation.learning_rate=1e-5 optimisation.epochs=2."
        )


def parameters_in_words(parameters: int) -> str:
    """Format a number of weights for people, e.g. 494M or 1.54B."""
    billions = parameters / 1e9
    return f"{billions:.3g}B" if billions >= 1 else f"{math.ceil(parameters / 1e6)}M"
