"""Measure ttc against a public peer on a CPU: `its-hub`'s beam search and best-of-N on a local vLLM server.

    pip install its-hub backoff
    python scripts/bench/peers.py
    python scripts/bench/peers.py --problems 16 --beams 8 --samples 8

Both sides have the same checkpoints, problems and budgets. its-hub samples over HTTP and scores in its own process,
with the pocket's verifier behind its-hub's interface. It is measured one problem at a time, as in its examples, and
with several problems at a time, which its async interface allows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Protocol

import typer
from common import load_llm, report, run_config, timed, vllm_models

from ttc.config import RunConfig
from ttc.engines.base import start_engine
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.engines.vllm_setup import engine_arguments
from ttc.execution.experiment import run_experiment
from ttc.grading import Grader, extract_answer
from ttc.types import Problem

CHAT_TEMPLATE = (
    "{{ bos_token }}{{ messages[0]['content'] }}\n{% if messages|length > 1 %}{{ messages[1]['content'] }}{% endif %}"
)
START_SECONDS = 180


def main(
    problems: Annotated[int, typer.Option(help="Number of problems from the pocket's test set.")] = 32,
    beams: Annotated[int, typer.Option(help="Budget of beam search.")] = 16,
    samples: Annotated[int, typer.Option(help="Budget of best-of-N.")] = 16,
    at_once: Annotated[
        int, typer.Option(help="Problems that its-hub handles concurrently; it is also measured with one.")
    ] = 8,
) -> None:
    """Print problems per minute and accuracy on both sides, and the ratios."""
    limit = f"data.limit={problems}"
    configs = {
        "beam": run_config("strategy=beam", f"budget={beams}", limit, "store=off"),
        "best_of_n": run_config("strategy=best_of_n", "selection=best", f"budget={samples}", limit, "store=off"),
    }
    generator, verifier = vllm_models(configs["beam"])
    peer: dict[tuple[str, int], tuple[float, float]] = {}
    peer_verifier = PeerVerifier(verifier)
    with _server(generator) as endpoint:
        for name, config in configs.items():
            for concurrency in (1, at_once):
                peer[name, concurrency] = _run_peer(name, config, endpoint, peer_verifier, concurrency)
    start_engine(generator)  # loading is not part of the time
    start_engine(verifier)
    figures: dict[str, float | str] = {}
    ratios: dict[str, float] = {}
    for name, config in configs.items():
        accuracy, seconds = _run_ttc(config)
        figures[f"{name}: ttc, problems/min"] = 60 * problems / seconds
        figures[f"{name}: ttc, accuracy"] = accuracy
        for concurrency in (1, at_once):
            accuracy, peer_seconds = peer[name, concurrency]
            figures[f"{name}: its-hub, {concurrency} at a time, problems/min"] = 60 * problems / peer_seconds
            figures[f"{name}: its-hub, {concurrency} at a time, accuracy"] = accuracy
            ratios[f"{name}_over_its_hub_{concurrency}_at_a_time"] = peer_seconds / seconds
    report(f"its-hub on {problems} problems, beam {beams}, best-of-{samples}", figures, ratios)


def _run_ttc(config: RunConfig) -> tuple[float, float]:
    """Return accuracy and seconds of ttc on the config's problems."""
    with tempfile.TemporaryDirectory() as scratch:
        summary, seconds = timed(lambda: run_experiment(config, Path(scratch) / "run"))
    return float(summary["accuracy"]), seconds


