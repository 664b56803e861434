"""The common part of all verifier trainings: collect labelled solutions, fit a value model, measure its quality."""

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
from ttc.engines.formats import PlainFormat, StepFormat
from ttc.execution.runner import Outcome
from ttc.files import read_jsonl, write_text
from ttc.grading import extract_answer
from ttc.pocket.problems import sample_problems
from ttc.training.claim import SamplingTraining, claim_directory
from ttc.training.collect import IsCorrect, collect
from ttc.training.corpus import Corpus
from ttc.training.language_model import save_checkpoint
from ttc.training.loop import Optimisation, pick_device, train_model
from ttc.training.rollouts import sample_outcomes
from ttc.training.start import check_start
from ttc.training.value_model import (
    EncodedTrace,
    LabelledRow,
    LabelledTrace,
    TraceEncoder,
    build_value_model,
    collate_traces,
    load_value_model,
    step_values,
    value_loss,
)
from ttc.types import Flow, Problem

if TYPE_CHECKING:
    from transformers import LlamaForSequenceClassification


@dataclass
class VerifierTraining(SamplingTraining):
    """Train a verifier on the generator's own solutions."""

    problems: int = 20_000
    validation_problems: int = 500
    validation_samples: int = 16
    extra_layers: int = 2  # on top of the generator's
    start: str | None = None  # a verifier to start from; None: the generator with the extra layers
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=4_000, learning_rate=1e-3))
    batch_traces: int = 128
    evaluate_every: int = 500

    title: ClassVar[str]
    fitting_settings: ClassVar[frozenset[str]] = frozenset(
        {"extra_layers", "start", "optimisation", "batch_traces", "evaluate_every"}
    )

    @abstractmethod
    def label(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        """Return labelled solutions of a training problem."""

    def label_validation(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        """Return solutions of a validation problem, labelled by their outcomes."""
        return sample_outcomes(problem, self.validation_samples, is_correct)

    @property
    def step_format(self) -> type[StepFormat]:
        """The input format of the verifier."""
        return PlainFormat

    def check(self) -> None:
        """Refuse an unusable generator, and a verifier to start from that has another tokenizer."""
        self.generator.check()
        check_start(self.start, "prm", self.generator)

    def run(self, directory: Path) -> None:
        """Collect labels and fit, both resumable; write `model`, `report.json` and `report.png`."""
        import torch
        from transformers import AutoTokenizer

        claim_directory(directory, self)
        torch.manual_seed(self.seed)
        train_traces = self._labelled_traces(directory, "train", self.problems)
        held_out = self._labelled_traces(directory, "validation", self.validation_problems)
        tokenizer = AutoTokenizer.from_pretrained(self.generator_checkpoint)
        model = self._initial_model()
        encoder = TraceEncoder(tokenizer, self.step_format, model.config.max_position_embeddings)
        validation = ValidationSet(held_out, encoder, self.validation_samples)
        encoded = [encoder.encode(trace) for trace in train_traces]
        corpus: Corpus[EncodedTrace] = Corpus(encoded, self.batch_traces, self.seed, len, collate_traces)
        train_model(
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
        save_checkpoint(model, tokenizer, directory / "model")
        self._report(validation, model, directory)

    def _initial_model(self) -> LlamaForSequenceClassification:
        if self.start is None:
            return build_value_model(self.generator_checkpoint, self.extra_layers)
        return load_value_model(resolve(self.start, "prm"))

    def _labelled_traces(self, directory: Path, split: str, count: int) -> list[LabelledTrace]:
        """Collect labelled solutions of `count` problems of a split."""
        file = directory / f"{split}.jsonl"
        collect(
            file,
            sample_problems(split, count, self.seed + 1),
            self.generator,
            self.label if split == "train" else self.label_validation,
            _labelled_rows,
            title=f"labelling {split} problems",
            seed=self.seed,
        )
        return [LabelledTrace.from_row(row) for _, row in read_jsonl(file)]

    def _report(self, validation: ValidationSet, model: Any, directory: Path) -> None:
        """Write and show the verifier's quality on the validation problems."""
        found = validation.quality(model)
        report = found.to_json() | {"auc_log_probability": self._log_probability_auc(validation)}
        write_text(directory / "report.json", json.dumps(report, indent=2))
        draw_quality(found, directory / "report.png")
        show_quality(found)

    def _log_probability_auc(self, validation: ValidationSet) -> float:
        """Return the AUC of the generator's own log-probability: a baseline that a trained verifier must beat."""
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(self.generator_checkpoint, dtype="float32")
        scores = log_probabilities(model.to(pick_device()).eval(), validation.encoded)
        return within_problem_auc(validation.with_scores(scores))


class ValidationSet:
    """Solutions of the validation problems, labelled by their outcomes."""

    def __init__(self, traces: Sequence[LabelledTrace], encoder: TraceEncoder, samples: int) -> None:
        self._traces, self._samples = traces, samples
        self._answers = [extract_answer(trace.text) for trace in traces]
        self.encoded = [encoder.encode(trace) for trace in traces]

    def quality(self, model: Any) -> VerifierQuality:
        """Measure the quality of the model's values at the last steps."""
        scores = [values[-1] for values in step_values(model, self.encoded)]
        return measure_quality(self.with_scores(scores), self._samples)

    def with_scores(self, scores: Sequence[float]) -> list[ScoredSolution]:
        """Return the solutions with one score each, in order."""
        return [
            ScoredSolution(trace.problem_id, answer, trace.correct, score)
            for trace, answer, score in zip(self._traces, self._answers, scores, strict=True)
        ]


def log_probabilities(model: Any, traces: Sequence[EncodedTrace], batch_traces: int = 256) -> list[float]:
    """Return the summed natural-log probability of each solution's tokens, given what precedes the solution."""
    import torch

    sums: list[float] = []
    device = next(model.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(traces), batch_traces):
            chosen = traces[start : start + batch_traces]
            ids = collate_traces(chosen)["input_ids"].to(device)
            logs = model(input_ids=ids).logits.float().log_softmax(-1)[:, :-1]
            picked = logs.gather(-1, ids[:, 1:, None])[..., 0].cpu()  # (B, T - 1)
            sums += [
                float(picked[i, trace.solution_start - 1 : len(trace) - 1].sum()) for i, trace in enumerate(chosen)
            ]
    return sums


def _labelled_rows(outcome: Outcome, is_correct: IsCorrect) -> Iterable[LabelledRow]:
    return (LabelledTrace.from_candidate(candidate).to_row() for candidate in outcome.candidates)
