"""Measure beam search against the loop that public implementations run, on the same checkpoints and problems.

    python scripts/bench/beam.py
    python scripts/bench/beam.py --problems 16 --budget 8 --rounds 1

The plain loop handles one problem at a time and waits for every beam of a round: it samples the next step of all beams
with `LLM.generate`, scores every trace from its beginning with the verifier, and keeps the best. The verifier has no
prefix cache: a reward head that is read at the end of every step cannot use one. Both sides expand the same number of
beams, select the answer in the same way, and begin every round with empty prefix caches. ttc runs in this process;
`workers.py` measures what worker processes add.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Annotated

import typer
from common import load_llm, ratios_of, report, run_config, timed, vllm_engine, vllm_models, weighted_answer

from ttc.config import RunConfig
from ttc.execution.experiment import execute
from ttc.grading import Grader
from ttc.store.database import Store
from ttc.strategies.beam import Beam
from ttc.types import Problem


def main(
    problems: Annotated[int, typer.Option(help="Number of problems from the pocket's test set.")] = 64,
    budget: Annotated[int, typer.Option(help="Number of beams, N.")] = 16,
    width: Annotated[int, typer.Option(help="Children of each kept beam, M.")] = 4,
    rounds: Annotated[int, typer.Option(help="Alternations of the two sides; medians are reported.")] = 3,
) -> None:
    """Print problems per minute on both sides, and the verifier tokens computed per new token."""
    shared = [f"strategy.width={width}", f"budget={budget}", f"data.limit={problems}"]
    loop = PlainBeam(run_config(*shared))
    ours, loops = [], []
    with tempfile.TemporaryDirectory() as scratch:
        # The first large batches touch memory for the first time.
        warm_up = run_config(*shared, "data.split=validation", f"store.path={scratch}/warm.sqlite")
        _run_ttc(warm_up, Path(scratch) / "warm")
        _run_loop(warm_up, loop)
        for seed in range(rounds):
            config = run_config(*shared, f"seed={seed}", f"store.path={scratch}/{seed}.sqlite")
            ours.append(_run_ttc(config, Path(scratch) / str(seed)))
            loops.append(_run_loop(config, loop))
        with Store(Path(scratch) / "0.sqlite") as store:
            scores = sum(kind == "score" for _, _, kind, _, _ in store.rows())
    seconds, loop_seconds = [one.seconds for one in ours], [one.seconds for one in loops]
    report(
        f"beam search, N={budget}, M={width}, {problems} problems, {rounds} rounds",
        {
            "ttc, problems/min": 60 * problems / median(seconds),
            "plain loop, problems/min": 60 * problems / median(loop_seconds),
            "ttc, accuracy (weighted)": mean(one.accuracy for one in ours),
            "plain loop, accuracy (weighted)": mean(one.accuracy for one in loops),
            "ttc, new tokens of all beams": round(mean(one.new_tokens for one in ours)),
            "plain loop, new tokens of all beams": round(mean(one.new_tokens for one in loops)),
            "ttc, verifier tokens computed": round(mean(one.verifier_tokens for one in ours)),
            "plain loop, verifier tokens computed": round(mean(one.verifier_tokens for one in loops)),
            "ttc, verifier requests, equal traces merged": scores,
        },
        {
            **ratios_of("speed_over_plain_loop", loop_seconds, seconds),
            "prm_tokens_over_new_tokens": _verifier_tokens_per_new_token(ours),
            "plain_prm_tokens_over_new_tokens": _verifier_tokens_per_new_token(loops),
        },
    )


@dataclass(frozen=True)
class _Round:
    """What one side did in one round."""

    seconds: float
    accuracy: float
    new_tokens: int
    verifier_tokens: int


def _run_ttc(config: RunConfig, directory: Path) -> _Round:
    for model in vllm_models(config):
        vllm_engine(model).reset_prefix_cache()
    finished, seconds = timed(lambda: execute(config, directory))
    tokens = finished.summary["tokens"]
    return _Round(seconds, float(finished.summary["accuracy"]), tokens["decoded"], tokens["prm"])


def _run_loop(config: RunConfig, loop: PlainBeam) -> _Round:
    loop.restart()
    questions = config.data.load()
    correct, seconds = timed(lambda: [loop.solve(problem) for problem in questions])
    return _Round(seconds, sum(correct) / len(correct), loop.new_tokens, loop.verifier_tokens)


def _verifier_tokens_per_new_token(rounds: list[_Round]) -> float:
    return sum(one.verifier_tokens for one in rounds) / sum(one.new_tokens for one in rounds)


@dataclass
class _Beam:
    """A solution so far: its text, its length in tokens, and the verifier's value of it."""

    text: str = ""
    tokens: int = 0
    finished: bool = False
    value: float = 0.0


