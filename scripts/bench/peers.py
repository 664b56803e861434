#!/usr/bin/env python
"""Problems a minute against a public peer: `its-hub`'s beam search and best-of-N on a local vLLM server.

    pip install its-hub backoff

Both sides have the same checkpoints, problems and budgets. its-hub samples over HTTP and scores in its own process; its
verifier is the pocket's, read by vLLM, behind its own interface. It is measured as its examples use it, one problem
after another, and with several problems at a time, which its async interface allows.
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
from typing import Annotated, Any

import typer
from bench_common import run_config, timed, told

from ttc.config import RunConfig
from ttc.types import Problem

TEMPLATE = (
    "{{ bos_token }}{{ messages[0]['content'] }}\n{% if messages|length > 1 %}{{ messages[1]['content'] }}{% endif %}"
)
START_SECONDS = 180


def main(
    problems: Annotated[int, typer.Option(help="Problems of the pocket's test set.")] = 32,
    beams: Annotated[int, typer.Option(help="Budget of the beam search.")] = 16,
    samples: Annotated[int, typer.Option(help="Budget of best-of-N.")] = 16,
    at_once: Annotated[int, typer.Option(help="Problems that its-hub handles at a time, beside one.")] = 8,
) -> None:
    """Print problems a minute and accuracy on both sides, and the ratios."""
    from ttc.engines.base import start_engine

    configs = {
        "beam": run_config("strategy=beam", f"budget={beams}", f"data.limit={problems}", "store=off"),
        "best_of_n": run_config(
            "strategy=best_of_n", "selection=best", f"budget={samples}", f"data.limit={problems}", "store=off"
        ),
    }
    figures: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    theirs = {}
    verifier = PeerVerifier(configs["beam"])
    with _server(configs["beam"]) as endpoint:
        for name, config in configs.items():
            for width in (1, at_once):
                theirs[name, width] = _peer(name, config, endpoint, verifier, width)
    start_engine(configs["beam"].generator), start_engine(configs["beam"].prm)
    for name, config in configs.items():
        accuracy, seconds = _ours(config)
        figures[f"{name}: ttc, problems/min"] = 60 * problems / seconds
        figures[f"{name}: ttc, accuracy"] = accuracy
        for width in (1, at_once):
            accuracy, slower = theirs[name, width]
            figures[f"{name}: its-hub, {width} at a time, problems/min"] = 60 * problems / slower
            figures[f"{name}: its-hub, {width} at a time, accuracy"] = accuracy
            ratios[f"{name}_over_its_hub_{width}_at_a_time"] = slower / seconds
    told(f"its-hub on {problems} problems, beam {beams}, best-of-{samples}", figures, ratios)


def _ours(config: RunConfig) -> tuple[float, float]:
    from ttc.execution.experiment import run

    with tempfile.TemporaryDirectory() as scratch:
        summary, seconds = timed(lambda: run(config, Path(scratch) / "run"))
    return float(summary["accuracy"]), seconds


def _peer(name: str, config: RunConfig, endpoint: str, verifier: PeerVerifier, at_once: int) -> tuple[float, float]:
    """Accuracy and seconds of its-hub on the config's problems."""
    from its_hub.core.algorithms.beam_search import BeamSearch
    from its_hub.core.algorithms.bon import BestOfN
    from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel
    from its_hub.core.lms.step_generation import StepGeneration
    from its_hub.core.orchestrator import LMOrchestrator

    from ttc.grading import Grader, extract_answer

    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    limit, heat = config.generator.max_tokens, config.generator.temperature
    model = OpenAICompatibleLanguageModel(endpoint, "none", "pocket", temperature=heat, max_tokens=limit)
    steps = StepGeneration(max_steps=40, step_token="\n", stop_token="\\boxed", temperature=heat)
    search = {
        "beam": lambda: BeamSearch(steps, verifier, beam_width=4),
        "best_of_n": lambda: BestOfN(verifier, LMOrchestrator(max_concurrency=-1)),
    }[name]()

    async def solve(problem: Problem) -> str:
        response = await search.ainfer(model, problem.question, config.budget)
        return str(response["content"])

    questions = config.data.load()
    completions, seconds = timed(lambda: asyncio.run(_several(solve, questions, at_once)))
    with Grader() as grader:
        right = grader.grade([(extract_answer(c), p.gold) for c, p in zip(completions, questions, strict=True)])
    return sum(right) / len(right), seconds


async def _several(solve: Callable[[Problem], Awaitable[str]], problems: Sequence[Problem], at_once: int) -> list[str]:
    room = asyncio.Semaphore(at_once)

    async def one(problem: Problem) -> str:
        async with room:
            return await solve(problem)

    return list(await asyncio.gather(*map(one, problems)))


class PeerVerifier:
    """The pocket's PRM behind its-hub's two verifier interfaces: the value after the last step."""

    def __init__(self, config: RunConfig) -> None:
        from vllm import LLM

        from ttc.engines.checkpoint import resolve
        from ttc.engines.vllm_setup import engine_arguments

        settings = engine_arguments(resolve(config.prm.model, "prm"), config.prm)
        self._llm = LLM(**settings, runner="pooling", convert="classify")
        self._lock = threading.Lock()  # vLLM takes one call at a time

    async def ascore(self, asked: Any, responses: Any = None, **_: Any) -> list[float]:
        """(prompt, responses) of a beam search, or whole conversations of best-of-N."""
        if isinstance(asked, str):
            texts = [f"{asked}\n{response}" for response in responses]
        else:
            texts = ["\n".join(message.extract_text_content() for message in messages) for messages in asked]
        prompts = [text.strip("\n") + "\n" for text in texts]
        return await asyncio.to_thread(self._values, prompts)

    def _values(self, prompts: list[str]) -> list[float]:
        with self._lock:
            outputs = self._llm.classify(prompts, use_tqdm=False)
        return [float(output.outputs.probs[0]) for output in outputs]


@contextlib.contextmanager
def _server(config: RunConfig) -> Iterator[str]:
    """A vLLM server of the generator, with the settings of our engine; yields its endpoint."""
    from ttc.engines.checkpoint import resolve
    from ttc.engines.vllm_setup import engine_arguments

    model = resolve(config.generator.model, "generator")
    settings = engine_arguments(model, config.generator)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        template = Path(scratch) / "template.jinja"
        template.write_text(TEMPLATE)
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1"]
        command += ["--model", model, "--served-model-name", "pocket", "--port", str(port), "--enforce-eager"]
        command += ["--chat-template", str(template), "--dtype", settings["dtype"], "--disable-uvicorn-access-log"]
        command += ["--max-num-seqs", str(settings["max_num_seqs"]), "--block-size", str(settings["block_size"])]
        command += ["--generation-config", "vllm"]
        log = (Path(scratch) / "log").open("w+")
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", server, Path(scratch) / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.5)
    raise SystemExit(f"the vLLM server did not start:\n{log.read_text()[-2000:]}")


if __name__ == "__main__":
    typer.run(main)
