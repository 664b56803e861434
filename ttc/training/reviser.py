"""`ttc train reviser`: Algorithm 5. The generator learns to write the right solution after wrong ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.errors import UserError
from ttc.execution.runner import Outcome
from ttc.pocket.problems import sample_problems
from ttc.strategies.revisions import Revisions
from ttc.training.base import Training
from ttc.training.claim import claim
from ttc.training.collect import IsCorrect, Row, collect, read_rows
from ttc.training.corpus import Corpus
from ttc.training.generator import language_model_loss, pad, save_pretrained, training_attention
from ttc.training.loop import Optimisation, pick_device, train
from ttc.training.trajectories import Attempt, Recipe, Trajectory, chained, trajectories
from ttc.types import Candidate, Flow, Problem

if TYPE_CHECKING:
    import torch

Encoded = tuple[list[int], list[int]]
"""Token ids of the problem with the attempts, and of the target."""


@dataclass
class ReviserTraining(Training):
    """Finetune the generator on its own attempts followed by right ones; the loss is on what follows only.

    The paper (`recipe=paper`) samples 64 solutions a problem at a higher temperature, shows wrong attempts alone, and
    takes the checkpoint a little past the minimum of the validation loss: training stops when `past_minimum`
    evaluations have passed without a new one. `recipe=chains` is a further round for a reviser that has had one: it is
    the `generator`, and learns from chains that it makes itself, as what it will see is what it wrote (the idea of
    DAgger, Ross et al. 2011).
    """

    seed: int = 0
    generator: VllmGenerator = field(default_factory=VllmGenerator)
    problems: int = 8_000
    validation_problems: int = 300
    samples: int = 16
    length: int = 1  # of the chains that the samples come in
    recipe: Recipe = Recipe.own
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=1_500, learning_rate=1e-3))
    batch_documents: int = 64
    evaluate_every: int = 250
    past_minimum: int = 2

    fitting: ClassVar[frozenset[str]] = frozenset(
        {"recipe", "optimisation", "batch_documents", "evaluate_every", "past_minimum"}
    )
    """Settings that what is sampled does not hang on."""

    def check(self) -> None:
        """Refuse sizes that leave nothing to learn from, before any weights load."""
        if self.samples < 2:
            raise UserError(f"samples={self.samples}: right and wrong solutions need 2 or more a problem, e.g. 16.")
        if self.length < 1 or self.samples % self.length:
            raise UserError(
                f"samples={self.samples} are no whole chains of length={self.length}; use a multiple, e.g. "
                f"samples={4 * max(1, self.length)} length={max(1, self.length)}."
            )
        if (self.recipe is Recipe.chains) != (self.length > 1):
            raise UserError(
                f"recipe={self.recipe} with length={self.length}: only recipe=chains learns from chains, and these "
                "are 2 attempts or longer, e.g. recipe=chains length=8 generator.model=pocket-reviser."
            )
        if self.past_minimum < 1:
            raise UserError(f"past_minimum={self.past_minimum} is no number of evaluations; use 1 or more.")
        self.generator.check()

    def run(self, directory: Path) -> None:
        """Collect samples (resumable), fit (resumable); writes `directory/model` and `directory/report.json`."""
        import torch
        from rich.console import Console
        from transformers import AutoModelForCausalLM, AutoTokenizer

        claim(directory, self)
        torch.manual_seed(self.seed)
        source = resolve(self.generator.model, "generator")
        tokenizer = AutoTokenizer.from_pretrained(source)
        rows = self._encoded(self._sampled(directory, "train", self.problems), tokenizer)
        held_out = self._encoded(self._sampled(directory, "validation", self.validation_problems), tokenizer)
        model = AutoModelForCausalLM.from_pretrained(
            source, dtype=torch.float32, attn_implementation=training_attention()
        )
        corpus = Corpus(rows, self.batch_documents, self.seed, _length, pad)
        watch = PastMinimum(directory / "validation_losses.json", self.past_minimum, held_out)
        train(
            model,
            corpus.batch_at,
            language_model_loss,
            self.optimisation,
            directory,
            title="reviser",
            fingerprint=repr(self),
            evaluate=watch.evaluated,
            evaluate_every=self.evaluate_every,
            is_enough=watch.is_enough,
        )
        save_pretrained(model, tokenizer, directory / "model")
        report = {"trajectories": len(rows), "validation_losses": watch.losses}
        (directory / "report.json").write_text(json.dumps(report, indent=2) + "\n")
        Console().print_json(data=report)

    def _sampled(self, directory: Path, split: str, count: int) -> list[Trajectory]:
        """Sample solutions of a split's problems, and make them trajectories."""
        file = directory / f"{split}.jsonl"
        chains = Revisions(f"{self.length}:{self.samples // self.length}")
        collect(
            file,
            sample_problems(split, count, self.seed + 2),
            self.generator,
            lambda problem, is_correct: self._attempts(problem, chains),
            _row,
            title=f"sampling {split} problems",
            seed=self.seed,
        )
        return [trajectory for row in read_rows(file) for trajectory in self._trajectories(row)]

    def _attempts(self, problem: Problem, chains: Revisions) -> Flow:
        attempts = yield from chains.attempts(problem, self.samples)
        return [Candidate(trace) for chain in attempts for trace in chain]

    def _trajectories(self, row: Row) -> list[Trajectory]:
        rng = Random(f"{self.seed}-{row['id']}")  # a problem's draws do not hang on the others
        attempts = [Attempt(text, right, tuple(shown)) for text, right, shown in row["attempts"]]
        if self.recipe is Recipe.chains:
            return chained(row["question"], attempts, rng)
        right, wrong = ([attempt.text for attempt in attempts if attempt.right is kind] for kind in (True, False))
        return trajectories(row["question"], right, wrong, self.recipe, rng)

    def _encoded(self, found: Iterable[Trajectory], tokenizer: Any) -> list[Encoded]:
        """Token ids as the engine will show them: problem, attempts each with the end mark, then the target."""

        def ids(text: str) -> list[int]:
            return [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]

        encoded = []
        for trajectory in found:
            prompt = tokenizer(self.generator.prompt.replace("{question}", trajectory.question))["input_ids"]
            shown = [id_ for attempt in trajectory.attempts for id_ in ids(attempt)]
            encoded.append((prompt + shown, ids(trajectory.target)))
        if not encoded:
            raise UserError(f"none of {self.problems} problems was ever solved; give problems=... more of them.")
        return encoded


