"""A policy is a file that people can read, and that is refused where it does not say what it must."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from ttc.errors import UserError
from ttc.models import ModelId
from ttc.policy import Choice, Policy

POLICY = Policy(
    generator=ModelId("pocket", "g1", 12_345),
    verifier=ModelId("pocket-prm", "v1"),
    edges=(0.8, 0.25),
    strategies={"beam": {"_target_": "ttc.strategies.beam.Beam", "width": 4}, "best_of_n": {"_target_": "a.B"}},
    choices={
        4: (Choice("best_of_n", "weighted"),) * 3,
        16: (Choice("best_of_n", "majority"), Choice("beam", "weighted"), Choice("best_of_n", "weighted")),
    },
)


def test_a_policy_survives_its_file_with_comments_above(tmp_path: Path) -> None:
    POLICY.save(tmp_path / "policy.yaml", "made from\n2 runs")
    assert Policy.load(tmp_path / "policy.yaml") == POLICY
    assert (tmp_path / "policy.yaml").read_text().startswith("# made from\n# 2 runs\nversion: 1\n")


def test_a_policy_may_have_no_verifier_and_a_single_bin(tmp_path: Path) -> None:
    single = Policy(POLICY.generator, None, (), POLICY.strategies, {2: (Choice("beam", "majority"),)})
    single.save(tmp_path / "policy.yaml")
    assert Policy.load(tmp_path / "policy.yaml") == single and single.bin_of(0.3) == 1


@pytest.mark.parametrize(("value", "number"), [(1, 1), (0.8, 1), (0.79, 2), (0.25, 2), (0.24, 3), (math.nan, 3)])
def test_a_value_at_an_edge_is_in_the_easier_bin(value: float, number: int) -> None:
    assert POLICY.bin_of(value) == number


@pytest.mark.parametrize(("budget", "used"), [(1, 4), (4, 4), (15, 4), (16, 16), (1000, 16)])
def test_the_choices_are_those_of_the_largest_budget_that_is_not_exceeded(budget: int, used: int) -> None:
    assert POLICY.budget_for(budget) == used
    assert [POLICY.choice(budget, number) for number in (1, 2, 3)] == list(POLICY.choices[used])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "version 2, where this ttc reads 1"),
        ({"edges": [0.2, 0.8]}, "edges [0.2, 0.8] do not fall"),
        ({"edges": [math.nan]}, "edges [nan] do not fall"),
        ({"edges": ["easy"]}, "'easy' is not a number"),
        ({"edges": None}, "not iterable"),
        ({"choices": {}}, "no choices"),
        ({"choices": {4: []}}, "0 choices at budget 4, where 2 edges make 3"),
        ({"choices": {0: []}}, "budget 0 is not a whole number of at least 1"),
        ({"choices": {"4": []}}, "budget '4' is not a whole number of at least 1"),
        ({"choices": {4: [{"strategy": "dvts", "selection": "weighted"}]}}, "strategy 'dvts' at budget 4 is not"),
        ({"choices": {4: [{"strategy": "beam"}]}}, "no 'selection'"),
        ({"strategies": {"beam": {"width": 4}}}, "strategy 'beam' has no _target_"),
        ({"strategies": ["beam"]}, "no attribute 'items'"),
        ({"generator": "pocket"}, "string indices"),
        ({"prm": {"name": "x"}}, "no 'fingerprint'"),
    ],
)
def test_what_is_no_policy_is_refused_on_one_line(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(POLICY.to_json() | change))
    with pytest.raises(UserError) as error:
        Policy.load(file)
    message = str(error.value)
    assert message.startswith(f"{file} is not a policy (") and reason in message and "\n" not in message
    assert message.endswith("; give a policy that `ttc optimal` wrote.")


@pytest.mark.parametrize("text", ["a: [", "\x00", "- 1\n- 2\n", "", "!!python/object:os.system x"])
def test_what_is_no_mapping_in_yaml_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=r"is not (YAML|a policy \(not a mapping\)); give a policy"):
        Policy.load(file)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            Policy.load(path)
