"""Whether the weights are those of the model that config.json describes.

vLLM takes a part of a tensor that is too large, and misses some that are absent: the model then computes nonsense.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ttc.engines.inspection import Checkpoint

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

NUMBER = re.compile(r"\.\d+\.")


def check_structure(checkpoint: Checkpoint, config: PreTrainedConfig) -> None:
    """Refuse weights whose shapes differ from the model's, and layers that lack what other layers have.

    Raises:
        UserError: with the first tensor that does not fit.
    """
    if not checkpoint.shapes or "quantization_config" in checkpoint.config:  # quantised tensors are packed
        return
    expected = _expected_shapes(checkpoint.architecture, config)
    for name, shape in expected.items():
        found = checkpoint.shapes.get(name, shape)
        if found != shape:
            file = checkpoint.directory / "config.json"
            checkpoint.refuse(
                f"{name} in the weights is {_text(found)}, but {file} describes a model in which it is {_text(shape)}; "
                "use the config.json that was saved with these weights."
            )
    if missing := _missing(expected, checkpoint.shapes):
        checkpoint.refuse(
            f"its weights hold no {missing}, although they hold that of other layers; download or save them again."
        )


def _expected_shapes(architecture: str, config: PreTrainedConfig) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the model's tensors; none where transformers cannot build it, which vLLM may."""
    import torch
    import transformers

    try:
        model_class = getattr(transformers, architecture, None)
        if not (isinstance(model_class, type) and issubclass(model_class, transformers.PreTrainedModel)):
            return {}
        with torch.device("meta"):  # no memory, no time
            model = model_class(config)
    except Exception:
        return {}
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _missing(expected: Iterable[str], found: Mapping[str, object]) -> str | None:
    """Return an expected tensor that is absent, though it is there in another layer: so it goes by the same name here.

    transformers fuses some tensors that checkpoints hold apart; a name that no layer has says nothing.
    """
    kinds = {NUMBER.sub(".N.", name) for name in found}
    return next((name for name in expected if name not in found and NUMBER.sub(".N.", name) in kinds), None)


def _text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