class PastMinimum:
    """The validation loss over time, kept in a file, and whether its minimum lies far enough behind."""

    def __init__(self, file: Path, past_minimum: int, held_out: list[Encoded], batch_documents: int = 128) -> None:
        self._file, self._past = file, past_minimum
        held_out = sorted(held_out, key=_length)
        self._batches = [held_out[i : i + batch_documents] for i in range(0, len(held_out), batch_documents)]
        self.losses: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}

    def evaluated(self, model: torch.nn.Module, step: int) -> str:
        """Measure now; return a line to show."""
        import torch

        total = tokens = 0.0
        with torch.inference_mode():
            for rows in self._batches:
                batch = {name: tensor.to(pick_device()) for name, tensor in pad(rows).items()}
                targets = sum(len(target) for _, target in rows)
                total += float(language_model_loss(model, batch)) * targets
                tokens += targets
        # A training that was killed after its last checkpoint measures some steps again.
        self.losses = {key: loss for key, loss in self.losses.items() if int(key) < step} | {str(step): total / tokens}
        self._file.write_text(json.dumps(self.losses, indent=2) + "\n")
        return f"validation loss {total / tokens:.4f}"

    def is_enough(self) -> bool:
        """Have enough evaluations passed since the smallest loss?"""
        losses = list(self.losses.values())
        return len(losses) - losses.index(min(losses)) > self._past if losses else False


def _row(outcome: Outcome, is_correct: IsCorrect) -> Iterable[Row]:
    """A problem with its attempts: text, right or wrong, attempts in sight. Those without an answer are dropped."""
    traces = [candidate.trace for candidate in outcome.candidates]
    verdicts = [(trace, is_correct(trace)) for trace in traces]
    yield {
        "id": outcome.problem.id,
        "question": outcome.problem.question,
        "attempts": [
            [trace.text, right, [attempt.text for attempt in trace.attempts]]
            for trace, right in verdicts
            if right is not None
        ],
    }


def _length(row: Encoded) -> int:
    return len(row[0]) + len(row[1])
