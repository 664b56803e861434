"""The loss of the language models."""

from __future__ import annotations

import pytest
import torch

from ttc.training.language_model import IGNORED, LlamaShape, build_llama, collate_documents, language_model_loss


def test_the_language_model_loss_covers_target_tokens_only() -> None:
    torch.manual_seed(0)
    model = build_llama(LlamaShape(hidden_size=16, layers=1, heads=2, ffn_size=32), 20).eval()
    documents = [([1, 5, 6], [7, 8, 2]), ([1, 5], [9, 2])]
    batch = collate_documents(documents)
    assert (batch["labels"] != IGNORED).sum() == 5 and batch["n_tokens"] == 10
    expected = []
    for context, target in documents:
        logs = model(torch.tensor([context + target])).logits[0].log_softmax(-1)
        expected += [-logs[len(context) + i - 1, token].item() for i, token in enumerate(target)]
    assert language_model_loss(model, batch).item() == pytest.approx(sum(expected) / 5, rel=1e-4)
