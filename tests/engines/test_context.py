"""A run in which no problem fits into the generator's context is refused before any weights load."""

from __future__ import annotations

import pytest
from flows import OTHER, PROBLEM

from ttc.engines.generator import VllmGenerator
from ttc.errors import UserError
from ttc.types import Problem

LONG = Problem("long", "7+8 " * 2000, "15")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            VllmGenerator(max_model_len=3),
            "generator.max_model_len=3: no problem .*, of problem p1, has 1.",
        ),
        (VllmGenerator(engine_args={"max_model_len": 4}), "generator.max_model_len=4: no problem leaves room"),
        (VllmGenerator(prompt="{question}" + "+ " * 900), "generator.model=pocket: no problem .* the context 512;"),
    ],
)
def test_a_context_that_no_problem_fits_into_is_refused(config: VllmGenerator, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        config.check_problems([PROBLEM, OTHER])
    assert "\n" not in str(error.value)


def test_the_shortest_problem_is_named() -> None:
    with pytest.raises(UserError, match=r"of problem p1, has \d+ tokens, and the context 5"):
        VllmGenerator(max_model_len=5).check_problems([LONG, PROBLEM])


def test_one_problem_that_fits_is_enough() -> None:
    VllmGenerator().check_problems([LONG, PROBLEM])
    with pytest.raises(UserError, match="of problem long, has"):
        VllmGenerator().check_problems([LONG])


def test_nothing_is_refused_that_cannot_be_known() -> None:
    VllmGenerator(model="owner/not-downloaded").check_problems([LONG])
    VllmGenerator(max_model_len=3, engine_args={"tokenizer": "another"}).check_problems([PROBLEM])
    VllmGenerator(engine_args={"hf_overrides": {"max_position_embeddings": 10**6}}).check_problems([LONG])
    VllmGenerator().check_problems([])