def _run_peer(
    name: str, config: RunConfig, endpoint: str, verifier: PeerVerifier, concurrency: int
) -> tuple[float, float]:
    """Return accuracy and seconds of its-hub on the config's problems."""
    from its_hub.core.algorithms.beam_search import BeamSearch
    from its_hub.core.algorithms.bon import BestOfN
    from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel
    from its_hub.core.lms.step_generation import StepGeneration
    from its_hub.core.orchestrator import LMOrchestrator

    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    generator, _ = vllm_models(config)
    limit, temperature = generator.max_tokens, generator.temperature
    model = OpenAICompatibleLanguageModel(endpoint, "none", "pocket", temperature=temperature, max_tokens=limit)
    steps = StepGeneration(max_steps=40, step_token="\n", stop_token="\\boxed", temperature=temperature)
    search = {
        "beam": lambda: BeamSearch(steps, verifier, beam_width=4),
        "best_of_n": lambda: BestOfN(verifier, LMOrchestrator(max_concurrency=-1)),
    }[name]()

    async def solve(problem: Problem) -> str:
        response = await search.ainfer(model, problem.question, config.budget)
        return str(response["content"])

    questions = config.data.load()
    completions, seconds = timed(lambda: asyncio.run(_solve_all(solve, questions, concurrency)))
    with Grader() as grader:
        correct = grader.grade([(extract_answer(c), p.gold) for c, p in zip(completions, questions, strict=True)])
    return sum(correct) / len(correct), seconds


async def _solve_all(
    solve: Callable[[Problem], Awaitable[str]], problems: Sequence[Problem], concurrency: int
) -> list[str]:
    slots = asyncio.Semaphore(concurrency)

    async def one(problem: Problem) -> str:
        async with slots:
            return await solve(problem)

    return list(await asyncio.gather(*map(one, problems)))


class Message(Protocol):
    """A chat message of its-hub."""

    def extract_text_content(self) -> str:
        """Return its text."""


class PeerVerifier:
    """The pocket's PRM behind its-hub's two verifier interfaces: the value after the last step."""

    def __init__(self, verifier: VllmVerifier) -> None:
        self._llm = load_llm(verifier, runner="pooling", convert="classify")
        self._lock = threading.Lock()  # vLLM takes one call at a time

    async def ascore(
        self, prompt: str | Sequence[Sequence[Message]], /, responses: Sequence[str] = (), **_: object
    ) -> list[float]:
        """Score the responses to a prompt (beam search), or whole conversations (best-of-N)."""
        if isinstance(prompt, str):
            texts = [f"{prompt}\n{response}" for response in responses]
        else:
            texts = ["\n".join(message.extract_text_content() for message in messages) for messages in prompt]
        return await asyncio.to_thread(self._values, [text.strip("\n") + "\n" for text in texts])

    def _values(self, texts: list[str]) -> list[float]:
        with self._lock:
            outputs = self._llm.classify(texts, use_tqdm=False)
        return [float(output.outputs.probs[0]) for output in outputs]


@contextlib.contextmanager
def _server(generator: VllmGenerator) -> Iterator[str]:
    """Run a vLLM server of the generator with ttc's engine settings; yields its endpoint."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        template = Path(scratch) / "template.jinja"
        template.write_text(CHAT_TEMPLATE)
        log = Path(scratch) / "log"
        with log.open("w") as output:
            server = subprocess.Popen(_server_command(generator, port, template), stdout=output, stderr=output)
            try:
                _wait_for(f"http://127.0.0.1:{port}/health", server, log)
                yield f"http://127.0.0.1:{port}/v1"
            finally:
                server.terminate()
                server.wait()


def _server_command(generator: VllmGenerator, port: int, template: Path) -> list[str]:
    settings = engine_arguments(generator)
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--model", settings["model"], "--served-model-name", "pocket", "--chat-template", str(template)]
    command += ["--dtype", settings["dtype"], "--max-num-seqs", str(settings["max_num_seqs"])]
    command += ["--block-size", str(settings["block_size"]), "--enforce-eager"]
    return [*command, "--generation-config", "vllm", "--disable-uvicorn-access-log"]


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.5)
    raise SystemExit(f"the vLLM server did not start:\n{log.read_text()[-2000:]}")


if __name__ == "__main__":
    typer.run(main)
