"""Batches of documents."""

from __future__ import annotations

import pytest

from ttc.training.corpus import Corpus, split_into_passes
from ttc.training.language_model import EncodedDocument, collate_documents


def tiny_corpus(seed: int = 0) -> Corpus[EncodedDocument]:
    documents = [([n], [n] * (n % 7)) for n in range(40)]
    return Corpus(documents, 4, seed, lambda document: len(document[1]), collate_documents)


def test_an_epoch_contains_each_document_once_and_epochs_are_shuffled_differently() -> None:
    corpus = tiny_corpus()
    epochs = [
        [corpus.batch_at(10 * epoch + step)[0]["input_ids"][:, 0].tolist() for step in range(10)] for epoch in (0, 1)
    ]
    assert all(sorted(n for batch in epoch for n in batch) == list(range(40)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_a_batch_depends_on_step_and_seed_only() -> None:
    corpus = tiny_corpus()
    corpus.batch_at(2)
    assert tiny_corpus().batch_at(13)[0]["input_ids"].equal(corpus.batch_at(13)[0]["input_ids"])
    assert not tiny_corpus(1).batch_at(13)[0]["input_ids"].equal(corpus.batch_at(13)[0]["input_ids"])


LENGTHS = [3, 3, 4, 7, 8, 8, 9, 20, 21, 22, 40]


def padded(passes: list[list[int]]) -> list[int]:
    return [len(lengths) * max(lengths) for lengths in passes]


def split(pass_tokens: int | None) -> list[list[int]]:
    return [[*lengths] for lengths in split_into_passes(LENGTHS, lambda length: length, pass_tokens)]


def test_a_step_is_one_pass_where_there_is_no_limit() -> None:
    assert split(None) == [LENGTHS]


@pytest.mark.parametrize("pass_tokens", [40, 41, 64, 100, 200, 439, 440, 10_000])
def test_passes_hold_every_document_once_and_at_most_so_many_padded_tokens(pass_tokens: int) -> None:
    passes = split(pass_tokens)
    assert [length for lengths in passes for length in lengths] == LENGTHS
    assert max(padded(passes)) <= pass_tokens


def test_passes_are_as_few_and_as_equal_as_they_can_be() -> None:
    assert padded(split(400)) == [160, 120]  # filled one after another: 220 and 40
    assert len(split(66)) == 3 and max(padded(split(66))) == 66


def test_a_document_longer_than_a_pass_is_computed_by_itself() -> None:
    assert split(1)[-1] == [40] and max(padded(split(1))) == 40


@pytest.mark.parametrize("pass_tokens", [None, 40, 100, 200])
@pytest.mark.parametrize("processes", [2, 3, 4])
def test_each_process_gets_as_many_passes_as_the_others(
    pass_tokens: int | None, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = split(pass_tokens)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    passes = split(pass_tokens)
    assert [length for lengths in passes for length in lengths] == LENGTHS
    assert max(padded(passes)) <= max(padded(alone)) and len(passes) < len(alone) + processes
    assert len(passes) % processes == 0
