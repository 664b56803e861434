"""The pocket behind a real `vllm serve`: the same tokens and values as in process, through crashes and restarts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from vllm_servers import VllmServer

from ttc.data.datasets import PocketDataset
from ttc.engines.base import Draw, Engine, start_engine
from ttc.engines.checkpoint import POCKET_WEIGHTS
from ttc.engines.generator import VllmGenerator
from ttc.engines.server.generator import Protocol, ServerGenerator
from ttc.engines.server.verifier import ServerVerifier
from ttc.engines.verifier import VllmVerifier
from ttc.types import FinishReason, Request, Sample, Score, Trace

CANARY = "sk-canary-5fd1c2"
PROBLEMS = PocketDataset().read()[:12]


@dataclass
class Servers:
    generator: VllmServer
    verifier: VllmServer


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    logs = tmp_path_factory.mktemp("servers")
    key = ("--api-key", CANARY)
    found = Servers(
        VllmServer(VllmGenerator(), logs / "generator.log", key), VllmServer(VllmVerifier(), logs / "verifier.log", key)
    )
    try:
        found.generator.start()
        found.verifier.start()
        found.generator.wait()
        found.verifier.wait()
        yield found
    finally:
        found.generator.kill()
        found.verifier.kill()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTC_API_KEY", CANARY)


def generator(servers: Servers, protocol: Protocol = Protocol.token_ids) -> ServerGenerator:
    return ServerGenerator(base_url=servers.generator.url, model="pocket", temperature=0.7, protocol=protocol)


def replies(engine: Engine, asked: list[tuple[Request, Draw]]) -> list[Trace | float]:
    for ticket, (request, draw) in enumerate(asked):
        engine.submit(ticket, request, draw)
    found: dict[int, Trace | float] = {}
    while engine.is_busy:
        found |= {reply.ticket: reply.reply for reply in engine.poll()}
    return [found[ticket] for ticket in range(len(asked))]


def test_greedy_solutions_are_those_of_the_same_model_in_process(servers: Servers) -> None:
    asked: list[tuple[Request, Draw]] = [(Sample(Trace(problem), temperature=0), Draw()) for problem in PROBLEMS]
    here = replies(start_engine(VllmGenerator(temperature=0.7)), asked)
    assert replies(generator(servers).start(), asked) == here


def test_steps_have_the_same_token_ids_as_in_process(servers: Servers) -> None:
    asked: list[tuple[Request, Draw]] = [(Sample(Trace(problem), 1, temperature=0), Draw()) for problem in PROBLEMS]
    here = replies(start_engine(VllmGenerator(temperature=0.7)), asked)
    there = replies(generator(servers).start(), asked)
    assert there == here
    assert {trace.finish for trace in there if isinstance(trace, Trace)} == {FinishReason.STEP}


def test_a_sample_does_not_depend_on_what_was_asked_for_together_with_it(servers: Servers) -> None:
    asked: list[tuple[Request, Draw]] = [
        (Sample(Trace(problem)), Draw(3, index)) for problem in PROBLEMS[:4] for index in range(6)
    ]
    engine = replace(generator(servers), temperature=1.2).start()
    together = replies(engine, asked)
    alone = [replies(engine, [pair])[0] for pair in asked]
    assert together == alone
    assert len({trace.text for trace in together if isinstance(trace, Trace)}) > 4


def test_values_are_those_of_the_same_verifier_in_process(servers: Servers) -> None:
    samples: list[tuple[Request, Draw]] = [(Sample(Trace(problem)), Draw()) for problem in PROBLEMS]
    traces = [trace for trace in replies(start_engine(VllmGenerator()), samples) if isinstance(trace, Trace)]
    asked: list[tuple[Request, Draw]] = [
        (Score(trace.prefix(steps)), Draw()) for trace in traces for steps in range(1, len(trace.steps) + 1)
    ]
    here = replies(start_engine(VllmVerifier()), asked)
    there = replies(ServerVerifier(base_url=servers.verifier.url, model="pocket").start(), asked)
    assert there == pytest.approx(here, abs=1e-5)


def test_a_judge_is_asked_on_the_server_that_generates(servers: Servers) -> None:
    model, labels = str(POCKET_WEIGHTS / "generator"), ["1", "2"]
    samples: list[tuple[Request, Draw]] = [(Sample(Trace(problem)), Draw()) for problem in PROBLEMS]
    traces = [trace for trace in replies(start_engine(VllmGenerator()), samples) if isinstance(trace, Trace)]
    asked: list[tuple[Request, Draw]] = [(Score(trace.prefix(1)), Draw()) for trace in traces]
    here = replies(start_engine(VllmVerifier(model=model, label_tokens=labels)), asked)
    there = ServerVerifier(base_url=servers.generator.url, model="pocket", tokenizer=model, label_tokens=labels).start()
    assert replies(there, asked) == pytest.approx(here, abs=1e-5)
    assert len({round(float(value), 3) for value in here if isinstance(value, float)}) > 3


def test_text_alone_gives_the_same_greedy_solutions_step_by_step(servers: Servers) -> None:
    ids, text = generator(servers).start(), generator(servers, Protocol.text).start()
    for problem in PROBLEMS[:3]:
        whole = replies(ids, [(Sample(Trace(problem), temperature=0), Draw())])[0]
        trace = Trace(problem)
        while trace.is_open:
            found = replies(text, [(Sample(trace, 1, temperature=0), Draw())])[0]
            assert isinstance(found, Trace)
            trace = found
        assert isinstance(whole, Trace) and trace.text == whole.text


def test_the_usage_is_the_servers_own(servers: Servers) -> None:
    engine = generator(servers).start()
    engine.submit(0, Sample(Trace(PROBLEMS[5]), temperature=0), Draw())
    while not (found := engine.poll()):
        pass
    usage, trace = found[0].usage, found[0].reply
    assert isinstance(trace, Trace) and usage.decoded == len(trace.token_ids)
    assert usage.prompt + usage.cached > 8


def run(servers: Servers, directory: Path, *overrides: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ttc", "run", "strategy=beam", "budget=8", "data.limit=120"]
    command += ["generator=server_pocket", f"generator.base_url={servers.generator.url}"]
    command += ["prm=server", "prm.model=pocket", f"prm.base_url={servers.verifier.url}"]
    command += [f"store.path={directory / 'store.sqlite'}", f"hydra.run.dir={directory / 'run'}", *overrides]
    return subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until_replies_are_stored(process: subprocess.Popen[str], store: Path, size: int) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if sum(file.stat().st_size for file in store.parent.glob(f"{store.name}*")) > size:
            return
        time.sleep(0.02)
    raise AssertionError(f"the run ended too early:\n{process.communicate()}")


def test_a_run_survives_a_server_that_is_killed_and_started_again(servers: Servers, tmp_path: Path) -> None:
    whole = run(servers, tmp_path / "whole")
    assert whole.communicate()[0] and whole.returncode == 0
    process = run(servers, tmp_path / "killed", "generator.patience_seconds=200")
    wait_until_replies_are_stored(process, tmp_path / "killed" / "store.sqlite", 60_000)
    servers.generator.kill()
    time.sleep(2)
    servers.generator.start()
    servers.generator.wait()
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert "answers again" in errors
    table = "run/accuracy.csv"
    assert (tmp_path / "killed" / table).read_text() == (tmp_path / "whole" / table).read_text()
    assert not files_with(CANARY, tmp_path) and CANARY not in errors


def test_a_server_that_stays_away_ends_the_run_with_one_line_and_nothing_lost(servers: Servers, tmp_path: Path) -> None:
    process = run(servers, tmp_path, "generator.patience_seconds=3")
    wait_until_replies_are_stored(process, tmp_path / "store.sqlite", 60_000)
    servers.generator.kill()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    [line] = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert "has answered for 3 seconds" in line and "run the same command" in line
    assert "Traceback" not in errors
    servers.generator.start()
    servers.generator.wait()
    again = run(servers, tmp_path)
    _, errors = again.communicate(timeout=240)
    assert again.returncode == 0, errors
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["n_problems"] == 120
    assert not files_with(CANARY, tmp_path)


def test_a_wrong_key_is_one_line(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    from ttc.errors import UserError

    monkeypatch.setenv("TTC_API_KEY", "sk-wrong-71")
    with pytest.raises(UserError, match="refuses the key in the environment variable TTC_API_KEY: 401") as refused:
        replace(generator(servers), version="2").start()
    assert "sk-wrong-71" not in str(refused.value) and "\n" not in str(refused.value)


def files_with(text: str, directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
