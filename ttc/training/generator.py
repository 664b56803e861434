"""`ttc train generator`: train the pocket generator, a small Llama, on solutions as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from ttc.errors import UserError
from ttc.files import write_json
from ttc.pocket.pen import Pen
from ttc.pocket.problems import Draft, drafts
from ttc.pocket.tokenizer import train_tokenizer
from ttc.training.base import Training
from ttc.training.claim import recorded_settings
from ttc.training.corpus import split_into_passes
from ttc.training.directories import whole_directory
from ttc.training.language_model import (
    EncodedDocument,
    LlamaShape,
    build_llama,
    collate_documents,
    document_length,
    language_model_loss,
    save_checkpoint,
)
from ttc.training.loop import Batch, Optimisation, train_model
from ttc.training.processes import is_main, wait_for_file

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_RECORD = "settings.json"
DOCUMENTS_PER_POOL = 4096  # sorted by length, so that the documents of a batch need little padding


@dataclass
class GeneratorTraining(Training):
    """Train a tokenizer and a generator; writes a directory that transformers and vLLM load."""

    seed: int = 0
    shape: LlamaShape = field(default_factory=LlamaShape)
    optimisation: Optimisation = field(default_factory=Optimisation)
    batch_documents: int = 64
    tokenizer_documents: int = 20_000

    def check(self) -> None:
        self.optimisation.check()
        if self.optimisation.epochs is not None:
            raise UserError(
                f"optimisation.epochs={self.optimisation.epochs}: pocket problems are drawn without end, so that there "
                "are no epochs; use e.g. optimisation.steps=12000."
            )

    def run(self, directory: Path) -> None:
        import torch

        torch.manual_seed(self.seed)
        self._bind(directory)
        tokenizer = self._tokenizer(directory / "tokenizer")
        corpus = PocketCorpus(tokenizer, self.seed, self.batch_documents, self.optimisation.pass_tokens)
        model = build_llama(self.shape, len(tokenizer))
        train_model(
            model,
            corpus.batch_at,
            language_model_loss,
            self.optimisation,
            directory,
            title="generator",
            fingerprint=repr(self),
        )
        if is_main():
            save_checkpoint(model, tokenizer, directory / "model")

    def refuse_directory(self, directory: Path) -> None:
        file = directory / _RECORD
        if file.exists() and recorded_settings(file) != {"settings": repr(self)}:
            raise UserError(f"{directory} holds a training of other settings; choose another hydra.run.dir.")

    def _bind(self, directory: Path) -> None:
        """Record the settings: the tokenizer is trained first, and depends on them too."""
        self.refuse_directory(directory)
        if is_main() and not (directory / _RECORD).exists():
            write_json(directory / _RECORD, {"settings": repr(self)})

    def _tokenizer(self, directory: Path) -> PreTrainedTokenizerBase:
        """Load the tokenizer, which the main process trains first unless an interrupted run has left one."""
        from transformers import PreTrainedTokenizerFast

        if not is_main():
            wait_for_file(directory)
        elif not directory.exists():
            documents = islice(drafts("train", self.seed), self.tokenizer_documents)
            texts = (f"{draft.question}\n{solution}" for draft, solution in _write_solutions(documents, self.seed))
            with whole_directory(directory) as draft:
                train_tokenizer(texts).save_pretrained(draft)
        return PreTrainedTokenizerFast.from_pretrained(directory)


def _write_solutions(problems: Iterable[Draft], seed: int) -> list[tuple[Draft, str]]:
    rng = Random(f"pen-{seed}")
    return [(draft, "".join(draft.solution(Pen(rng, draft.level))[0])) for draft in problems]


class PocketCorpus:
    """Endless batches of problems with solutions, one document per problem, drawn from the training split."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, seed: int, batch_documents: int, pass_tokens: int | None = None
    ) -> None:
        self._tokenizer, self._seed = tokenizer, seed
        self._batch_documents, self._pass_tokens = batch_documents, pass_tokens
        self._pool = lru_cache(maxsize=1)(self._draw_pool)

    def batch_at(self, step: int) -> list[Batch]:
        """Return the passes of a step: `input_ids` and `labels` (B, T), padded; the labels cover the solution."""
        per_pool = DOCUMENTS_PER_POOL // self._batch_documents
        return self._pool(step // per_pool)[step % per_pool]

    def _draw_pool(self, index: int) -> list[list[Batch]]:
        seed = 1 + self._seed * 1_000_003 + index
        written = _write_solutions(islice(drafts("train", seed), DOCUMENTS_PER_POOL), seed)
        questions = self._encode([f"{draft.question}\n" for draft, _ in written])
        solutions = self._encode([solution for _, solution in written])
        bos, eos = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        documents: list[EncodedDocument] = [
            ([bos, *question], [*solution, eos]) for question, solution in zip(questions, solutions, strict=True)
        ]
        documents.sort(key=document_length)
        size = self._batch_documents
        batches = [self._collate(documents[start : start + size]) for start in range(0, len(documents), size)]
        Random(seed).shuffle(batches)
        return batches

    def _collate(self, documents: Sequence[EncodedDocument]) -> list[Batch]:
        return [collate_documents(part) for part in split_into_passes(documents, document_length, self._pass_tokens)]

    def _encode(self, texts: list[str]) -> list[list[int]]:
        encoded: list[list[int]] = self._tokenizer(texts, add_special_tokens=False)["input_ids"]
        return encoded
