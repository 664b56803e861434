"""The trainings, in small: they learn, resume, and measure what they say they measure."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
from dataclasses import fields, replace
from pathlib import Path
from random import Random

import pytest
import torch
from transformers import AutoTokenizer

from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.engines.verifier_formats import RevisionFormat
from ttc.errors import UserError
from ttc.pocket.pen import Pen
from ttc.pocket.problems import drafts
from ttc.pocket.tokenizer import train_tokenizer
from ttc.training.claim import claim
from ttc.training.corpus import Corpus
from ttc.training.generator import IGNORED, GeneratorTraining, LlamaShape, build_llama, language_model_loss, pad
from ttc.training.loop import Optimisation, Precision, Switch, train
from ttc.training.orm import OrmTraining, RevisionVerifierTraining
from ttc.training.prm import PrmTraining
from ttc.training.reviser import PastMinimum, ReviserTraining
from ttc.training.rollouts import MonteCarlo
from ttc.training.trajectories import Recipe
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
from ttc.training.verifier import VerifierTraining

TINY = LlamaShape(hidden_size=16, layers=1, heads=2, ffn_size=32)


def texts(count: int) -> list[str]:
    documents = itertools.islice(drafts("train", 11), count)
    return [f"{d.question}\n{''.join(d.solution(Pen(Random(1), d.level))[0])}" for d in documents]


def test_the_tokenizer_gives_back_every_text_and_never_puts_a_newline_inside_a_token() -> None:
    corpus = texts(2000)
    tokenizer = train_tokenizer(corpus)
    for text in corpus[:200]:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        tokens = [tokenizer.decode([token]) for token in ids]
        assert all("\n" not in token[:-1] for token in tokens)
    assert all(len(tokenizer(str(n), add_special_tokens=False)["input_ids"]) == 1 for n in range(100))


def training(steps: int) -> GeneratorTraining:
    return GeneratorTraining(
        shape=TINY,
        optimisation=Optimisation(steps=steps, warmup_steps=2, precision=Precision.float32),
        batch_documents=64,
        tokenizer_documents=300,
    )


def test_a_trained_generator_is_a_checkpoint_that_transformers_loads(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    training(3).run(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert model.config.num_hidden_layers == 1
    assert tokenizer("1")["input_ids"][0] == tokenizer.bos_token_id


def linear_batch(step: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(8, 4, generator=generator)
    return {"x": x, "y": x.sum(1, keepdim=True), "n_tokens": torch.tensor(8)}


def squared_error(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    loss: torch.Tensor = (model(batch["x"]) - batch["y"]).square().mean()
    return loss


def fitted(directory: Path, *, stop_at: int | None, fingerprint: str = "same") -> torch.nn.Module:
    """A linear fit of 40 steps; `stop_at` kills it there."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1)
    optimisation = Optimisation(
        steps=40, learning_rate=0.2, warmup_steps=5, checkpoint_minutes=0, precision=Precision.float32
    )

    def batch_at(step: int) -> dict[str, torch.Tensor]:
        if step == stop_at:
            raise KeyboardInterrupt
        return linear_batch(step)

    train(model, batch_at, squared_error, optimisation, directory, title="fit", fingerprint=fingerprint)
    return model


def test_a_killed_training_goes_on_to_exactly_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    unbroken = fitted(tmp_path / "a", stop_at=None)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "b", stop_at=17)
    resumed = fitted(tmp_path / "b", stop_at=None)
    assert all(torch.equal(p, q) for p, q in zip(unbroken.parameters(), resumed.parameters(), strict=True))
    assert squared_error(unbroken, linear_batch(99)) < 0.5


