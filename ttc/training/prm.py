"""`ttc train prm`: Algorithm 1. Sample and roll out with the generator, then fit a PRM to the labels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ttc.engines.base import started
from ttc.engines.checkpoint import resolve
from ttc.engines.vllm import VllmGenerator
from ttc.grading import Grader, extract_answer
from ttc.meter import metered
from ttc.runner import Runner
from ttc.runner import started as flows_of
from ttc.training.generator import save_pretrained
from ttc.training.loop import Optimisation, pick_device, train
from ttc.training.rollouts import MonteCarlo
from ttc.training.value_model import (
    Encoded,
    LabelledCorpus,
    LabelledTrace,
    TraceEncoder,
    build_value_model,
    read_traces,
    value_loss,
    values_of,
    within_problem_auc,
)
from ttc.types import Problem, Trace

if TYPE_CHECKING:
    import torch


@dataclass
class PrmTraining:
    """Train a process reward model on the generator's own solutions.

    The paper's sizes are 16 samples and 16 rollouts; small models learn more from many problems with few of each.
    """

    seed: int = 0
    generator: VllmGenerator = field(default_factory=VllmGenerator)
    problems: int = 8_000
    validation_problems: int = 500
    validation_samples: int = 16
    monte_carlo: MonteCarlo = field(default_factory=lambda: MonteCarlo(samples=2, rollouts=1))
    extra_layers: int = 2  # on top of the generator's
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=700, learning_rate=1e-3))
    batch_traces: int = 128
    evaluate_every: int = 350

    def run(self, directory: Path) -> None:
        """Collect labels (resumable), fit (resumable), report; writes `directory/model` and `directory/report.json`."""
        import torch

        torch.manual_seed(self.seed)
        self.generator.check()
        directory.mkdir(parents=True, exist_ok=True)
        self._collect(directory / "train.jsonl", "train", self.problems, self.monte_carlo)
        outcomes_only = MonteCarlo(samples=self.validation_samples, rollouts=0)
        self._collect(directory / "validation.jsonl", "validation", self.validation_problems, outcomes_only)
        tokenizer = _tokenizer(self.generator)
        encoder = TraceEncoder(tokenizer)
        rows = [encoder.encode(trace) for trace in read_traces(directory / "train.jsonl")]
        validation = Validation(list(read_traces(directory / "validation.jsonl")), encoder)
        model = build_value_model(resolve(self.generator.model, "generator"), self.extra_layers)
        corpus = LabelledCorpus(rows, self.batch_traces, self.seed)
        train(
            model,
            corpus.batch_at,
            value_loss,
            self.optimisation,
            directory,
            title="prm",
            fingerprint=repr(self),
            evaluate=validation.line,
            evaluate_every=self.evaluate_every,
        )
        save_pretrained(model, tokenizer, directory / "model")
        report = validation.report(model) | {"auc_log_probability": self._reference(validation, encoder)}
        (directory / "report.json").write_text(json.dumps(report, indent=2) + "\n")
        Console().print_json(data=report)

    def _collect(self, file: Path, split: str, count: int, monte_carlo: MonteCarlo) -> None:
        """Append labelled traces to `file`, skipping the problems that it holds; `file.done` marks it whole."""
        from ttc.pocket.problems import sample_problems

        done = file.with_suffix(".done")
        if done.exists():
            return
        seen = {trace.problem_id for trace in read_traces(file)} if file.exists() else set()
        problems = [p for p in sample_problems(split, count, self.seed + 1) if p.id not in seen]
        runner = Runner(started(self.generator), seed=self.seed)
        with Grader() as grader, file.open("a") as lines:
            judge = _judge(grader)
            flows = flows_of(problems, lambda problem: monte_carlo.label(problem, partial(judge, problem)))
            for number, outcome in enumerate(metered(runner.run(flows), f"labelling {split} problems", len(problems))):
                lines.writelines(LabelledTrace.of(candidate).to_line() + "\n" for candidate in outcome.candidates)
                if number % 100 == 0:
                    lines.flush()
        done.touch()

    def _reference(self, validation: Validation, encoder: TraceEncoder) -> float:
        """AUC of the generator's own summed log-probability of a solution: a verifier below it is not yet trained."""
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(resolve(self.generator.model, "generator"), dtype="float32")
        return validation.auc(log_probabilities(model.to(pick_device()).eval(), validation.rows))


def _tokenizer(generator: VllmGenerator) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(resolve(generator.model, "generator"))


def _judge(grader: Grader) -> Any:
    def is_correct(problem: Problem, trace: Trace) -> bool | None:
        answer = extract_answer(trace.text) if trace.is_finished else None
        return None if answer is None else grader.grade([(answer, problem.gold)])[0]

    return is_correct


class Validation:
    """Solutions of validation problems with their outcomes, and how well scores tell right from wrong among them."""

    def __init__(self, traces: list[LabelledTrace], encoder: TraceEncoder) -> None:
        self._traces = traces
        self.rows: list[Encoded] = [encoder.encode(trace) for trace in traces]

    def auc(self, scores: Sequence[float]) -> float:
        """Within-problem AUC of one score a solution."""
        outcomes = [(trace.problem_id, trace.labels[-1] > 0.5) for trace in self._traces]
        return within_problem_auc((id_, score, right) for (id_, right), score in zip(outcomes, scores, strict=True))

    def line(self, model: torch.nn.Module) -> str:
        report = self.report(model)
        return ", ".join(f"{name} {value:.4f}" for name, value in report.items())

    def report(self, model: torch.nn.Module) -> dict[str, float]:
        """AUC and BCE of the final values; accuracy of the best and of the weighted choice among all samples."""
        import numpy as np

        last = np.array([values[-1] for values in values_of(model, self.rows)])
        right = np.array([trace.labels[-1] for trace in self._traces])
        clipped = np.clip(last, 1e-6, 1 - 1e-6)
        return {
            "auc_within_problem": self.auc(last.tolist()),
            "bce": float(-(right * np.log(clipped) + (1 - right) * np.log(1 - clipped)).mean()),
            "accuracy_mean": float(right.mean()),
            "accuracy_best": _mean(self._choices(last, best=True)),
            "accuracy_weighted": _mean(self._choices(last, best=False)),
            "accuracy_majority": _mean(self._choices(np.ones_like(last), best=False)),
        }

    def _choices(self, scores: Any, *, best: bool) -> Iterator[float]:
        """For each problem, the outcome of its best-scored solution or of the answer with the largest sum of scores."""
        numbered = sorted(range(len(self._traces)), key=lambda i: self._traces[i].problem_id)
        for _, group in groupby(numbered, key=lambda i: self._traces[i].problem_id):
            members = list(group)
            if best:
                yield self._traces[max(members, key=lambda i: scores[i])].labels[-1]
                continue
            weights: dict[str | None, float] = {}
            outcome: dict[str | None, float] = {}
            for i in members:
                answer = extract_answer("".join(self._traces[i].steps))
                weights[answer] = weights.get(answer, 0.0) + float(scores[i])
                outcome[answer] = self._traces[i].labels[-1]
            yield outcome[max(weights, key=lambda answer: weights[answer])]


def log_probabilities(model: torch.nn.Module, rows: Sequence[Encoded], batch_traces: int = 256) -> list[float]:
    """Summed natural-log probability of each solution's tokens, given its problem."""
    import torch

    from ttc.training.value_model import collate

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


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