class PlainBeam:
    """Step-synchronous beam search over one problem at a time.

    Attributes:
        new_tokens: tokens sampled so far.
        verifier_tokens: tokens that the verifier has read so far.
    """

    def __init__(self, config: RunConfig) -> None:
        """Load both models."""
        assert isinstance(config.strategy, Beam) and config.strategy.width is not None
        self._budget, self._width = config.budget or 0, config.strategy.width
        self._rounds = config.strategy.rounds
        self._generator, verifier = vllm_models(config)
        self._llm = load_llm(self._generator)
        self._verifier = load_llm(verifier, enable_prefix_caching=False, runner="pooling", convert="classify")
        self._grader = Grader()
        self.verifier_tokens = self.new_tokens = 0

    def restart(self) -> None:
        """Count from zero, and empty the generator's prefix cache."""
        self.verifier_tokens = self.new_tokens = 0
        self._llm.reset_prefix_cache()

    def solve(self, problem: Problem) -> bool:
        """Return whether the weighted selection among the finished beams is correct."""
        prompt = self._generator.prompt.replace("{question}", problem.question)
        beams = [_Beam()] * self._budget
        finished: list[_Beam] = []
        for _ in range(self._rounds):
            children = self._expand(prompt, beams)
            self._score(prompt, children)
            finished += [beam for beam in children if beam.finished]
            searched = sorted((beam for beam in children if not beam.finished), key=lambda beam: -beam.value)
            if not searched:
                break
            kept = searched[: -(-len(searched) // self._width)]
            beams = [beam for beam in kept for _ in range(self._width)][: len(searched)]
        chosen = weighted_answer((beam.text, beam.value) for beam in finished)
        return chosen is not None and self._grader.grade([(chosen, problem.gold)])[0]

    def _expand(self, prompt: str, beams: list[_Beam]) -> list[_Beam]:
        """Sample one more step of each beam."""
        from vllm import SamplingParams

        limit = self._generator.max_tokens
        params = SamplingParams(
            temperature=self._generator.temperature,
            max_tokens=limit,
            stop=[self._generator.step_separator],
            include_stop_str_in_output=True,
        )
        outputs = self._llm.generate([prompt + beam.text for beam in beams], params, use_tqdm=False)
        children = []
        for beam, output in zip(beams, outputs, strict=True):
            completion = output.outputs[0]
            length = beam.tokens + len(completion.token_ids)
            self.new_tokens += len(completion.token_ids)
            finished = completion.stop_reason is None or length >= limit
            children.append(_Beam(beam.text + completion.text, length, finished))
        return children

    def _score(self, prompt: str, beams: list[_Beam]) -> None:
        """Set the value of each beam."""
        outputs = self._verifier.classify([prompt + beam.text.strip("\n") + "\n" for beam in beams], use_tqdm=False)
        for beam, output in zip(beams, outputs, strict=True):
            beam.value = float(output.outputs.probs[0])
            self.verifier_tokens += len(output.prompt_token_ids)


if __name__ == "__main__":
    typer.run(main)
