"""`ttc run`: all of Hydra, one run or a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import CommandLine, Outcome
from omegaconf import OmegaConf

from ttc import __version__
from ttc.strategies.beam import Beam


def test_the_version_is_printed(ttc: CommandLine) -> None:
    assert ttc("--version") == Outcome(0, f"ttc {__version__}\n", "")


def test_a_run_gets_its_config_and_a_dated_directory_below_the_working_directory(
    ttc: CommandLine, tmp_path: Path
) -> None:
    assert ttc("run", "strategy.width=8", "budget=16") == Outcome(0, "", "")
    [(config, directory)] = ttc.runs
    assert (config.budget, config.strategy) == (16, Beam(width=8))
    assert directory.parent.parent == tmp_path / "outputs"
    assert OmegaConf.load(directory / ".hydra" / "overrides.yaml") == ["strategy.width=8", "budget=16"]
    assert OmegaConf.load(directory / ".hydra" / "config.yaml").strategy.width == 8


def test_the_run_directory_can_be_chosen(ttc: CommandLine, tmp_path: Path) -> None:
    ttc("run", "hydra.run.dir=here")
    assert ttc.runs[0][1] == tmp_path / "here"


@pytest.mark.parametrize("arguments", [["-m", "budget=4,8", "seed=1,2"], ["budget=4,8", "--multirun", "seed=1,2"]])
def test_a_sweep_runs_every_job_in_its_own_directory(ttc: CommandLine, arguments: list[str]) -> None:
    assert ttc("run", *arguments).code == 0
    assert [(config.budget, config.seed) for config, _ in ttc.runs] == [(4, 1), (4, 2), (8, 1), (8, 2)]
    assert [directory.name for _, directory in ttc.runs] == ["0", "1", "2", "3"]


def test_cfg_job_shows_the_composed_config_and_runs_nothing(ttc: CommandLine) -> None:
    outcome = ttc("run", "strategy=majority", "--cfg", "job")
    assert OmegaConf.create(outcome.out).selection == "majority"
    assert (outcome.code, ttc.runs) == (0, [])


def test_help_lists_groups_and_examples(ttc: CommandLine) -> None:
    outcome = ttc("run", "--help")
    assert (
        "strategy: adaptive_consistency, beam, best_of_n, compute_optimal, dvts, lookahead, majority, mcts, particles"
        in outcome.out
    )
    assert "ttc run strategy=beam budget=64" in outcome.out


def test_a_user_defined_config_directory_adds_options(ttc: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mine" / "strategy").mkdir(parents=True)
    (tmp_path / "mine" / "strategy" / "wide.yaml").write_text("defaults: [/Beam@_here_, _self_]\nwidth: 32\n")
    assert ttc("run", "-cd", "mine", "strategy=wide").code == 0
    assert ttc.runs[0][0].strategy == Beam(width=32)


def test_a_user_defined_config_is_found_relative_to_the_working_directory(ttc: CommandLine, tmp_path: Path) -> None:
    parts = "Majority@strategy, /VllmGenerator@generator, /PocketDataset@data, /OracleDifficulty@difficulty"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tiny.yaml").write_text(f"defaults: [/RunConfig, /{parts}, _self_]\nselection: majority\n")
    assert ttc("run", "-cp", "mine", "-cn", "tiny", "budget=2").code == 0
    assert ttc.runs[0][0].budget == 2
