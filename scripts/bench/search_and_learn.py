"""Measure ttc against the algorithms of Hugging Face's search-and-learn, with the same models in the same process.

    python scripts/bench/search_and_learn.py
    python scripts/bench/search_and_learn.py --problems 8 --budget 8 --rounds 1 --strategies beam --verifiers vllm

`peer_search.py` restates its beam search, DVTS and best-of-N, with their batches and their prompts. It is measured with
its verifier in vLLM, whose prefix cache helps it, and in transformers, as it is published. Both sides have the same
checkpoints, problems, budgets and sampling parameters, select by weight, and begin every round with empty prefix
caches. ttc's time includes grading and writing its files, the peer's does not. Lookahead, which the peer's config turns
on, is off: ttc's searches have none, and the peer's beam search does not use it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Annotated

import typer
from common import load_llm, ratios_of, report, run_config, timed, vllm_engine, vllm_models, weighted_answer
from peer_search import PROBLEMS_AT_ONCE, PeerSearch, TransformersTexts, VllmTexts, WholeTextVerifier

from ttc.config import RunConfig
from ttc.engines.verifier import VllmVerifier
from ttc.execution.experiment import execute
from ttc.grading import Grader

WIDTH = 4

Round = tuple[float, float, int]
"""Seconds, accuracy and new tokens of one side in one round."""


def main(
    problems: Annotated[int, typer.Option(help="Number of problems from the pocket's test set.")] = 48,
    budget: Annotated[int, typer.Option(help="Number of beams or samples, N: a multiple of 4, the width.")] = 16,
    rounds: Annotated[int, typer.Option(help="Alternations of all sides; medians are reported.")] = 3,
    strategies: Annotated[str, typer.Option(help="Separated by commas.")] = ",".join(PROBLEMS_AT_ONCE),
    verifiers: Annotated[str, typer.Option(help="What runs the peer's verifier.")] = "vllm,transformers",
    verifier_batch: Annotated[int, typer.Option(help="Texts per batch of transformers; the peer's default is 4.")] = 16,
    filter_duplicates: Annotated[bool, typer.Option(help="Beam search drops equal beams, as its recipes set.")] = False,
    lookahead: Annotated[int, typer.Option(help="Greedy steps behind each; the peer's default is 1.")] = 0,
) -> None:
    """Print problems per minute, accuracy and tokens on all sides, and the ratios."""
    if budget < WIDTH or budget % WIDTH:
        raise typer.BadParameter(f"budget={budget} is not a multiple of {WIDTH}.")
    if unknown := set(strategies.split(",")) - set(PROBLEMS_AT_ONCE):
        raise typer.BadParameter(f"strategies={','.join(unknown)} is not known; use {', '.join(PROBLEMS_AT_ONCE)}.")
    generator, verifier = vllm_models(_config("beam", budget, problems))
    llm = load_llm(generator)
    peers = {
        name: PeerSearch(
            llm,
            generator,
            _verifier(name, verifier, verifier_batch),
            budget,
            WIDTH,
            lookahead=lookahead,
            filter_duplicates=filter_duplicates,
        )
        for name in verifiers.split(",")
    }
    figures: dict[str, float | str] = {}
    ratios: dict[str, float] = {}
    for strategy in strategies.split(","):
        sides = _measured(strategy, peers, budget, problems, rounds)
        for name, side in sides.items():
            figures |= side.figures(f"{strategy}, {name}", problems)
        for name in peers:
            ratios |= ratios_of(f"{strategy}_over_peer_{name}", sides[f"peer {name}"].seconds, sides["ttc"].seconds)
    report(f"search-and-learn on {problems} problems, N={budget}, M={WIDTH}, {rounds} rounds", figures, ratios)


@dataclass
class Side:
    """What one side did in each round."""

    seconds: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    new_tokens: list[float] = field(default_factory=list)

    def add(self, seconds: float, accuracy: float, new_tokens: int) -> None:
        """Add a round."""
        self.seconds.append(seconds)
        self.accuracies.append(accuracy)
        self.new_tokens.append(new_tokens)

    def figures(self, name: str, problems: int) -> dict[str, float | str]:
        """Return the lines of the report."""
        least, greatest = min(self.accuracies), max(self.accuracies)
        return {
            f"{name}: problems/min": 60 * problems / median(self.seconds),
            f"{name}: new tokens/problem": mean(self.new_tokens) / problems,
            f"{name}: accuracy": f"{mean(self.accuracies):.3f} ({least:.3f} to {greatest:.3f})",
        }


def _measured(strategy: str, peers: dict[str, PeerSearch], budget: int, problems: int, rounds: int) -> dict[str, Side]:
    """Return what each side does in `rounds` rounds, after one on other problems that does not count."""
    work: dict[str, Callable[[RunConfig], Round]] = {
        f"peer {name}": partial(_run_peer, strategy, peer) for name, peer in peers.items()
    }
    work["ttc"] = _run_ttc
    for run in work.values():  # the first large batches touch memory for the first time
        run(_config(strategy, budget, problems, "data.split=validation"))
    sides = {name: Side() for name in work}
    for seed in range(rounds):
        config = _config(strategy, budget, problems, f"seed={seed}")
        for name, run in work.items():
            sides[name].add(*run(config))
    return sides


def _run_ttc(config: RunConfig) -> Round:
    """Solve the config's problems with ttc."""
    for model in vllm_models(config):
        vllm_engine(model).reset_prefix_cache()
    with tempfile.TemporaryDirectory() as scratch:
        finished, seconds = timed(lambda: execute(config, Path(scratch) / "run"))
    return seconds, float(finished.summary["accuracy"]), finished.summary["tokens"]["decoded"]


def _run_peer(strategy: str, peer: PeerSearch, config: RunConfig) -> Round:
    """Solve the config's problems with the peer."""
    peer.forget()
    peer.new_tokens = 0
    questions = config.data.load()
    candidates, seconds = timed(lambda: peer.solve(strategy, questions))
    with Grader() as grader:
        correct = grader.grade(
            [(weighted_answer(of_one), problem.gold) for of_one, problem in zip(candidates, questions, strict=True)]
        )
    return seconds, sum(correct) / len(correct), peer.new_tokens


def _config(strategy: str, budget: int, problems: int, *more: str) -> RunConfig:
    return run_config(f"strategy={strategy}", f"budget={budget}", f"data.limit={problems}", "store=off", *more)


def _verifier(name: str, verifier: VllmVerifier, batch_size: int) -> WholeTextVerifier:
    if name == "vllm":
        return VllmTexts(verifier)
    if name == "transformers":
        return TransformersTexts(verifier, batch_size)
    raise typer.BadParameter(f"verifiers={name} is not known; use vllm, transformers or both.")


if __name__ == "__main__":
    typer.run(main)
