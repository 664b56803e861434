"""`ttc train reviser`: the generator learns to write a correct solution after wrong ones (Algorithm 5)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, ClassVar, TypedDict

from ttc.engines.checkpoint import resolve
from ttc.errors import UserError
from ttc.execution.runner import Outcome
from ttc.files import read_jsonl, write_text
from ttc.strategies.revisions import Revisions
from ttc.training.claim import SamplingTraining, claim_directory
from ttc.training.collect import IsCorrect, collect, end_collecting
from ttc.training.corpus import Corpus
from ttc.training.documents import DocumentEncoder
from ttc.training.language_model import (
    EncodedDocument,
    collate_documents,
    document_length,
    dtype_of,
    language_model_loss,
    save_checkpoint,
    training_attention,
)
from ttc.training.loop import Optimisation, train_model
from ttc.training.optimisation import pick_device
from ttc.training.processes import is_main
from ttc.training.sources import TRAIN, VALIDATION, training_problems
from ttc.training.start import check_start, weights_of
from ttc.training.trainable import Adapted, Trainable, check_rate
from ttc.training.trajectories import (
    Attempt,
    Recipe,
    Trajectory,
    balance_lengths,
    build_chain_trajectories,
    build_rest_em_trajectories,
    build_trajectories,
)
from ttc.training.validation import LOGITS_PER_PASS
from ttc.training.value_model import pass_tokens, passes
from ttc.types import Candidate, Flow, Problem


class AttemptsRow(TypedDict):
    """A line of `train.jsonl` and `validation.jsonl`: one problem with the attempts at it that have an answer."""

    id: str
    question: str
    attempts: list[tuple[str, bool, list[str]]]  # text, whether it is correct, texts of the attempts shown


@dataclass
class ReviserTraining(SamplingTraining):
    """Finetune the generator on its own attempts followed by correct ones; the loss covers the last attempt only.

    The paper (`recipe=paper`) samples 64 solutions per problem at a higher temperature, shows wrong attempts only, and
    takes the checkpoint slightly past the minimum of the validation loss: training stops after `past_minimum`
    evaluations without a new minimum. `recipe=chains` trains a reviser, given as the `generator`, for another round on
    chains that it samples itself, so that it learns from the contexts that it will see (the idea of DAgger, Ross et al.
    2011). `recipe=rest_em` imitates the correct attempts of such chains. ReST-EM finetunes the base model anew in every
    round, not the model that sampled: with `start=pocket`, that is the pocket's generator.
    """

    problems: int = 8_000
    validation_problems: int = 300
    samples: int = 16
    length: int = 1  # attempts per chain
    recipe: Recipe = Recipe.own
    start: str | None = None  # the model to finetune; None: the one that samples
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=1_500, learning_rate=1e-3))
    batch_documents: int = 64
    evaluate_every: int = 250
    past_minimum: int = 2

    fitting_settings: ClassVar[frozenset[str]] = frozenset(
        {"recipe", "start", "optimisation", "batch_documents", "evaluate_every", "past_minimum"}
    )

    def check(self) -> None:
        """Refuse sizes that leave nothing to learn from, and an unusable generator."""
        if self.samples < 2:
            raise UserError(
                f"samples={self.samples} must be at least 2, for a correct and a wrong solution per problem; use e.g. "
                "16."
            )
        if self.length < 1 or self.samples % self.length:
            raise UserError(
                f"samples={self.samples} cannot be split into chains of length={self.length}; use a multiple, e.g. "
                f"samples={4 * max(1, self.length)} length={max(1, self.length)}."
            )
        if self.recipe.learns_from_chains != (self.length > 1):
            raise UserError(
                f"recipe={self.recipe} does not fit length={self.length}: recipe=chains and recipe=rest_em learn from "
                "chains, which have at least 2 attempts, the others from single attempts; use e.g. recipe=chains "
                "length=8 generator.model=pocket-reviser."
            )
        if self.past_minimum < 1:
            raise UserError(f"past_minimum={self.past_minimum} must be at least 1; use e.g. 2.")
        if self.trainable is Trainable.head:
            raise UserError("trainable=head fits a verifier's head, and a reviser has none; use trainable=lora or all.")
        super().check()
        self.optimisation.check()
        check_start(self.start, "generator", self.generator)
        check_rate(self.trainable, self.optimisation, self.generator)

    def run(self, directory: Path) -> None:
        """Collect samples and finetune, both resumable; write `model`, `validation_losses.json` and `report.json`."""
        import torch
        from rich.console import Console
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

        claim_directory(directory, self)
        torch.manual_seed(self.seed)
        tokenizer = AutoTokenizer.from_pretrained(weights_of(self.generator))
        context_tokens = AutoConfig.from_pretrained(weights_of(self.generator)).max_position_embeddings
        encoder = DocumentEncoder(self.generator, tokenizer, self.generator.max_model_len or context_tokens)
        trajectories = self._trajectories(directory, TRAIN)
        held_out = [encoder.encode(t.question, t.attempts, t.target) for t in self._trajectories(directory, VALIDATION)]
        end_collecting(self.generator)
        documents = [encoder.encode(t.question, t.attempts, t.target) for t in trajectories]
        source = weights_of(self.generator) if self.start is None else resolve(self.start, "generator")
        model = AutoModelForCausalLM.from_pretrained(
            source, dtype=torch.float32, attn_implementation=training_attention()
        )
        adapted = Adapted(model, self.lora) if self.trainable is Trainable.lora else None
        corpus = Corpus(
            documents,
            self.batch_documents,
            self.seed,
            document_length,
            collate_documents,
            self.optimisation.pass_tokens,
        )
        stopping = PastMinimum(directory / "validation_losses.json", self.past_minimum, held_out)
        train_model(
            adapted.model if adapted else model,
            corpus.batch_at,
            language_model_loss,
            self.optimisation.planned(corpus.batches_per_epoch),
            directory,
            title="reviser",
            fingerprint=repr(self),
            evaluate=stopping.evaluate,
            evaluate_every=self.evaluate_every,
            should_stop=stopping.should_stop,
        )
        fitted = adapted.merged() if adapted else model
        if not is_main():
            return
        learnt = [trajectory.question for trajectory in trajectories]
        save_checkpoint(fitted, tokenizer, directory / "model", dtype_of(source), learnt)
        report = {"trajectories": len(documents), "validation_losses": stopping.losses}
        write_text(directory / "report.json", json.dumps(report, indent=2))
        Console().print_json(data=report)

    def _trajectories(self, directory: Path, split: str) -> list[Trajectory]:
        """Sample solutions to the problems of a split, and build trajectories from them."""
        file = directory / f"{split}.jsonl"
        chains = Revisions(f"{self.length}:{self.samples // self.length}")
        collect(
            file,
            training_problems(self.data, split, self.problems, self.validation_problems, self.seed + 2),
            self.generator,
            lambda problem, is_correct: self._sample_attempts(problem, chains),
            _attempts_rows,
            title=f"sampling {split} problems",
            seed=self.seed,
            store=self.store,
            grader=self.grader,
        )
        found = [trajectory for _, row in read_jsonl(file) for trajectory in self._trajectories_of(row)]
        if not found:
            raise UserError(
                f"{file} holds no problem that recipe={self.recipe} can learn from; use another hydra.run.dir with "
                "more problems, more samples or a stronger generator."
            )
        if self.recipe is Recipe.rest_em:
            found = balance_lengths(found, Random(f"{self.seed}-{split}"))
        return found

    def _sample_attempts(self, problem: Problem, chains: Revisions) -> Flow:
        attempts = yield from chains.attempts(problem, self.samples)
        return [Candidate(trace) for chain in attempts for trace in chain]

    def _trajectories_of(self, row: AttemptsRow) -> list[Trajectory]:
        rng = Random(f"{self.seed}-{row['id']}")  # one problem's draws do not depend on the others
        attempts = [Attempt(text, correct, tuple(shown)) for text, correct, shown in row["attempts"]]
        if self.recipe is Recipe.chains:
            return build_chain_trajectories(row["question"], attempts, rng)
        if self.recipe is Recipe.rest_em:
            return build_rest_em_trajectories(row["question"], attempts)
        correct = [attempt.text for attempt in attempts if attempt.correct]
        wrong = [attempt.text for attempt in attempts if not attempt.correct]
        return build_trajectories(row["question"], correct, wrong, self.recipe, rng)


class PastMinimum:
    """Early stopping: ends the training when the validation loss has had no new minimum for some evaluations.

    The losses are kept in `file`, by step, so that a resumed training knows the earlier ones.
    """

    def __init__(self, file: Path, past_minimum: int, held_out: Sequence[EncodedDocument]) -> None:
        self._file, self._past_minimum, self._held_out = file, past_minimum, held_out
        self.losses: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def evaluate(self, model: Any, step: int) -> str:
        """Measure and record the validation loss; return a line to show."""
        import torch

        total = tokens = 0.0
        with torch.inference_mode():
            lengths = list(map(document_length, self._held_out))
            max_tokens = min(pass_tokens(model), LOGITS_PER_PASS // model.config.vocab_size)
            for chosen in passes(lengths, max_tokens):
                documents = [self._held_out[i] for i in chosen]
                batch = {name: tensor.to(pick_device()) for name, tensor in collate_documents(documents).items()}
                targets = sum(len(target) for _, target in documents)
                total += float(language_model_loss(model, batch)) * targets
                tokens += targets
        # A training that was killed after its last checkpoint repeats some steps: their losses are replaced.
        self.losses = {key: loss for key, loss in self.losses.items() if int(key) < step} | {str(step): total / tokens}
        write_text(self._file, json.dumps(self.losses, indent=2))
        return f"validation loss {total / tokens:.4f}"

    def should_stop(self) -> bool:
        """Whether `past_minimum` evaluations have passed since the smallest loss."""
        losses = list(self.losses.values())
        return len(losses) - losses.index(min(losses)) > self._past_minimum if losses else False


def _attempts_rows(outcome: Outcome, is_correct: IsCorrect) -> Iterable[AttemptsRow]:
    graded = [(candidate.trace, is_correct(candidate.trace)) for candidate in outcome.candidates]
    yield {
        "id": outcome.problem.id,
        "question": outcome.problem.question,
        "attempts": [
            (trace.text, correct, [attempt.text for attempt in trace.attempts])
            for trace, correct in graded
            if correct is not None
        ],
    }
