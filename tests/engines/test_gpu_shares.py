"""Engines that share a GPU are refused where they claim more than all of its memory."""

from __future__ import annotations

import pytest

import ttc.engines.gpu_shares
from ttc.engines.ensemble import Ensemble
from ttc.engines.generator import VllmGenerator
from ttc.engines.gpu_shares import check_shares
from ttc.engines.verifier import VllmVerifier
from ttc.errors import UserError


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU."""
    monkeypatch.setattr(ttc.engines.gpu_shares, "prepare", lambda: False)


def generator(share: float) -> VllmGenerator:
    return VllmGenerator(gpu_memory_utilization=share)


def verifier(share: float, model: str = "pocket") -> VllmVerifier:
    return VllmVerifier(gpu_memory_utilization=share, model=model)


@pytest.mark.usefixtures("gpu")
def test_shares_of_more_than_the_whole_are_refused() -> None:
    with pytest.raises(UserError) as error:
        check_shares(generator(0.9), verifier(0.4))
    assert str(error.value).startswith(
        "generator.gpu_memory_utilization=0.9, prm.gpu_memory_utilization=0.4: together 1.3 of the GPU's memory"
    )
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("gpu")
def test_shares_that_fit_are_accepted() -> None:
    check_shares(generator(0.5), verifier(0.4))
    check_shares(generator(0.7), verifier(0.3))
    check_shares(generator(0.95), None)
    check_shares(VllmGenerator(), VllmVerifier())


@pytest.mark.usefixtures("gpu")
def test_the_members_of_an_ensemble_count_each_and_the_same_engine_once() -> None:
    check_shares(generator(0.4), Ensemble({"a": verifier(0.4), "b": verifier(0.4)}))
    with pytest.raises(UserError, match=r"prm.members.b.gpu_memory_utilization=0.4: together 1.2 of"):
        check_shares(generator(0.4), Ensemble({"a": verifier(0.4), "b": verifier(0.4, "pocket-orm")}))


@pytest.mark.usefixtures("gpu")
def test_vllms_own_argument_takes_precedence() -> None:
    with pytest.raises(UserError, match=r"generator.gpu_memory_utilization=0.8"):
        check_shares(VllmGenerator(engine_args={"gpu_memory_utilization": 0.8}), verifier(0.4))
    check_shares(VllmGenerator(engine_args={"kv_cache_memory_bytes": 2**30}), verifier(0.9))


def test_on_a_cpu_the_shares_mean_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ttc.engines.gpu_shares, "prepare", lambda: True)
    check_shares(generator(0.9), verifier(0.9))
