"""Every generator preset composes into a config that is valid before anything is downloaded."""

from __future__ import annotations

from typing import Any

import pytest
from hydra import compose, initialize_config_dir

import ttc.engines.vllm_setup
from ttc.app.registry import config_directory, instantiate, register_run
from ttc.config import RunConfig
from ttc.engines.generator import VllmGenerator

NAMES = sorted(path.stem for path in (config_directory() / "generator").glob("*.yaml"))
PRESETS = [name for name in NAMES if "server" not in name]  # a server's model is known to the server alone
FOR_ANY_MODEL = {"base", "chat", "deepseek-r1-distill", "qwen3", "qwen3-thinking"}


def preset(name: str, *overrides: str) -> VllmGenerator:
    register_run()
    given = ["generator.model=someone/model"] if name in FOR_ANY_MODEL else []
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        run: Any = instantiate(compose("run", [f"generator={name}", *given, *overrides]))
    assert isinstance(run, RunConfig) and isinstance(run.generator, VllmGenerator)
    return run.generator


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hub ids that were asked for, of a hub that has every model."""
    asked: list[str] = []
    monkeypatch.setattr(ttc.engines.vllm_setup, "check_available", lambda key, model, revision: asked.append(model))
    return asked


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid_before_anything_is_downloaded(name: str, hub: list[str]) -> None:
    generator = preset(name)
    generator.check()
    assert name.startswith("pocket") or hub == [generator.model]


@pytest.mark.parametrize("name", sorted(set(PRESETS) - FOR_ANY_MODEL))
def test_a_preset_names_the_model_that_it_is_called_after(name: str) -> None:
    words = name.replace("_", "-").split("-")
    assert all(word in preset(name).model.lower() for word in words)


@pytest.mark.parametrize("name", [name for name in PRESETS if not name.startswith("pocket")])
def test_every_chat_leaves_room_for_a_solution_of_max_tokens(name: str) -> None:
    generator = preset(name)
    assert generator.max_model_len is not None and generator.max_tokens < generator.max_model_len


def test_one_switch_turns_the_thinking_of_every_qwen3_on() -> None:
    for name in [name for name in PRESETS if name.startswith("qwen3") and name != "qwen3-thinking"]:
        assert preset(name).template_kwargs == {"enable_thinking": False} and not preset(name).ends_in_thought("2")
        thinking = preset(name, "generator.thinking=true")
        assert thinking.template_kwargs == {"enable_thinking": True} and thinking.ends_in_thought("2")


def test_a_base_model_is_shown_four_worked_examples_and_stops_before_a_problem_of_its_own() -> None:
    base = preset("base")
    text = base.text("What is 1+1?")
    assert text.count("Problem:\n") == text.count("Solution:\n") == 5 and text.count("\\boxed{") == 4
    assert text.endswith("}$.\n\nProblem:\nWhat is 1+1?\n\nSolution:\n")
    assert all(solution.count(base.step_separator) >= 2 for _, solution in base.examples())
    assert base.stop[0] in text and not any(base.stop[0] in solution for _, solution in base.examples())
