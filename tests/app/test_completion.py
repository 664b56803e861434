"""Shell completion offers what Hydra accepts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from heavy_imports import PROBE

from ttc.app.completion import complete
from ttc.app.registry import register_run, register_training


def completions(*words: str) -> list[str]:
    register_run()
    return complete("run", words[:-1], words[-1])


def test_tab_completes_groups_options_and_keys() -> None:
    assert {"strategy=", "strategy.", "generator=", "budget="} <= set(completions(""))
    assert not any(name.startswith(("hydra", "train")) for name in completions(""))
    assert completions("generator=qwen2.5-m") == [
        "generator=qwen2.5-math-1.5b",
        "generator=qwen2.5-math-72b",
        "generator=qwen2.5-math-7b",
    ]
    assert completions("strategy.") == ["strategy.rounds=", "strategy.width="]
    assert {"hydra/launcher=basic", "hydra/launcher=ray"} <= set(completions("hydra/laun"))


def test_tab_after_a_lone_key_shows_its_values_at_once() -> None:
    assert completions("see") == ["seed=0"]
    assert completions("strategy=majority", "stra") == ["strategy.", "strategy="]


def test_tab_completes_keys_of_the_chosen_option_in_a_sweep_too() -> None:
    assert completions("-m", "budget=4,16", "data=jsonl", "data.pa") == ["data.path="]
    assert completions("-m", "strategy=beam,ma") == ["strategy=beam,majority"]


def test_tab_survives_bash_which_splits_words_at_the_equals_sign() -> None:
    assert completions("strategy", "=", "be") == ["beam", "best_of_n"]
    assert {"beam", "best_of_n", "majority"} <= set(completions("strategy", ""))  # the cursor right after the sign
    assert completions("prm", "=", "none", "strategy", "=", "ma") == ["majority"]


def test_tab_offers_trackers_to_runs_alone() -> None:
    assert completions("tracker=") == ["tracker=mlflow", "tracker=none", "tracker=tensorboard", "tracker=wandb"]
    assert completions("tracker=wandb", "tracker.mo") == ["tracker.mode="]
    register_training()
    assert not any(name.startswith("tracker") for name in complete("train/prm", [], ""))


def test_tab_after_an_error_is_silent() -> None:
    assert completions("strategy=baem", "zzz") == []


def test_tab_completes_a_trainings_keys() -> None:
    register_training()
    assert complete("train/generator", [], "se") == ["seed=0"]
    assert complete("train/prm", [], "trainable=") == ["trainable=all", "trainable=head", "trainable=lora"]
    assert "trainable=" in complete("train/prm", [], "")


def test_a_shells_tab_is_answered_without_heavy_imports(tmp_path: Path) -> None:
    shell = {"_TTC_COMPLETE": "complete_bash", "COMP_WORDS": "ttc run strategy = be", "COMP_CWORD": "4"}
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=tmp_path, env=shell, capture_output=True, text=True)
    assert done.stdout.split() == ["beam", "best_of_n", "[]"]
