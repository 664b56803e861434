"""The value model of a verifier, fitted to labelled traces: binary cross-entropy with soft labels at the step ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from ttc.engines.formats import PlainFormat, StepFormat
from ttc.training.language_model import training_attention
from ttc.training.loop import Batch
from ttc.types import Candidate, FinishReason, Problem, Step, Trace

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForSequenceClassification, PreTrainedTokenizerBase


class LabelledRow(TypedDict):
    """A line of `train.jsonl` and `validation.jsonl`: one labelled trace."""

    id: str  # of the problem
    question: str
    steps: Sequence[str]
    labels: Sequence[float]
    attempts: NotRequired[Sequence[str]]


@dataclass(frozen=True, slots=True)
class LabelledTrace:
    """A solution's step texts with a label in [0, 1] for each, and the attempts shown before it."""

    problem_id: str
    question: str
    steps: tuple[str, ...]
    labels: tuple[float, ...]
    attempts: tuple[str, ...] = ()

    @classmethod
    def from_candidate(cls, candidate: Candidate) -> LabelledTrace:
        """Take the candidate's values as labels."""
        trace, problem = candidate.trace, candidate.trace.problem
        attempts = tuple(attempt.text for attempt in trace.attempts)
        return cls(problem.id, problem.question, tuple(s.text for s in trace.steps), candidate.values, attempts)

    def to_row(self) -> LabelledRow:
        """Return the trace as plain JSON values."""
        row = LabelledRow(id=self.problem_id, question=self.question, steps=self.steps, labels=self.labels)
        if self.attempts:
            row["attempts"] = self.attempts
        return row

    @classmethod
    def from_row(cls, row: LabelledRow) -> LabelledTrace:
        """Read what `to_row` returned."""
        attempts = tuple(row.get("attempts", ()))
        return cls(row["id"], row["question"], tuple(row["steps"]), tuple(row["labels"]), attempts)

    @property
    def correct(self) -> bool:
        """Whether the solution's outcome, the label of its last step, is correct."""
        return self.labels[-1] > 0.5

    @property
    def text(self) -> str:
        return "".join(self.steps)

    def to_trace(self) -> Trace:
        """Return the trace without labels, as an engine is asked to score it."""
        problem = Problem(self.problem_id, self.question, "")
        shown = tuple(Trace(problem, (Step(text, ()),), FinishReason.STOP) for text in self.attempts)
        return Trace(problem, tuple(Step(text, ()) for text in self.steps), FinishReason.STOP, shown)


@dataclass(frozen=True, slots=True)
class EncodedTrace:
    """A labelled trace in token ids."""

    ids: Sequence[int]
    ends: Sequence[int]  # position of each step's last token
    labels: Sequence[float]
    solution_start: int  # position of the first step's first token

    def __len__(self) -> int:
        return len(self.ids)


class TraceEncoder:
    """Tokenises traces exactly as the verifier's engine will."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        step_format: type[StepFormat] = PlainFormat,
        max_tokens: int | None = None,
    ) -> None:
        self._format, self._max_tokens = step_format(tokenizer), max_tokens

    def encode(self, labelled: LabelledTrace) -> EncodedTrace:
        """Return the token ids; the oldest attempts are dropped if they do not fit into `max_tokens`."""
        trace = self._format.fitted(labelled.to_trace(), self._max_tokens)
        prefixes = self._format.prefixes(trace)
        start = len(self._format.before(trace))
        return EncodedTrace(prefixes[-1], [len(prefix) - 1 for prefix in prefixes], labelled.labels, start)


def collate_traces(traces: Sequence[EncodedTrace]) -> Batch:
    """Return `input_ids` (B, T), right-padded; `labels` (B, T), -1 where no step ends; and `n_tokens`."""
    import torch

    width = max(map(len, traces))
    input_ids = torch.zeros(len(traces), width, dtype=torch.long)
    labels = torch.full((len(traces), width), -1.0)
    for i, trace in enumerate(traces):
        input_ids[i, : len(trace)] = torch.tensor(trace.ids)
        labels[i, torch.tensor(trace.ends)] = torch.tensor(trace.labels, dtype=torch.float32)
    return {"input_ids": input_ids, "labels": labels, "n_tokens": torch.tensor(sum(map(len, traces)))}


def build_value_model(generator: str, extra_layers: int) -> LlamaForSequenceClassification:
    """Return the generator's trunk with `extra_layers` more layers and one logit per position.

    Like the paper's PRM it is the finetuned base model; vLLM loads it as a classifier. The new layers start as
    identities (their outputs are zero) and the logit as 0, so that training starts from all that the generator knows.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, LlamaForSequenceClassification

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
    """Load a trained verifier in float32, to continue its training."""
    import torch
    from transformers import LlamaForSequenceClassification

    model: LlamaForSequenceClassification = LlamaForSequenceClassification.from_pretrained(
        verifier, dtype=torch.float32, attn_implementation=training_attention()
    )
    return model


def value_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Return the mean binary cross-entropy, with soft labels, at the step ends."""
    import torch.nn.functional as F

    hidden = model.model(input_ids=batch["input_ids"], use_cache=False).last_hidden_state  # (B, T, D)
    logits = model.score(hidden).float()[..., 0]  # (B, T)
    ends = batch["labels"] >= 0
    losses = F.binary_cross_entropy_with_logits(logits, batch["labels"].clamp(min=0), reduction="none")
    # Masked instead of indexed: the gradient of indexing is much slower on a CPU.
    loss: torch.Tensor = (losses * ends).sum() / ends.sum()
    return loss


def step_values(model: Any, traces: Sequence[EncodedTrace], batch_traces: int = 256) -> list[list[float]]:
    """Return the model's value in [0, 1] at every step end of every trace."""
    import torch

    values: list[list[float]] = [[] for _ in traces]
    order = sorted(range(len(traces)), key=lambda i: len(traces[i]))
    device = next(model.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(order), batch_traces):
            chosen = order[start : start + batch_traces]
            batch = collate_traces([traces[i] for i in chosen])
            hidden = model.model(input_ids=batch["input_ids"].to(device), use_cache=False).last_hidden_state
            scores = torch.sigmoid(model.score(hidden).float()[..., 0]).cpu()  # (B, T)
            for row, i in enumerate(chosen):
                values[i] = scores[row, torch.tensor(traces[i].ends)].tolist()
    return values
