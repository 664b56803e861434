"""Fitting a PRM to labelled traces: binary cross-entropy with soft labels at the end of each step."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from ttc.prm.formats import Plain
from ttc.training.loop import Batch
from ttc.types import Candidate, Problem, Step

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForSequenceClassification

BATCHES_PER_POOL = 64  # sorted by length, so that a batch holds documents of about one length


@dataclass(frozen=True, slots=True)
class LabelledTrace:
    """A solution's step texts with a label in [0, 1] for each; `problem_id` groups them."""

    problem_id: str
    question: str
    steps: tuple[str, ...]
    labels: tuple[float, ...]

    @classmethod
    def of(cls, candidate: Candidate) -> LabelledTrace:
        problem = candidate.trace.problem
        return cls(problem.id, problem.question, tuple(s.text for s in candidate.trace.steps), candidate.values)

    def to_line(self) -> str:
        return json.dumps(
            {"id": self.problem_id, "question": self.question, "steps": self.steps, "labels": self.labels}
        )


def read_traces(file: Path) -> Iterator[LabelledTrace]:
    """Read what `to_line` wrote; a last line that a killed run left half-written is passed over."""
    with file.open() as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            row = json.loads(line)
            yield LabelledTrace(row["id"], row["question"], tuple(row["steps"]), tuple(row["labels"]))


@dataclass(frozen=True, slots=True)
class Encoded:
    """A trace in token ids, and where its steps end."""

    ids: Sequence[int]
    ends: Sequence[int]  # position of each step's last token
    labels: Sequence[float]
    solution_start: int  # position of the first step's first token


class TraceEncoder:
    """Tokenises traces exactly as the verifier's engine will see them."""

    def __init__(self, tokenizer: Any) -> None:
        self._format = Plain(tokenizer)

    def encode(self, trace: LabelledTrace) -> Encoded:
        problem = Problem(trace.problem_id, trace.question, "")
        prefixes = self._format.prefixes(problem, [Step(text, ()) for text in trace.steps])
        ends = [len(prefix) - 1 for prefix in prefixes]
        return Encoded(prefixes[-1], ends, trace.labels, len(self._format.head(trace.question)))


def collate(rows: Sequence[Encoded]) -> Batch:
    """`input_ids` (B, T) right-padded; `labels` (B, T) with -1 where no step ends."""
    import torch

    width = max(len(row.ids) for row in rows)
    input_ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), -1.0)
    for i, row in enumerate(rows):
        input_ids[i, : len(row.ids)] = torch.tensor(row.ids)
        labels[i, torch.tensor(row.ends)] = torch.tensor(row.labels, dtype=torch.float32)
    return {"input_ids": input_ids, "labels": labels, "n_tokens": torch.tensor(sum(len(row.ids) for row in rows))}


class LabelledCorpus:
    """Batches of labelled traces, reshuffled each epoch; batch `step` depends on the seed and the step alone."""

    def __init__(self, rows: Sequence[Encoded], batch_traces: int, seed: int) -> None:
        self._rows, self._batch, self._seed = rows, batch_traces, seed
        self.batches_per_epoch = max(1, len(rows) // batch_traces)
        self._epoch = lru_cache(maxsize=1)(self._plan)

    def batch_at(self, step: int) -> Batch:
        epoch, index = divmod(step, self.batches_per_epoch)
        return collate([self._rows[i] for i in self._epoch(epoch)[index]])

    def _plan(self, epoch: int) -> list[list[int]]:
        """Row numbers of each batch of an epoch: shuffled, sorted by length within pools, batches shuffled again."""
        rng = Random(f"{self._seed}-{epoch}")
        order = list(range(len(self._rows)))
        rng.shuffle(order)
        pool = BATCHES_PER_POOL * self._batch
        batches = []
        for start in range(0, len(order), pool):
            rows = sorted(order[start : start + pool], key=lambda i: len(self._rows[i].ids))
            batches += [rows[i : i + self._batch] for i in range(0, len(rows), self._batch)]
        rng.shuffle(batches)
        return batches


def build_value_model(generator: str, extra_layers: int) -> LlamaForSequenceClassification:
    """The generator's trunk with `extra_layers` more on top and one logit a position; vLLM reads it as a classifier.

    Like the paper's PRM it is the base model finetuned. The new layers begin as identities (their outputs are zero),
    and the logit as 0, so that nothing the generator knows is lost at the start.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, LlamaForSequenceClassification

    from ttc.training.generator import training_attention

    config = AutoConfig.from_pretrained(generator)
    trunk_layers = config.num_hidden_layers
    config.num_hidden_layers += extra_layers
    config.num_labels = 1
    config.tie_word_embeddings = False
    model = LlamaForSequenceClassification._from_config(config, attn_implementation=training_attention()).float()
    trunk = AutoModelForCausalLM.from_pretrained(generator, dtype=torch.float32).model
    model.model.load_state_dict(trunk.state_dict(), strict=False)
    for layer in model.model.layers[trunk_layers:]:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    torch.nn.init.zeros_(model.score.weight)
    return model


def value_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Mean binary cross-entropy at the step ends, with soft labels."""
    import torch.nn.functional as F

    hidden = model.model(input_ids=batch["input_ids"], use_cache=False).last_hidden_state  # (B, T, D)
    logits = model.score(hidden).float()[..., 0]  # (B, T)
    ends = batch["labels"] >= 0
    losses = F.binary_cross_entropy_with_logits(logits, batch["labels"].clamp(min=0), reduction="none")
    # A mask, no indexing: its gradient is much slower on a CPU.
    loss: torch.Tensor = (losses * ends).sum() / ends.sum()
    return loss


def values_of(model: Any, rows: Sequence[Encoded], batch_traces: int = 256) -> list[list[float]]:
    """The model's value in [0, 1] at every step end of every row."""
    import torch

    values: list[list[float]] = [[] for _ in rows]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    device = next(model.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(order), batch_traces):
            chosen = order[start : start + batch_traces]
            batch = collate([rows[i] for i in chosen])
            hidden = model.model(input_ids=batch["input_ids"].to(device), use_cache=False).last_hidden_state
            scores = torch.sigmoid(model.score(hidden).float()[..., 0]).cpu()  # (B, T)
            for row, i in enumerate(chosen):
                values[i] = scores[row, torch.tensor(rows[i].ends)].tolist()
    return values


def within_problem_auc(scores: Iterable[tuple[str, float, bool]]) -> float:
    """Mean over problems of P(a right solution outscores a wrong one of the same problem), ties counting half.

    `scores` holds (problem id, score, is right). Problems whose solutions are all right or all wrong say nothing and
    are left out; nan when none is left.
    """
    import numpy as np

    problems: dict[str, tuple[list[float], list[float]]] = {}
    for problem_id, score, right in scores:
        problems.setdefault(problem_id, ([], []))[right].append(score)
    aucs = []
    for wrong, good in problems.values():
        if wrong and good:
            difference = np.subtract.outer(np.array(good), np.array(wrong))
            aucs.append(float((difference > 0).mean() + 0.5 * (difference == 0).mean()))
    return float(np.mean(aucs)) if aucs else float("nan")
