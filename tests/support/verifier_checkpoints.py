"""Tiny checkpoints with random weights, laid out like those of the public verifier families."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checkpoints import save_tensors, set_json, tensors_of
from verifier_tokenizers import tokenizer_for

from ttc.engines.verifier import VllmVerifier

HIDDEN = 64
SPREAD = 0.2  # of the weights: values then lie all over (0, 1)


@dataclass(frozen=True)
class Family:
    """A verifier family on one trunk.

    Attributes:
        head: `labels` (two tokens of the output head), `two_layers`, `value`, `tokens` or `sequence`.
        classes: of the head.
        tokenizer: the kind of tokenizer that it has.
        labels: the texts of its two labels, as they follow other text.
        settings: of VllmVerifier, beside model and label_tokens.
    """

    name: str
    trunk: str
    head: str
    format: str
    classes: int = 1
    tokenizer: str = "chatml"
    labels: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        """What config.json calls it."""
        if self.head == "two_layers":
            return f"{self.trunk}For{'Process' if self.classes == 2 else ''}RewardModel"
        if self.name == "skywork":
            return f"{self.trunk}ForPrmModel"
        kinds = {"tokens": "TokenClassification", "sequence": "SequenceClassification"}
        return f"{self.trunk}For{kinds.get(self.head, 'CausalLM')}"


CORRECT = {"positive_class": 1}
FAMILIES = [
    Family("math_shepherd", "Mistral", "labels", "math_shepherd", 1, "mistral", (" +", " -")),
    Family("rlhflow", "Llama", "labels", "rlhflow", 1, "llama", ("+", "-")),
    Family("qwen_math_prm", "Qwen2", "two_layers", "qwen_math_prm", 2, settings=CORRECT),
    Family("all tokens", "Qwen2", "two_layers", "qwen_math_prm", 2, settings={**CORRECT, "pooling": "token"}),
    Family("skywork", "Qwen2", "value", "skywork"),
    Family("value head", "Llama", "value", "skywork", 1, "llama"),
    Family("value head", "Mistral", "value", "skywork"),
    Family("trl", "Qwen2", "tokens", "trl", 2, settings=CORRECT),
    Family("trl", "Llama", "tokens", "trl", 2, "llama", settings={**CORRECT, "step_separator": "\n\n"}),
    Family("trl", "Mistral", "tokens", "trl", 2, "mistral", settings={**CORRECT, "step_separator": " ки"}),
    Family("plain", "Qwen2", "sequence", "plain"),
    Family("plain", "Llama", "sequence", "plain", 1, "llama"),
    Family("answer", "Llama", "sequence", "answer", 1, "llama"),
    Family("answer", "Qwen2", "sequence", "answer"),
    Family("answer", "Qwen2", "two_layers", "answer"),
    Family("judge", "Qwen2", "labels", "judge", labels=("Yes", "No")),
    Family("judge", "Llama", "labels", "judge", 1, "llama", ("Yes", "No")),
]  # fmt: skip


def build(family: Family, directory: Path, tokenizer_source: Path | None = None) -> VllmVerifier:
    """Write the family's checkpoint to `directory`, and return the verifier that reads it.

    Args:
        family: what to build.
        directory: a new one.
        tokenizer_source: a directory whose tokenizer replaces the small one.
    """
    tokenizer = tokenizer_for(family.tokenizer, directory, tokenizer_source)
    _save_weights(family, directory, tokenizer)
    tokenizer.save_pretrained(directory)
    labels = [tokenizer.convert_ids_to_tokens(_label(tokenizer, text)) for text in family.labels]
    return VllmVerifier(model=str(directory), format=family.format, label_tokens=labels, **family.settings)


def _label(tokenizer: Any, text: str) -> int:
    before = tokenizer("so", add_special_tokens=False)["input_ids"] if text.startswith(" ") else []
    [label] = tokenizer(("so" if before else "") + text, add_special_tokens=False)["input_ids"][len(before) :]
    return int(label)


def _save_weights(family: Family, directory: Path, tokenizer: Any) -> None:
    import torch
    import transformers

    torch.manual_seed(len(family.name + family.architecture))
    kinds = {"tokens": "TokenClassification", "sequence": "SequenceClassification"}
    config = getattr(transformers, f"{family.trunk}Config")(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        initializer_range=SPREAD,
        tie_word_embeddings=family.format == "judge",
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        num_labels=family.classes,
        **{"sliding_window": None} if family.trunk == "Mistral" else {},
    )
    model = getattr(transformers, f"{family.trunk}For{kinds.get(family.head, 'CausalLM')}")(config)
    if family.head == "tokens":
        torch.nn.init.normal_(model.score.bias, std=SPREAD)
    model.save_pretrained(directory)
    if family.head in ("value", "two_layers"):
        _add_head(family, directory)


def _add_head(family: Family, directory: Path) -> None:
    """Add a head that transformers has no class for, and the class names that such a config.json has."""
    import torch

    def random(*shape: int) -> Any:
        return torch.randn(*shape) * SPREAD

    if family.head == "value":
        head = {"v_head.summary.weight": random(1, HIDDEN), "v_head.summary.bias": random(1)}
    else:
        head = {
            "score.0.weight": random(HIDDEN, HIDDEN),
            "score.0.bias": random(HIDDEN),
            "score.2.weight": random(family.classes, HIDDEN),
            "score.2.bias": random(family.classes),
        }
    save_tensors(directory, tensors_of(directory) | head)
    architecture = family.architecture
    code = {"AutoConfig": "configuration_qwen2_rm.Qwen2RMConfig", "AutoModel": f"modeling_qwen2_rm.{architecture}"}
    auto_map = code if not architecture.endswith("ForCausalLM") else None
    set_json(directory / "config.json", architectures=[architecture], auto_map=auto_map, id2label=None, label2id=None)
