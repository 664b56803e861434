"""Small Llama language models: building, loss and saving. The loss covers the end of a document only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.engines.provenance import INFO_FILE, training_record
from ttc.files import write_json
from ttc.training.directories import whole_directory
from ttc.training.loop import Batch
from ttc.training.optimisation import pick_device

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

IGNORED = -100  # label of tokens that the loss leaves out, as torch's cross_entropy expects it

EncodedDocument = tuple[list[int], list[int]]
"""Token ids of the context, and of the target that the loss covers."""


@dataclass
class LlamaShape:
    """The size of a pocket model."""

    hidden_size: int = 128
    layers: int = 4
    heads: int = 4
    ffn_size: int = 352
    max_positions: int = 512


def document_length(document: EncodedDocument) -> int:
    """Return the number of tokens of context and target together."""
    context, target = document
    return len(context) + len(target)


def collate_documents(documents: Sequence[EncodedDocument]) -> Batch:
    """Return `input_ids` and `labels`, both (B, T) and right-padded, and `n_tokens`."""
    import torch

    width = max(map(document_length, documents))
    input_ids = torch.zeros(len(documents), width, dtype=torch.long)
    labels = torch.full((len(documents), width), IGNORED)
    for i, (context, target) in enumerate(documents):
        input_ids[i, : len(context) + len(target)] = torch.tensor(context + target)
        labels[i, len(context) : len(context) + len(target)] = torch.tensor(target)
    n_tokens = torch.tensor(sum(map(document_length, documents)))
    return {"input_ids": input_ids, "labels": labels, "n_tokens": n_tokens}


def language_model_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Return the mean cross-entropy of the labelled tokens.

    Right-padding needs no attention mask: a causal model never looks ahead.
    """
    import torch.nn.functional as F

    logits = model(input_ids=batch["input_ids"], use_cache=False).logits[:, :-1]  # (B, T - 1, V)
    return F.cross_entropy(logits.flatten(0, 1).float(), batch["labels"][:, 1:].flatten(), ignore_index=IGNORED)


def build_llama(shape: LlamaShape, vocabulary: int) -> LlamaForCausalLM:
    """Return a randomly initialised Llama with tied embeddings and the pocket tokenizer's special tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=shape.hidden_size,
            intermediate_size=shape.ffn_size,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=shape.max_positions,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            attn_implementation=training_attention(),
        )
    )


def training_attention() -> str:
    """Return the attention implementation to train with.

    On a CPU, for documents this short, the backward pass of the fused kernel is several times slower than matmuls.
    """
    return "sdpa" if pick_device() == "cuda" else "eager"


def dtype_of(checkpoint: str) -> str:
    """Return the number format of a checkpoint's weights, e.g. bfloat16, as its config.json says."""
    from transformers import AutoConfig

    dtype = AutoConfig.from_pretrained(checkpoint).dtype
    return "float32" if dtype is None else str(dtype).removeprefix("torch.")


def save_checkpoint(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    directory: Path,
    dtype: str = "float16",
    questions: Iterable[str] = (),
) -> None:
    """Write weights, tokenizer and config in transformers' layout, and which problems (`questions`) it learnt from.

    The model keeps its own number format, but from here on its weights are those that were written.
    """
    import torch

    kept = model.dtype
    model.to("cpu", getattr(torch, dtype))
    with whole_directory(directory) as draft:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        parameters = sum(p.numel() for p in model.parameters())
        write_json(draft / INFO_FILE, {"parameters": parameters} | training_record(questions))
    model.to(pick_device(), kept)
