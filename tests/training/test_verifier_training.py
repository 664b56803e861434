"""The trainings of all verifiers."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.errors import UserError
from ttc.pocket.tokenizer import train_tokenizer
from ttc.training.loop import Optimisation
from ttc.training.orm import OrmTraining, RevisionVerifierTraining
from ttc.training.prm import PrmTraining
from ttc.training.rollouts import MonteCarlo
from ttc.training.verifier import VerifierTraining


def test_a_verifier_to_start_from_must_have_the_generators_tokenizer(tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(resolve("pocket", "generator"), other)
    train_tokenizer(["a few words only"]).save_pretrained(other)
    with pytest.raises(UserError, match=r"start=pocket has another vocabulary than generator\.model="):
        RevisionVerifierTraining(generator=VllmGenerator(model=str(other))).check()
    RevisionVerifierTraining(generator=VllmGenerator(model=str(other)), start=None).check()


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (OrmTraining(samples=0), "samples=0 must be at least 1; use e.g. 10"),
        (RevisionVerifierTraining(chains=0), "chains=0 length=8 must both be at least 1"),
        (
            RevisionVerifierTraining(validation_samples=10),
            "validation_samples=10 is not a multiple of length=8; use e.g. 8",
        ),
    ],
)
def test_impossible_sizes_are_refused(training: VerifierTraining, message: str) -> None:
    with pytest.raises(UserError, match=message):
        replace(training, generator=VllmGenerator()).check()


@pytest.mark.parametrize(
    "training",
    [
        OrmTraining(samples=2),
        PrmTraining(monte_carlo=MonteCarlo(samples=1, rollouts=1)),
        RevisionVerifierTraining(generator=VllmGenerator(), length=2),
    ],
    ids=lambda training: training.title,
)
def test_a_verifier_training_writes_a_checkpoint_and_a_report_of_its_quality(
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
    assert {"bce", "calibration_error", "ranking", "reliability", "curves"} <= set(report)
    assert list(report["curves"]["weighted"]) == ["1", "2", "4"]
    assert (tmp_path / "report.png").stat().st_size > 0
    VllmVerifier(model=str(tmp_path / "model")).check()
