"""Training the revision model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ttc.engines.checkpoint import POCKET_WEIGHTS
from ttc.engines.generator import VllmGenerator
from ttc.errors import UserError
from ttc.pocket.tokenizer import train_tokenizer
from ttc.training.loop import Optimisation
from ttc.training.reviser import PastMinimum, ReviserTraining
from ttc.training.trajectories import Recipe


@pytest.mark.parametrize(
    ("losses", "past_minimum", "stop"),
    [([], 1, False), ([3.0, 2.0], 1, False), ([3.0, 2.0, 2.1], 1, True), ([3.0, 2.0, 2.1], 2, False)],
)
def test_training_stops_slightly_past_the_minimum_of_the_validation_loss(
    losses: list[float], past_minimum: int, stop: bool, tmp_path: Path
) -> None:
    file = tmp_path / "losses.json"
    file.write_text(json.dumps({str(10 * n): loss for n, loss in enumerate(losses, start=1)}))
    assert PastMinimum(file, past_minimum, [([1], [2])]).should_stop() is stop


def test_a_reviser_is_trained_on_its_own_attempts_and_is_a_generator(tmp_path: Path) -> None:
    training = ReviserTraining(
        problems=6, validation_problems=4, samples=4, optimisation=Optimisation(steps=2), evaluate_every=1
    )
    training.run(tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["trajectories"] > 0 and list(report["validation_losses"]) == ["1", "2"]
    assert report["validation_losses"] == json.loads((tmp_path / "validation_losses.json").read_text())
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert len(rows) == 6 and all(len(row["attempts"]) <= 4 for row in rows)
    VllmGenerator(model=str(tmp_path / "model")).check()


def test_a_reviser_is_trained_on_its_own_chains(tmp_path: Path) -> None:
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


def test_a_rest_em_reviser_is_trained_on_its_own_successes_from_another_model(tmp_path: Path) -> None:
    training = ReviserTraining(
        generator=VllmGenerator(model="pocket-reviser"),
        start="pocket",
        problems=12,
        validation_problems=6,
        samples=8,
        length=4,
        recipe=Recipe.rest_em,
        optimisation=Optimisation(steps=2, learning_rate=1e-12),
        evaluate_every=1,
    )
    training.check()
    training.run(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    successes = sum(correct for row in rows for _, correct, _ in row["attempts"])
    assert 0 < json.loads((tmp_path / "report.json").read_text())["trajectories"] <= successes + 3  # rounded up
    trained, generator = (
        load_file(directory / "model.safetensors") for directory in (tmp_path / "model", POCKET_WEIGHTS / "generator")
    )
    assert all(torch.equal(trained[name], weights) for name, weights in generator.items())


def test_a_reviser_to_start_from_must_have_the_generators_tokenizer(tmp_path: Path) -> None:
    shutil.copytree(POCKET_WEIGHTS / "reviser", tmp_path / "other")
    train_tokenizer(["a few words only"]).save_pretrained(tmp_path / "other")
    with pytest.raises(
        UserError, match=r"start=.*other has another vocabulary than generator\.model=pocket; use a model"
    ):
        ReviserTraining(start=str(tmp_path / "other")).check()


def test_a_reviser_cannot_start_from_a_verifier() -> None:
    with pytest.raises(UserError, match=r"start=pocket-prm is a verifier .* generates no text; use .* start=pocket\."):
        ReviserTraining(start="pocket-prm").check()


def test_without_a_solved_problem_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    training = ReviserTraining(generator=VllmGenerator(max_tokens=1), problems=2, samples=2)  # too short for any answer
    with pytest.raises(UserError, match=r"train\.jsonl holds no problem that recipe=own can learn from; use another"):
        training.run(tmp_path)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (ReviserTraining(samples=1), "samples=1 must be at least 2"),
        (ReviserTraining(past_minimum=0), "past_minimum=0 must be at least 1; use e.g. 2"),
        (ReviserTraining(recipe=Recipe.chains), "recipe=chains does not fit length=1"),
        (ReviserTraining(recipe=Recipe.rest_em), "recipe=rest_em does not fit length=1"),
        (ReviserTraining(samples=16, length=8), "recipe=own does not fit length=8"),
        (
            ReviserTraining(recipe=Recipe.chains, samples=16, length=5),
            "samples=16 cannot be split into chains of length=5; use a multiple, e.g. samples=20 length=5",
        ),
    ],
)
def test_impossible_settings_of_a_reviser_are_refused(training: ReviserTraining, message: str) -> None:
    with pytest.raises(UserError, match=message):
        training.check()
