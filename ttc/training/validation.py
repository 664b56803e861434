"""How good a verifier is while and after it is trained: on solutions of validation problems."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ttc.analysis.formats import TableFormat, print_tables
from ttc.analysis.rated_steps import ScoredSteps
from ttc.analysis.step_quality import StepQuality, measure_steps
from ttc.analysis.step_quality_report import draw_quality as draw_step_quality
from ttc.analysis.step_quality_report import quality_tables
from ttc.analysis.verifier_quality import ScoredSolution, VerifierQuality, draw_quality, measure_quality, show_quality
from ttc.data.step_labels import StepLabels
from ttc.files import atomic_path
from ttc.grading import AnswerGrader, MathGrader
from ttc.training.labelled import LabelledTrace
from ttc.training.language_model import IGNORED, EncodedDocument, collate_documents, document_length
from ttc.training.value_model import EncodedTrace, TraceEncoder, pass_tokens, passes

LOGITS_PER_PASS = 2**27  # of all tokens and the whole vocabulary: half a gigabyte in float32
REPORT_IMAGE = "report.png"

Values = Sequence[Sequence[float]]
"""A verifier's value in [0, 1] at each step end of each solution."""


class Validation(ABC):
    """Solutions of problems that the training does not see, and what is measured on them.

    Attributes:
        encoded: their token ids, as the verifier reads them.
    """

    encoded: Sequence[EncodedTrace]

    @abstractmethod
    def line(self, values: Values) -> str:
        """Return the few numbers to watch during a training, from a value at each end of each encoded trace."""

    @abstractmethod
    def report(self, values: Values, directory: Path) -> dict[str, Any]:
        """Show the verifier's quality, draw it into `directory`, and return it as plain JSON values."""


class SampledValidation(Validation):
    """Sampled solutions, labelled by their outcomes.

    Attributes:
        traces: the solutions.
    """

    def __init__(
        self,
        traces: Sequence[LabelledTrace],
        encoder: TraceEncoder,
        samples: int,
        grader: AnswerGrader | None = None,
    ) -> None:
        """Take the solutions that have an answer, of `samples` per problem."""
        self.traces, self._samples = traces, samples
        self._answers = [(grader or MathGrader()).extract(trace.text) for trace in traces]
        self.encoded = [encoder.encode(trace) for trace in traces]

    def line(self, values: Values) -> str:
        return self._quality(values).line()

    def report(self, values: Values, directory: Path) -> dict[str, Any]:
        found = self._quality(values)
        draw_quality(found, directory / REPORT_IMAGE)
        show_quality(found)
        return found.to_json()

    def _quality(self, values: Values) -> VerifierQuality:
        return measure_quality(self.rated(values), self._samples)

    def rated(self, values: Values) -> list[ScoredSolution]:
        """Return the solutions with the values at their last steps."""
        return self.with_scores([own[-1] for own in values])

    def with_scores(self, scores: Sequence[float]) -> list[ScoredSolution]:
        """Return the solutions with one score each, in order."""
        return [
            ScoredSolution(trace.problem_id, answer, trace.correct, score)
            for trace, answer, score in zip(self.traces, self._answers, scores, strict=True)
        ]


class RatedValidation(Validation):
    """Solutions whose steps are rated, from a file."""

    def __init__(self, solutions: Sequence[StepLabels], encoder: TraceEncoder) -> None:
        self._solutions = solutions
        traces = [LabelledTrace.from_step_labels(solution) for solution in solutions]
        # Every step is read, rated or not: a solution's first error is looked for in all of it.
        self.encoded = [encoder.encode(replace(trace, labels=(0.0,) * len(trace.steps))) for trace in traces]

    def line(self, values: Values) -> str:
        found = self._quality(values)
        numbers = {name: measure.value.mean for name, measure in found.measures.items()}
        return ", ".join(f"{name} {value:.3f}" for name, value in numbers.items())

    def report(self, values: Values, directory: Path) -> dict[str, Any]:
        found = self._quality(values)
        with atomic_path(directory / REPORT_IMAGE) as draft:
            draw_step_quality(found, draft, ".png")
        print_tables(quality_tables(found, "validation problems"), TableFormat.text)
        return found.to_json()

    def _quality(self, values: Values) -> StepQuality:
        return measure_steps([ScoredSteps(s, tuple(v)) for s, v in zip(self._solutions, values, strict=True)])


def log_probabilities(model: Any, documents: Sequence[EncodedDocument]) -> list[float]:
    """Return the summed natural-log probability of each document's target, given its context."""
    import torch

    sums = [0.0] * len(documents)
    device = next(model.parameters()).device
    with torch.inference_mode():
        max_tokens = min(pass_tokens(model), LOGITS_PER_PASS // model.config.vocab_size)
        for chosen in passes(list(map(document_length, documents)), max_tokens):
            batch = collate_documents([documents[i] for i in chosen])
            ids, labels = batch["input_ids"].to(device), batch["labels"][:, 1:]  # (B, T), (B, T - 1)
            logs = model(input_ids=ids, use_cache=False).logits.float().log_softmax(-1)[:, :-1]  # (B, T - 1, V)
            picked = logs.gather(-1, ids[:, 1:, None])[..., 0].cpu()  # (B, T - 1)
            for i, total in zip(chosen, (picked * (labels != IGNORED)).sum(-1).tolist(), strict=True):
                sums[i] = total
    return sums