@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="compiling needs a C++ compiler")
def test_a_compiled_training_gives_the_weights_of_a_plain_one(tmp_path: Path) -> None:
    def trained(compile: Switch) -> dict[str, torch.Tensor]:
        optimisation = Optimisation(steps=3, warmup_steps=2, precision=Precision.float32, compile=compile)
        torch.manual_seed(0)
        model = build_llama(TINY, 20)
        batch = pad([([1, 5, 6], [7, 8, 2]), ([1, 5], [9, 2])])
        train(
            model,
            lambda step: batch,
            language_model_loss,
            optimisation,
            tmp_path / compile,
            title="compiled",
            fingerprint="",
        )
        return dict(model.state_dict())

    plain, compiled = trained(Switch.off), trained(Switch.on)
    assert all(torch.allclose(plain[name], compiled[name], atol=1e-4) for name in plain)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    fitted(tmp_path, stop_at=None)
    with pytest.raises(UserError, match="other settings"):
        fitted(tmp_path, stop_at=None, fingerprint="other")


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth() -> None:
    optimisation = Optimisation(steps=100, learning_rate=1.0, warmup_steps=10)
    rates = [optimisation.learning_rate_at(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0) == rates[10]
    assert rates[10:] == sorted(rates[10:], reverse=True) and rates[100] == pytest.approx(0.01)


def test_the_language_model_loss_counts_solution_tokens_alone() -> None:
    torch.manual_seed(0)
    model = build_llama(TINY, 20).eval()
    batch = pad([([1, 5, 6], [7, 8, 2]), ([1, 5], [9, 2])])
    assert (batch["labels"] != IGNORED).sum() == 5
    expected = []
    for context, target in (([1, 5, 6], [7, 8, 2]), ([1, 5], [9, 2])):
        logs = model(torch.tensor([context + target])).logits[0].log_softmax(-1)
        expected += [-logs[len(context) + i - 1, token].item() for i, token in enumerate(target)]
    assert language_model_loss(model, batch).item() == pytest.approx(sum(expected) / 5, rel=1e-4)


class Constant(torch.nn.Module):
    """A value model whose logit is the same everywhere."""

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.model = lambda input_ids, use_cache: type("Out", (), {"last_hidden_state": input_ids[..., None].float()})
        self.score = lambda hidden: torch.full_like(hidden, logit)


def test_the_value_loss_is_binary_cross_entropy_with_soft_labels_at_step_ends_alone() -> None:
    rows = [Encoded([1, 5, 6, 7], [1, 3], [0.25, 1.0], 1), Encoded([1, 5], [1], [0.0], 1)]
    value = 1 / (1 + math.exp(-0.3))
    expected = [-(t * math.log(value) + (1 - t) * math.log(1 - value)) for t in (0.25, 1.0, 0.0)]
    assert value_loss(Constant(0.3), collate(rows)).item() == pytest.approx(sum(expected) / 3, rel=1e-5)


def test_a_labelled_trace_survives_its_file_with_the_attempts_before_it() -> None:
    trace = LabelledTrace("p", "q?", ("a\n", "b"), (0.5, 1.0), ("c\nd", "e"))
    assert LabelledTrace.of_row(json.loads(json.dumps(trace.to_row()))) == trace
    assert LabelledTrace.of_row(json.loads(json.dumps(replace(trace, attempts=()).to_row()))).attempts == ()


def test_attempts_stand_between_problem_and_solution_and_the_oldest_make_room() -> None:
    tokenizer = AutoTokenizer.from_pretrained(resolve("pocket", "generator"))
    trace = LabelledTrace("p", "Find $1+1$.", ("$1+1=2$\n", "The answer is $\\boxed{2}$."), (1.0, 1.0), ("$3$", "$4$"))
    whole = TraceEncoder(tokenizer, RevisionFormat, 512).encode(trace)
    text = "<s>Find $1+1$.\n$3$\n</s>$4$\n</s>$1+1=2$\nThe answer is $\\boxed{2}$.\n"
    assert tokenizer.decode(whole.ids) == text
    assert tokenizer.decode(whole.ids[whole.solution_start : whole.ends[0] + 1]) == "$1+1=2$\n"
    shorter = TraceEncoder(tokenizer, RevisionFormat, len(whole.ids) - 1).encode(trace)
    assert tokenizer.decode(shorter.ids) == text.replace("$3$\n</s>", "")
    assert tokenizer.decode(TraceEncoder(tokenizer).encode(trace).ids) == text.replace("$3$\n</s>$4$\n</s>", "")


def tiny_corpus(seed: int = 0) -> Corpus[tuple[list[int], list[int]]]:
    rows = [([n], [n] * (n % 7)) for n in range(40)]
    return Corpus(rows, 4, seed, lambda row: len(row[1]), pad)


def test_an_epoch_holds_every_document_once_and_each_epoch_is_shuffled_anew() -> None:
    corpus = tiny_corpus()
    epochs = [
        [corpus.batch_at(10 * epoch + step)["input_ids"][:, 0].tolist() for step in range(10)] for epoch in (0, 1)
    ]
    assert all(sorted(n for batch in epoch for n in batch) == list(range(40)) for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert tiny_corpus().batch_at(13)["input_ids"].equal(corpus.batch_at(13)["input_ids"])
    assert not tiny_corpus(1).batch_at(13)["input_ids"].equal(corpus.batch_at(13)["input_ids"])


def test_training_ends_when_it_is_told_that_it_is_enough(tmp_path: Path) -> None:
    seen: list[int] = []

    def evaluate(model: torch.nn.Module, step: int) -> str:
        seen.append(step)
        return ""

    for _ in range(2):  # the second time there is nothing left to do
        train(
            torch.nn.Linear(4, 1),
            linear_batch,
            squared_error,
            Optimisation(steps=100, precision=Precision.float32),
            tmp_path,
            title="fit",
            fingerprint="",
            evaluate=evaluate,
            evaluate_every=10,
            is_enough=lambda: len(seen) == 3,
        )
    assert seen == [10, 20, 30]


@pytest.mark.parametrize(
    ("losses", "past", "enough"),
    [([], 1, False), ([3.0, 2.0], 1, False), ([3.0, 2.0, 2.1], 1, True), ([3.0, 2.0, 2.1], 2, False)],
)
def test_a_reviser_is_enough_a_little_past_the_minimum_of_its_validation_loss(
    losses: list[float], past: int, enough: bool, tmp_path: Path
) -> None:
    file = tmp_path / "losses.json"
    file.write_text(json.dumps({str(10 * n): loss for n, loss in enumerate(losses, start=1)}))
    assert PastMinimum(file, past, [([1], [2])]).is_enough() is enough


def test_a_reviser_learns_from_its_own_attempts_and_is_a_generator(tmp_path: Path) -> None:
    training = ReviserTraining(
        problems=6, validation_problems=4, samples=4, optimisation=Optimisation(steps=2), evaluate_every=1
    )
    training.run(tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["trajectories"] > 0 and next(iter(report["validation_losses"])) == "1"
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert len(rows) == 6 and all(len(row["attempts"]) <= 4 for row in rows)
    VllmGenerator(model=str(tmp_path / "model")).check()


def test_a_reviser_learns_from_its_own_chains(tmp_path: Path) -> None:
    training = ReviserTraining(
        generator=VllmGenerator(model="pocket-reviser"),
        problems=6,
        validation_problems=4,
        samples=8,
        length=4,
        recipe=Recipe.chains,
        optimisation=Optimisation(steps=2),
        evaluate_every=1,
    )
    training.check()
    training.run(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    lengths = {len(shown) for row in rows for _, _, shown in row["attempts"]}
    assert lengths == {0, 1, 2, 3} and all(len(row["attempts"]) <= 8 for row in rows)


@pytest.mark.parametrize(
    ("training", "told"),
    [
        (ReviserTraining(recipe=Recipe.chains), "recipe=chains with length=1"),
        (ReviserTraining(samples=16, length=8), "recipe=own with length=8"),
        (ReviserTraining(recipe=Recipe.chains, samples=16, length=5), "samples=16 are no whole chains of length=5"),
    ],
)
def test_a_reviser_learns_from_chains_only_where_it_makes_some(training: ReviserTraining, told: str) -> None:
    with pytest.raises(UserError, match=told):
        training.check()


def test_a_directory_of_samples_goes_on_with_their_own_settings_alone(tmp_path: Path) -> None:
    few = OrmTraining(problems=2, optimisation=Optimisation(steps=1))
    claim(tmp_path / "new", few)
    for same in (
        few,
        replace(few, optimisation=Optimisation(steps=9), evaluate_every=7),
        replace(few, generator=VllmGenerator(model=resolve("pocket", "generator"), max_num_seqs=8)),
    ):
        claim(tmp_path / "new", same)
    for other, told in (
        (replace(few, problems=3), "made with problems=2, not 3"),
        (replace(few, generator=VllmGenerator(temperature=0.5)), "made with generator.temperature=1.0, not 0.5"),
        (
            replace(few, generator=VllmGenerator(model="pocket-reviser")),
            r"made with generator\.model=pocket \(\w+\), not pocket-reviser \(\w+\)",
        ),
    ):
        with pytest.raises(UserError, match=told):
            claim(tmp_path / "new", other)


def test_models_of_the_hub_count_by_their_names(tmp_path: Path) -> None:
    first, second = (ReviserTraining(generator=VllmGenerator(model=f"someone/{name}")) for name in ("one", "two"))
    claim(tmp_path, first)
    claim(tmp_path, first)
    with pytest.raises(UserError, match=r"made with generator\.model=someone/one, not someone/two"):
        claim(tmp_path, second)


def test_settings_that_only_fit_may_change_between_sampling_and_fitting(tmp_path: Path) -> None:
    for training in (ReviserTraining(), PrmTraining(), OrmTraining(), RevisionVerifierTraining()):
        assert training.fitting <= {field.name for field in fields(training)}
    claim(tmp_path / "chains", RevisionVerifierTraining())
    claim(tmp_path / "chains", RevisionVerifierTraining(history=False))
    claim(tmp_path / "rollouts", PrmTraining())
    with pytest.raises(UserError, match="made with monte_carlo="):
        claim(tmp_path / "rollouts", PrmTraining(monte_carlo=MonteCarlo(samples=3, rollouts=1)))


def test_samples_of_unknown_settings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{}\n")
    with pytest.raises(UserError, match=r"settings are not known; choose another hydra\.run\.dir"):
        ReviserTraining(problems=1).run(tmp_path)


def test_a_verifier_goes_on_from_another_one() -> None:
    model = load_value_model(resolve("pocket", "prm"))
    row = Encoded([5, 6, 7, 8], [3], [1.0], 1)
    fresh = build_value_model(resolve("pocket", "generator"), 2)
    assert values_of(model, [row]) != values_of(fresh, [row]) == [[0.5]]


def test_a_verifier_cannot_go_on_from_one_that_reads_other_tokens(tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(resolve("pocket", "generator"), other)
    train_tokenizer(["a few words only"]).save_pretrained(other)
    with pytest.raises(UserError, match="start=pocket reads other tokens"):
        RevisionVerifierTraining(generator=VllmGenerator(model=str(other))).check()
    RevisionVerifierTraining(generator=VllmGenerator(model=str(other)), start=None).check()


@pytest.mark.parametrize(
    "training",
    [
        OrmTraining(samples=2),
        PrmTraining(monte_carlo=MonteCarlo(samples=1, rollouts=1)),
        RevisionVerifierTraining(generator=VllmGenerator(), length=2),
    ],
    ids=lambda training: training.title,
)
def test_a_verifiers_training_leaves_a_checkpoint_and_tells_how_good_it_is(
    training: VerifierTraining, tmp_path: Path
) -> None:
    small = replace(
        training,
        problems=6,
        validation_problems=6,
        validation_samples=4,
        batch_traces=4,
        optimisation=Optimisation(steps=2),
        evaluate_every=1,
    )
    small.check()
    small.run(tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert {"bce", "calibration_error", "auc_within_problem", "reliability", "curves"} <= set(report)
    assert list(report["curves"]["weighted"]) == ["1", "2", "4"]
    assert (tmp_path / "report.png").stat().st_size > 0
    VllmVerifier(model=str(tmp_path / "model")).check()
