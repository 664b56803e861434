"""The common part of all verifier trainings: collect labelled solutions, fit a value model, measure its quality."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ttc.analysis.ranking import compare_with_baselines, show_baselines
from ttc.engines.checkpoint import fingerprint, resolve
from ttc.engines.formats import PlainFormat, StepFormat
from ttc.engines.vllm_setup import shape_of
from ttc.errors import UserError
from ttc.execution.runner import Outcome
from ttc.files import read_jsonl, write_json, write_text
from ttc.training.claim import SamplingTraining, claim_directory
from ttc.training.collect import IsCorrect, collect, end_collecting
from ttc.training.corpus import Corpus
from ttc.training.documents import DocumentEncoder
from ttc.training.frozen import FrozenTrunk
from ttc.training.kept import kept_rows
from ttc.training.labelled import LabelledRow, LabelledTrace
from ttc.training.language_model import dtype_of, save_checkpoint
from ttc.training.loop import Optimisation, train_model
from ttc.training.optimisation import pick_device, reading_dtype
from ttc.training.processes import is_main
from ttc.training.rollouts import sample_outcomes
from ttc.training.sources import TRAIN, VALIDATION, training_problems
from ttc.training.start import check_start, weights_of
from ttc.training.trainable import Adapted, Trainable, check_rate
from ttc.training.validation import SampledValidation, Validation, Values, log_probabilities
from ttc.training.value_model import (
    EncodedTrace,
    TraceEncoder,
    build_value_model,
    collate_traces,
    load_value_model,
    step_values,
    value_loss,
)
from ttc.types import Flow, Problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass
class VerifierTraining(SamplingTraining):
    """Train a verifier on the generator's own solutions.

    With `trainable=all` it gets `extra_layers` on top of the generator's; `trainable=lora` and `trainable=head` leave
    the generator's layers as they are. `trainable=head` keeps the generator's first `depth` layers and fits the head
    with the penalty `l2`; null chooses either on held-out folds of the training problems.
    """

    problems: int = 20_000
    validation_problems: int = 500
    validation_samples: int = 16
    extra_layers: int | None = None  # null: 2 with trainable=all, else none
    start: str | None = None  # a verifier to start from; null: the generator
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=4_000, learning_rate=1e-3))
    batch_traces: int = 128
    evaluate_every: int = 500
    l2: float | None = None
    depth: int | None = None
    log_probability: bool = True  # whether the report has the generator's own log-probability, the baseline to beat

    title: ClassVar[str]
    fitting_settings: ClassVar[frozenset[str]] = frozenset(
        {"extra_layers", "start", "optimisation", "batch_traces", "evaluate_every", "l2", "depth", "log_probability"}
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

    @property
    def added_layers(self) -> int:
        """Layers on top of the generator's."""
        if self.extra_layers is not None:
            return self.extra_layers
        return 2 if self.trainable is Trainable.all else 0

    def check(self) -> None:
        """Refuse an unusable generator, a start with another tokenizer, and sizes that cannot be."""
        super().check()
        self.optimisation.check()
        check_start(self.start, "prm", self.generator)
        if self.added_layers < 0 or (self.added_layers and self.trainable is not Trainable.all):
            raise UserError(
                f"extra_layers={self.extra_layers} does not fit trainable={self.trainable}, which leaves the layers as "
                "they are; use extra_layers=null."
            )
        if self.l2 is not None and not self.l2 > 0:  # NaN is not
            raise UserError(f"l2={self.l2}: must be above 0; use e.g. l2=100, or null to choose it on held-out folds.")
        if self.depth is not None:
            self._check_depth(self.depth)
        check_rate(self.trainable, self.optimisation, self.generator)

    def _check_depth(self, depth: int) -> None:
        shape = shape_of(self.generator.source, self.generator.revision)
        if self.trainable is not Trainable.head:
            raise UserError(
                f"depth={depth} does not fit trainable={self.trainable}; use trainable=head, or depth=null."
            )
        if depth < 1 or (shape is not None and self.start is None and depth > shape.layers):
            most = "" if shape is None else f" and at most the generator's {shape.layers}"
            raise UserError(f"depth={depth}: must be at least 1 layer{most}; use null to choose it.")

    def run(self, directory: Path) -> None:
        """Collect labels and fit, both resumable; write `model`, `report.json` and `report.png`."""
        import torch
        from transformers import AutoConfig, AutoTokenizer

        claim_directory(directory, self)
        torch.manual_seed(self.seed)
        tokenizer = AutoTokenizer.from_pretrained(weights_of(self.generator))
        context_tokens = AutoConfig.from_pretrained(weights_of(self.generator)).max_position_embeddings
        encoder = TraceEncoder(tokenizer, self.step_format, context_tokens)
        traces, validation = self.examples(directory, encoder)
        end_collecting(self.generator)
        encoded = [encoder.encode(trace) for trace in traces]
        if self.trainable is Trainable.head:
            if not is_main():
                return
            problems = [trace.problem_id for trace in traces]
            fitted, values = self._head_fitted(encoded, problems, validation, directory)
        else:
            fitted = self._fitted(encoded, validation, directory)
            if not is_main():
                return
            values = step_values(fitted, validation.encoded, "values of validation solutions")
        learnt = [trace.question for trace in traces]
        save_checkpoint(fitted, tokenizer, directory / "model", dtype_of(weights_of(self.generator)), learnt)
        report = validation.report(values, directory)
        if self.log_probability and isinstance(validation, SampledValidation):
            report |= self._against_log_probability(validation, values, tokenizer, directory)
        write_text(directory / "report.json", json.dumps(report, indent=2))

    def examples(self, directory: Path, encoder: TraceEncoder) -> tuple[list[LabelledTrace], Validation]:
        """Return what to learn from and what to measure by: sampled, graded, and kept in `directory`.

        Raises:
            UserError: no sampled solution has an answer.
        """
        traces, held_out = self._sampled(directory, TRAIN), self._sampled(directory, VALIDATION)
        for split, found in ((TRAIN, traces), (VALIDATION, held_out)):
            if not found:
                raise UserError(
                    f"{directory / split}.jsonl: no solution of a {split} problem has an answer; check "
                    "generator.prompt and generator.max_tokens, and choose another hydra.run.dir."
                )
        return traces, SampledValidation(held_out, encoder, self.validation_samples, self.grader)

    def _initial_model(self, dtype: str = "float32") -> PreTrainedModel:
        if self.start is None:
            return build_value_model(weights_of(self.generator), self.added_layers, dtype)
        return load_value_model(resolve(self.start, "prm"), dtype)

    def _head_fitted(
        self, encoded: Sequence[EncodedTrace], problems: Sequence[str], validation: Validation, directory: Path
    ) -> tuple[PreTrainedModel, Values]:
        """Return the model with a fitted head, and its values of the validation solutions."""
        source = weights_of(self.generator) if self.start is None else resolve(self.start, "prm")
        dtype = reading_dtype(self.optimisation.precision, dtype_of(source))
        trunk = FrozenTrunk(self._initial_model(dtype), (fingerprint(source), dtype), directory / "states")
        head = trunk.fit(encoded, problems, self.seed, self.depth, self.l2)
        write_json(directory / "head.json", {"depth": head.depth, "held_out_bce_by_depth_and_l2": head.losses})
        return trunk.model, trunk.values(validation.encoded)

    def _fitted(self, encoded: Sequence[EncodedTrace], validation: Validation, directory: Path) -> PreTrainedModel:
        """Return the trained model."""
        model = self._initial_model()
        adapted = Adapted(model, self.lora) if self.trainable is Trainable.lora else None
        corpus: Corpus[EncodedTrace] = Corpus(
            encoded, self.batch_traces, self.seed, len, collate_traces, self.optimisation.pass_tokens
        )
        train_model(
            adapted.model if adapted else model,
            corpus.batch_at,
            value_loss,
            self.optimisation.planned(corpus.batches_per_epoch),
            directory,
            title=self.title,
            fingerprint=repr(self),
            evaluate=lambda model, step: validation.line(step_values(model, validation.encoded)),
            evaluate_every=self.evaluate_every,
        )
        return adapted.merged() if adapted else model

    def _sampled(self, directory: Path, split: str) -> list[LabelledTrace]:
        """Collect labelled solutions of the problems of a split."""
        file = directory / f"{split}.jsonl"
        collect(
            file,
            training_problems(self.data, split, self.problems, self.validation_problems, self.seed + 1),
            self.generator,
            self.label if split == TRAIN else self.label_validation,
            _labelled_rows,
            title=f"labelling {split} problems",
            seed=self.seed,
            store=self.store,
            grader=self.grader,
        )
        return [LabelledTrace.from_row(row) for _, row in read_jsonl(file)]

    def _against_log_probability(
        self, validation: SampledValidation, values: Values, tokenizer: PreTrainedTokenizerBase, directory: Path
    ) -> dict[str, Any]:
        """Show and return how the generator's own log-probability ranks, of all tokens and of the mean token.

        These are the baselines that a trained verifier must beat.
        """
        import torch
        from transformers import AutoModelForCausalLM

        weights = weights_of(self.generator)
        dtype = reading_dtype(self.optimisation.precision, dtype_of(weights))
        model = AutoModelForCausalLM.from_pretrained(weights, dtype=getattr(torch, dtype)).to(pick_device()).eval()
        encoder = DocumentEncoder(self.generator, tokenizer, model.config.max_position_embeddings)
        documents = [encoder.encode(trace.question, trace.attempts, trace.text) for trace in validation.traces]
        sums = kept_rows(
            directory / "log_probabilities",
            documents,
            lambda part: np.array(log_probabilities(model, part), dtype=np.float32),
            (fingerprint(weights), dtype, documents),
            "log-probabilities of validation solutions",
        )
        means = sums / np.array([len(target) for _, target in documents])
        others = {"log_probability": sums, "mean_log_probability": means}
        found = compare_with_baselines(
            validation.rated(values), {name: validation.with_scores(own.tolist()) for name, own in others.items()}
        )
        show_baselines(found)
        return {"baselines": {name: baseline.to_json() for name, baseline in found.items()}}


def _labelled_rows(outcome: Outcome, is_correct: IsCorrect) -> Iterable[LabelledRow]:
    return (LabelledTrace.from_candidate(candidate).to_row() for candidate in outcome.candidates)
