"""Value models: labelled traces, their encoding and the loss."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from transformers import AutoTokenizer

from ttc.engines.checkpoint import resolve
from ttc.engines.formats import RevisionFormat
from ttc.training.labelled import LabelledTrace
from ttc.training.value_model import (
    EncodedTrace,
    TraceEncoder,
    build_value_model,
    collate_traces,
    load_value_model,
    passes,
    step_values,
    value_loss,
)


class ConstantModel(torch.nn.Module):
    """A value model whose logit is the same everywhere."""

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.base_model = lambda input_ids, use_cache: type(
            "Out", (), {"last_hidden_state": input_ids[..., None].float()}
        )
        self.score = lambda hidden: torch.full_like(hidden, logit)


def test_the_value_loss_is_binary_cross_entropy_with_soft_labels_at_step_ends_only() -> None:
    traces = [EncodedTrace([1, 5, 6, 7], [1, 3], [0.25, 1.0], 1), EncodedTrace([1, 5], [1], [0.0], 1)]
    value = 1 / (1 + math.exp(-0.3))
    expected = [-(t * math.log(value) + (1 - t) * math.log(1 - value)) for t in (0.25, 1.0, 0.0)]
    loss = value_loss(ConstantModel(0.3), collate_traces(traces))
    assert loss.item() == pytest.approx(sum(expected) / 3, rel=1e-5)


def test_a_labelled_trace_survives_json_with_and_without_earlier_attempts() -> None:
    trace = LabelledTrace("p", "q?", ("a\n", "b"), (0.5, 1.0), ("c\nd", "e"))
    assert LabelledTrace.from_row(json.loads(json.dumps(trace.to_row()))) == trace
    first = replace(trace, attempts=())
    assert "attempts" not in first.to_row()
    assert LabelledTrace.from_row(json.loads(json.dumps(first.to_row()))) == first


def test_attempts_are_encoded_between_problem_and_solution_and_the_oldest_are_dropped_first() -> None:
    tokenizer = AutoTokenizer.from_pretrained(resolve("pocket", "generator"))
    trace = LabelledTrace("p", "Find $1+1$.", ("$1+1=2$\n", "The answer is $\\boxed{2}$."), (1.0, 1.0), ("$3$", "$4$"))
    whole = TraceEncoder(tokenizer, RevisionFormat, 512).encode(trace)
    text = "<s>Find $1+1$.\n$3$\n</s>$4$\n</s>$1+1=2$\nThe answer is $\\boxed{2}$.\n"
    assert tokenizer.decode(whole.ids) == text
    assert tokenizer.decode(whole.ids[whole.solution_start : whole.ends[0] + 1]) == "$1+1=2$\n"
    shorter = TraceEncoder(tokenizer, RevisionFormat, len(whole) - 1).encode(trace)
    assert tokenizer.decode(shorter.ids) == text.replace("$3$\n</s>", "")
    assert tokenizer.decode(TraceEncoder(tokenizer).encode(trace).ids) == text.replace("$3$\n</s>$4$\n</s>", "")


def test_a_new_value_model_knows_nothing_and_a_loaded_verifier_keeps_its_values() -> None:
    trace = EncodedTrace([5, 6, 7, 8], [3], [1.0], 1)
    new = build_value_model(resolve("pocket", "generator"), 2)
    loaded = load_value_model(resolve("pocket", "prm"))
    assert step_values(loaded, [trace]) != step_values(new, [trace]) == [[0.5]]


def test_documents_are_read_in_passes_of_similar_lengths_that_hold_no_more_than_the_tokens_allowed() -> None:
    lengths = [5, 90, 7, 30, 31, 6, 200]
    found = list(passes(lengths, 64))
    assert sorted(i for group in found for i in group) == list(range(7))
    assert [sorted(lengths[i] for i in group) for group in found] == [[5, 6, 7], [30, 31], [90], [200]]
    assert list(passes([], 64)) == []
