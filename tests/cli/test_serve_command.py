"""`ttc serve-command` prints how to serve a run's models."""

from __future__ import annotations

import shlex

from command_line import CommandLine

from ttc.engines.checkpoint import POCKET_WEIGHTS


def options(line: str) -> list[str]:
    return shlex.split(line)


def test_generator_and_verifier_get_a_line_each_with_ports_that_follow_each_other(ttc: CommandLine) -> None:
    outcome = ttc("serve-command", "--port", "8100")
    assert outcome.code == 0
    generator, verifier = map(options, outcome.out.splitlines())
    assert str(POCKET_WEIGHTS / "generator") in generator and str(POCKET_WEIGHTS / "prm") in verifier
    assert generator[generator.index("--port") + 1] == "8100" and verifier[verifier.index("--port") + 1] == "8101"
    assert verifier[verifier.index("--runner") + 1] == "pooling"
    assert "--enable-prompt-tokens-details" in generator


def test_settings_and_engine_args_are_options(ttc: CommandLine) -> None:
    outcome = ttc(
        "serve-command", "prm=none", "strategy=majority", "generator.max_num_seqs=7", "generator.max_model_len=300"
    )
    [generator] = map(options, outcome.out.splitlines())
    assert generator[generator.index("--max-num-seqs") + 1] == "7"
    assert generator[generator.index("--max-model-len") + 1] == "300"


def test_the_verifier_is_that_of_a_strategy_that_asks_one(ttc: CommandLine) -> None:
    assert len(ttc("serve-command", "strategy=majority").out.splitlines()) == 1


def test_nothing_to_serve_is_one_line(ttc: CommandLine) -> None:
    outcome = ttc("serve-command", "generator=server", "generator.base_url=http://h", "prm=none", "strategy=majority")
    assert outcome.code == 2
    assert outcome.err.startswith("error: neither generator nor prm is a checkpoint for vLLM")


def test_a_model_that_does_not_exist_is_one_line(ttc: CommandLine) -> None:
    outcome = ttc("serve-command", "generator.model=/nowhere")
    assert outcome.code == 2 and outcome.out == ""
