"""Batches of documents."""

from __future__ import annotations

from ttc.training.corpus import Corpus
from ttc.training.language_model import EncodedDocument, collate_documents


def tiny_corpus(seed: int = 0) -> Corpus[EncodedDocument]:
    documents = [([n], [n] * (n % 7)) for n in range(40)]
    return Corpus(documents, 4, seed, lambda document: len(document[1]), collate_documents)


def test_an_epoch_contains_each_document_once_and_epochs_are_shuffled_differently() -> None:
    corpus = tiny_corpus()
    epochs = [
        [corpus.batch_at(10 * epoch + step)["input_ids"][:, 0].tolist() for step in range(10)] for epoch in (0, 1)
    ]
    assert all(sorted(n for batch in epoch for n in batch) == list(range(40)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_a_batch_depends_on_step_and_seed_only() -> None:
    corpus = tiny_corpus()
    corpus.batch_at(2)
    assert tiny_corpus().batch_at(13)["input_ids"].equal(corpus.batch_at(13)["input_ids"])
    assert not tiny_corpus(1).batch_at(13)["input_ids"].equal(corpus.batch_at(13)["input_ids"])
