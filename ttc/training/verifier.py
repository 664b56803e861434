"""What every verifier's training does: collect labelled solutions, fit a value model, tell how good it is."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ttc.analysis.verifier_quality import (
    ScoredSolution,
    VerifierQuality,
    draw_quality,
    measure_quality,
    show_quality,
    within_problem_auc,
)
from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier_formats import PlainFormat, StepFormat
from ttc.errors import UserError
from ttc.execution.runner import Outcome
from ttc.grading import extract_answer
from ttc.pocket.problems import sample_problems
from ttc.training.base import Training
from ttc.training.claim import claim
from ttc.training.collect import IsCorrect, Row, collect, read_rows
from ttc.training.corpus import Corpus
from ttc.training.generator import save_pretrained
from ttc.training.loop import Optimisation, pick_device, train
from ttc.training.rollouts import outcomes
from ttc.training.value_model import (
    Encoded,
    LabelledTrace,
    TraceEncoder,
    build_value_model,
    collate,
    load_value_model,
    value_loss,
    values_of,
)
from ttc.types import Flow, Problem

if TYPE_CHECKING:
    import torch


@dataclass
class VerifierTraining(Training):
    """Train a verifier on the generator's own solutions."""

    seed: int = 0
    generator: VllmGenerator = field(default_factory=VllmGenerator)
    problems: int = 20_000
    validation_problems: int = 500
    validation_samples: int = 16
    extra_layers: int = 2  # on top of the generator's
    start: str | None = None  # a verifier to go on from; None: the generator with the extra layers
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=4_000, learning_rate=1e-3))
    batch_traces: int = 128
    evaluate_every: int = 500

    title: ClassVar[str]
    fitting: ClassVar[frozenset[str]] = frozenset(
        {"extra_layers", "start", "optimisation", "batch_traces", "evaluate_every"}
    )
    """Settings that what is sampled does not hang on."""

    @abstractmethod
    def label(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        """Labelled solutions of a training problem."""

    def label_validation(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        """Independent solutions of a validation problem with their outcomes."""
        return outcomes(problem, self.validation_samples, is_correct)

    @property
    def format(self) -> type[StepFormat]:
        """How the verifier reads a solution."""
        return PlainFormat

    def check(self) -> None:
        """Refuse an unusable generator, or a start that reads other tokens, before any weights load."""
        from transformers import AutoTokenizer

        self.generator.check()
        if self.start is None:
            return
        sources = (resolve(self.start, "prm"), resolve(self.generator.model, "generator"))
        theirs, ours = (AutoTokenizer.from_pretrained(source).get_vocab() for source in sources)
        if theirs != ours:
            raise UserError(
                f"start={self.start} reads other tokens than generator.model={self.generator.model} writes; use a "
                "verifier of the same tokenizer, or start=null to begin from the generator."
            )

    def run(self, directory: Path) -> None:
        """Collect labels (resumable), fit (resumable), report.

        Writes `directory/model`, `directory/report.json` and `directory/report.png`.
        """
        import torch
        from transformers import AutoTokenizer

        claim(directory, self)
        torch.manual_seed(self.seed)
        trained = self._collected(directory, "train", self.problems)
        held_out = self._collected(directory, "validation", self.validation_problems)
        source = resolve(self.generator.model, "generator")
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = (
            build_value_model(source, self.extra_layers)
            if self.start is None
            else load_value_model(resolve(self.start, "prm"))
        )
        encoder = TraceEncoder(tokenizer, self.format, model.config.max_position_embeddings)
        validation = Validation(held_out, encoder, self.validation_samples)
        corpus = Corpus([encoder.encode(t) for t in trained], self.batch_traces, self.seed, _length, collate)
        train(
            model,
            corpus.batch_at,
            value_loss,
            self.optimisation,
            directory,
            title=self.title,
            fingerprint=repr(self),
            evaluate=lambda model, step: validation.quality(model).line(),
            evaluate_every=self.evaluate_every,
        )
        save_pretrained(model, tokenizer, directory / "model")
        self._report(validation, model, directory)

    def _collected(self, directory: Path, split: str, count: int) -> list[LabelledTrace]:
        file = directory / f"{split}.jsonl"
        collect(
            file,
            sample_problems(split, count, self.seed + 1),
            self.generator,
            self.label if split == "train" else self.label_validation,
            _rows,
            title=f"labelling {split} problems",
            seed=self.seed,
        )
        return [LabelledTrace.of_row(row) for row in read_rows(file)]

    def _report(self, validation: Validation, model: torch.nn.Module, directory: Path) -> None:
        found = validation.quality(model)
        report = found.to_json() | {"auc_log_probability": self._reference(validation)}
        (directory / "report.json").write_text(json.dumps(report, indent=2) + "\n")
        draw_quality(found, directory / "report.png")
        show_quality(found)

    def _reference(self, validation: Validation) -> float:
        """AUC of the generator's own summed log-probability of a solution: a verifier below it is not yet trained."""
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(resolve(self.generator.model, "generator"), dtype="float32")
        scores = log_probabilities(model.to(pick_device()).eval(), validation.rows)
        return within_problem_auc(validation.judged(scores))


class Validation:
    """Solutions of validation problems with their outcomes."""

    def __init__(self, traces: Sequence[LabelledTrace], encoder: TraceEncoder, samples: int) -> None:
        self._traces, self._samples = traces, samples
        self._answers = [extract_answer(trace.text) for trace in traces]
        self.rows: list[Encoded] = [encoder.encode(trace) for trace in traces]

    def quality(self, model: torch.nn.Module) -> VerifierQuality:
        """Measure the model's final values."""
        return measure_quality(self.judged([values[-1] for values in values_of(model, self.rows)]), self._samples)

    def judged(self, scores: Sequence[float]) -> list[ScoredSolution]:
        """The solutions with these scores."""
        return [
            ScoredSolution(trace.problem_id, answer, trace.right, score)
            for trace, answer, score in zip(self._traces, self._answers, scores, strict=True)
        ]


def log_probabilities(model: Any, rows: Sequence[Encoded], batch_traces: int = 256) -> list[float]:
    """Summed natural-log probability of each solution's tokens, given its problem."""
    import torch

    sums: list[float] = []
    device = next(model.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(rows), batch_traces):
            chosen = rows[start : start + batch_traces]
            ids = collate(chosen)["input_ids"].to(device)
            logs = model(input_ids=ids).logits.float().log_softmax(-1)[:, :-1]
            picked = logs.gather(-1, ids[:, 1:, None])[..., 0].cpu()  # (B, T - 1)
            sums += [float(picked[i, row.solution_start - 1 : len(row.ids) - 1].sum()) for i, row in enumerate(chosen)]
    return sums


def _rows(outcome: Outcome, is_correct: IsCorrect) -> Iterable[Row]:
    return (LabelledTrace.of(candidate).to_row() for candidate in outcome.candidates)


def _length(row: Encoded) -> int:
    return len(row.ids)
