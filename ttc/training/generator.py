"""`ttc train generator`: the pocket generator, a small Llama trained on solutions as people write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from ttc.pocket.pen import Pen
from ttc.pocket.problems import Draft, drafts
from ttc.pocket.tokenizer import train_tokenizer
from ttc.training.base import Training
from ttc.training.loop import Batch, Optimisation, pick_device, train

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

IGNORED = -100
DOCUMENTS_PER_POOL = 4096  # sorted by length, so that a batch holds documents of about one length


@dataclass
class LlamaShape:
    """The size of a pocket model."""

    hidden_size: int = 128
    layers: int = 4
    heads: int = 4
    ffn_size: int = 352
    max_positions: int = 512


@dataclass
class GeneratorTraining(Training):
    """Train a tokenizer and a generator; writes a directory that transformers and vLLM load."""

    seed: int = 0
    shape: LlamaShape = field(default_factory=LlamaShape)
    optimisation: Optimisation = field(default_factory=Optimisation)
    batch_documents: int = 64
    tokenizer_documents: int = 20_000

    def run(self, directory: Path) -> None:
        import torch

        torch.manual_seed(self.seed)
        directory.mkdir(parents=True, exist_ok=True)
        tokenizer = self._tokenizer(directory / "tokenizer")
        corpus = PocketCorpus(tokenizer, self.seed, self.batch_documents)
        model = build_llama(self.shape, len(tokenizer))
        train(
            model,
            corpus.batch_at,
            language_model_loss,
            self.optimisation,
            directory,
            title="generator",
            fingerprint=repr(self),
        )
        save_pretrained(model, tokenizer, directory / "model")

    def _tokenizer(self, directory: Path) -> PreTrainedTokenizerFast:
        from transformers import PreTrainedTokenizerFast

        if not directory.exists():
            documents = islice(drafts("train", self.seed), self.tokenizer_documents)
            texts = (f"{draft.question}\n{solution}" for draft, solution in _written(documents, self.seed))
            train_tokenizer(texts).save_pretrained(directory)
        return PreTrainedTokenizerFast.from_pretrained(directory)


def _written(documents: islice[Draft], seed: int) -> list[tuple[Draft, str]]:
    rng = Random(f"pen-{seed}")
    return [(draft, "".join(draft.solution(Pen(rng, draft.level))[0])) for draft in documents]


class PocketCorpus:
    """Batches of problems with solutions from the training split, one document a row, drawn anew for each pool."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, seed: int, batch_documents: int) -> None:
        self._tokenizer, self._seed, self._rows = tokenizer, seed, batch_documents
        self._pool = lru_cache(maxsize=1)(self._draw_pool)

    def batch_at(self, step: int) -> Batch:
        """`input_ids` and `labels` (B, T), padded; the labels cover the solution and its end."""
        per_pool = DOCUMENTS_PER_POOL // self._rows
        return self._pool(step // per_pool)[step % per_pool]

    def _draw_pool(self, index: int) -> list[Batch]:
        seed = 1 + self._seed * 1_000_003 + index
        written = _written(islice(drafts("train", seed), DOCUMENTS_PER_POOL), seed)
        questions = self._encode([f"{draft.question}\n" for draft, _ in written])
        solutions = self._encode([solution for _, solution in written])
        bos, eos = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        rows = [([bos, *q], [*s, eos]) for q, s in zip(questions, solutions, strict=True)]
        rows.sort(key=lambda row: len(row[0]) + len(row[1]))
        batches = [pad(rows[start : start + self._rows]) for start in range(0, len(rows), self._rows)]
        Random(seed).shuffle(batches)
        return batches

    def _encode(self, texts: list[str]) -> list[list[int]]:
        encoded: list[list[int]] = self._tokenizer(texts, add_special_tokens=False)["input_ids"]
        return encoded


def pad(rows: Sequence[tuple[list[int], list[int]]]) -> Batch:
    """Rows of (context, target) token ids -> `input_ids` and `labels` (B, T), right-padded."""
    import torch

    width = max(len(context) + len(target) for context, target in rows)
    input_ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED)
    for i, (context, target) in enumerate(rows):
        input_ids[i, : len(context) + len(target)] = torch.tensor(context + target)
        labels[i, len(context) : len(context) + len(target)] = torch.tensor(target)
    return {
        "input_ids": input_ids,
        "labels": labels,
        "n_tokens": torch.tensor(sum(len(context) + len(target) for context, target in rows)),
    }


def language_model_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy of the labelled tokens. Right-padding needs no mask: a causal model never looks right."""
    import torch.nn.functional as F

    logits = model(input_ids=batch["input_ids"], use_cache=False).logits[:, :-1]  # (B, T - 1, V)
    return F.cross_entropy(logits.flatten(0, 1).float(), batch["labels"][:, 1:].flatten(), ignore_index=IGNORED)


def build_llama(shape: LlamaShape, vocabulary: int) -> LlamaForCausalLM:
    """A fresh Llama with tied embeddings, and the pocket tokenizer's special tokens."""
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
    """On a CPU, and for documents this short, the fused kernel's backward is several times slower than matmuls."""
    return "sdpa" if pick_device() == "cuda" else "eager"


def save_pretrained(model: Any, tokenizer: PreTrainedTokenizerFast, directory: Path) -> None:
    """Weights in float16 (the pocket ships them), tokenizer and configuration, as transformers lays them out."""
    import copy

    import torch

    copy.deepcopy(model).to("cpu", torch.float16).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    (directory / "model_info.json").write_text(
        json.dumps({"parameters": sum(p.numel() for p in model.parameters())}, indent=2) + "\n"
    )
