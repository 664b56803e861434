"""Fitting a verifier to labelled traces: binary cross-entropy with soft labels at the end of each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ttc.engines.verifier_formats import PlainFormat, StepFormat
from ttc.training.loop import Batch
from ttc.types import Candidate, FinishReason, Problem, Step, Trace

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForSequenceClassification


@dataclass(frozen=True, slots=True)
class LabelledTrace:
    """A solution's step texts with a label in [0, 1] for each, and the attempts before it; `problem_id` groups them."""

    problem_id: str
    question: str
    steps: tuple[str, ...]
    labels: tuple[float, ...]
    attempts: tuple[str, ...] = ()

    @classmethod
    def of(cls, candidate: Candidate) -> LabelledTrace:
        trace, problem = candidate.trace, candidate.trace.problem
        attempts = tuple(attempt.text for attempt in trace.attempts)
        return cls(problem.id, problem.question, tuple(s.text for s in trace.steps), candidate.values, attempts)

    def to_row(self) -> dict[str, Any]:
        """Return the trace as plain JSON values."""
        row = {"id": self.problem_id, "question": self.question, "steps": self.steps, "labels": self.labels}
        return row | ({"attempts": self.attempts} if self.attempts else {})

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> LabelledTrace:
        """Read what `to_row` wrote."""
        attempts = tuple(row.get("attempts", ()))
        return cls(row["id"], row["question"], tuple(row["steps"]), tuple(row["labels"]), attempts)

    @property
    def right(self) -> bool:
        """Did the solution end right?"""
        return self.labels[-1] > 0.5

    @property
    def text(self) -> str:
        return "".join(self.steps)

    def unlabelled(self) -> Trace:
        """The trace as an engine would be asked to score it."""
        problem = Problem(self.problem_id, self.question, "")
        shown = tuple(Trace(problem, (Step(text, ()),), FinishReason.STOP) for text in self.attempts)
        return Trace(problem, tuple(Step(text, ()) for text in self.steps), FinishReason.STOP, shown)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A trace in token ids, and where its steps end."""

    ids: Sequence[int]
    ends: Sequence[int]  # position of each step's last token
    labels: Sequence[float]
    solution_start: int  # position of the first step's first token


class TraceEncoder:
    """Tokenises traces exactly as the verifier's engine will see them."""

    def __init__(self, tokenizer: Any, format: type[StepFormat] = PlainFormat, max_tokens: int | None = None) -> None:
        self._format, self._max_tokens = format(tokenizer), max_tokens

    def encode(self, labelled: LabelledTrace) -> Encoded:
        """The token ids, without the oldest attempts where they are too many."""
        trace = self._format.fitted(labelled.unlabelled(), self._max_tokens)
        prefixes = self._format.prefixes(trace)
        start = len(self._format.before(trace))
        return Encoded(prefixes[-1], [len(prefix) - 1 for prefix in prefixes], labelled.labels, start)


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


def load_value_model(verifier: str) -> LlamaForSequenceClassification:
    """A verifier that was trained before, to be trained on."""
    import torch
    from transformers import LlamaForSequenceClassification

    from ttc.training.generator import training_attention

    model: LlamaForSequenceClassification = LlamaForSequenceClassification.from_pretrained(
        verifier, dtype=torch.float32, attn_implementation=training_attention()
    )
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
