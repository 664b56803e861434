"""The settings of the training loop."""

from __future__ import annotations

import pytest

from ttc.errors import UserError
from ttc.training.optimisation import (
    MAX_PARAMETERS_TO_COMPILE,
    Optimisation,
    Precision,
    Switch,
    pick_device,
    reading_dtype,
    should_compile,
)


def test_the_learning_rate_warms_up_and_decays_to_a_hundredth() -> None:
    optimisation = Optimisation(steps=100, learning_rate=1.0, warmup_steps=10)
    rates = [optimisation.learning_rate_at(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0) == rates[10]
    assert rates[10:] == sorted(rates[10:], reverse=True) and rates[100] == pytest.approx(0.01)


def test_epochs_replace_the_steps_and_warm_up_for_a_tenth_of_them_at_most() -> None:
    planned = Optimisation(epochs=2.5).planned(batches_per_epoch=80)
    assert (planned.steps, planned.epochs, planned.warmup_steps) == (200, None, 20)
    assert Optimisation(epochs=2.5).planned(batches_per_epoch=8000).warmup_steps == Optimisation().warmup_steps
    assert Optimisation(epochs=0.01).planned(batches_per_epoch=3).steps == 1


def test_given_steps_are_planned_as_they_are_unless_the_warm_up_exceeds_them() -> None:
    given = Optimisation(steps=400, warmup_steps=100)
    assert given.planned(batches_per_epoch=80) == given
    assert Optimisation(steps=50, warmup_steps=100).planned(batches_per_epoch=80).warmup_steps == 5


def test_what_does_not_affect_the_result_does_not_identify_a_training() -> None:
    assert repr(Optimisation(pass_tokens=100, gradient_checkpointing=True)) == repr(Optimisation())
    assert repr(Optimisation(epochs=2.0)) != repr(Optimisation())


@pytest.mark.parametrize(
    ("optimisation", "message"),
    [
        (Optimisation(steps=0), r"optimisation\.steps=0 must be at least 1; use e\.g\. 1000\."),
        (Optimisation(pass_tokens=0), r"optimisation\.pass_tokens=0 must be at least 1; use e\.g\. 8192\."),
        (Optimisation(epochs=0.0), r"optimisation\.epochs=0\.0 must be a finite number above 0; use e\.g\. 2\."),
        (Optimisation(epochs=float("inf")), r"optimisation\.epochs=inf must be a finite number above 0"),
        (Optimisation(learning_rate=0.0), r"optimisation\.learning_rate=0\.0 must be a finite number above 0"),
        (Optimisation(learning_rate=float("nan")), r"optimisation\.learning_rate=nan must be a finite number above 0"),
        (Optimisation(clip_norm=-1.0), r"optimisation\.clip_norm=-1\.0 must be a finite number above 0"),
        (Optimisation(warmup_steps=-1), r"optimisation\.warmup_steps=-1 must be a finite number of at least 0"),
        (Optimisation(weight_decay=-0.1), r"optimisation\.weight_decay=-0\.1 must be a finite number of at least 0"),
        (Optimisation(checkpoint_minutes=-1.0), r"optimisation\.checkpoint_minutes=-1\.0 must be a finite number"),
        (Optimisation(betas=(0.9, 1.0)), r"optimisation\.betas=\[0\.9, 1\.0\] must both be at least 0 and below 1"),
    ],
)
def test_impossible_values_are_refused(optimisation: Optimisation, message: str) -> None:
    with pytest.raises(UserError, match=message):
        optimisation.check()


def test_the_defaults_are_possible() -> None:
    Optimisation().check()
    Optimisation(epochs=0.5, pass_tokens=1, warmup_steps=0, weight_decay=0.0, checkpoint_minutes=0.0).check()


def test_only_small_models_and_long_trainings_are_compiled_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "sh")  # any program that exists
    assert should_compile(Switch.auto, 500, MAX_PARAMETERS_TO_COMPILE)
    assert not should_compile(Switch.auto, 499, 1_000_000)
    assert not should_compile(Switch.auto, 10_000, MAX_PARAMETERS_TO_COMPILE + 1)
    assert should_compile(Switch.on, 1, MAX_PARAMETERS_TO_COMPILE + 1)
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert not should_compile(Switch.auto, 500, 1_000_000)


def test_a_gpu_is_left_alone_when_the_launcher_was_asked_for_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert pick_device() == "cuda"
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    assert pick_device() == "cpu"


@pytest.mark.parametrize("computes_in_it", [True, False])
def test_unchanging_weights_are_read_in_bfloat16_where_that_loses_nothing_and_is_faster(
    monkeypatch: pytest.MonkeyPatch, computes_in_it: bool
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: computes_in_it)
    assert reading_dtype(Precision.auto, "bfloat16") == ("bfloat16" if computes_in_it else "float32")
    assert reading_dtype(Precision.auto, "float16") == reading_dtype(Precision.auto, "float32") == "float32"
    assert reading_dtype(Precision.bfloat16, "float32") == "bfloat16"
    assert reading_dtype(Precision.float32, "bfloat16") == "float32"
