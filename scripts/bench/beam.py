"""Measure beam search against the loop that public implementations run, on the same checkpoints and problems.

    python scripts/bench/beam.py
    python scripts/bench/beam.py --problems 16 --budget 8 --workers 1

The plain loop handles one problem at a time and waits for every beam of a round: it samples the next step of all beams
with `LLM.generate`, scores every trace from its beginning with the verifier, and keeps the best. The verifier has no
prefix cache: a reward head that is read at the end of every step cannot use one. Both sides expand the same number of
beams and select the answer in the same way.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from common import load_llm, report, run_config, timed, vllm_models

from ttc.config import RunConfig
from ttc.execution.experiment import run_experiment
from ttc.grading import Grader, extract_answer
from ttc.store.database import Store
from ttc.strategies.beam import Beam
from ttc.types import Problem


def main(
    problems: Annotated[int, typer.Option(help="Number of problems from the pocket's test set.")] = 64,
    budget: Annotated[int, typer.Option(help="Number of beams, N.")] = 16,
    width: Annotated[int, typer.Option(help="Children of each kept beam, M.")] = 4,
    workers: Annotated[int, typer.Option(help="Worker processes of ttc.")] = 2,
) -> None:
    """Print problems per minute on both sides, and the verifier tokens computed per new token."""
    with tempfile.TemporaryDirectory() as scratch:
        shared = ["strategy=beam", f"strategy.width={width}", f"budget={budget}", f"workers={workers}"]
        shared += [f"data.limit={problems}"]
        config = run_config(*shared, f"store.path={scratch}/store.sqlite")
        loop = PlainBeam(config)
        _warm_up(run_config(*shared, "data.split=validation", "store=off"), loop, Path(scratch) / "warm")
        summary, seconds = timed(lambda: run_experiment(config, Path(scratch) / "run"))
        with Store(Path(scratch) / "store.sqlite") as store:
            scores = sum(kind == "score" for _, _, kind, _, _ in store.rows())
        questions = config.data.load()
        correct, loop_seconds = timed(lambda: [loop.solve(problem) for problem in questions])
    tokens, new_tokens = summary["tokens"], summary["tokens"]["decoded"]
    report(
        f"beam search, N={budget}, M={width}, {problems} problems, {workers} workers",
        {
            "ttc, problems/min": 60 * problems / seconds,
            "plain loop, problems/min": 60 * problems / loop_seconds,
            "ttc, accuracy (weighted)": float(summary["accuracy"]),
            "plain loop, accuracy (weighted)": sum(correct) / problems,
            "ttc, new tokens of all beams": new_tokens,
            "ttc, verifier tokens computed": tokens["prm"],
            "ttc, verifier requests, equal traces merged": scores,
            "plain loop, verifier tokens computed": loop.verifier_tokens,
        },
        {
            "speed_over_plain_loop": loop_seconds / seconds,
            "prm_tokens_over_new_tokens": tokens["prm"] / new_tokens,
            "plain_prm_tokens_over_new_tokens": loop.verifier_tokens / loop.new_tokens,
        },
    )


def _warm_up(config: RunConfig, loop: PlainBeam, directory: Path) -> None:
    """Solve as many other problems as are measured: the first large batches touch memory for the first time."""
    run_experiment(config, directory)
    for problem in config.data.load():
        loop.solve(problem)
    loop.verifier_tokens = loop.new_tokens = 0


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
        return self._is_correct(problem, finished)

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

    def _is_correct(self, problem: Problem, beams: list[_Beam]) -> bool:
        weights: dict[str, float] = {}
        for beam in beams:
            answer = extract_answer(beam.text)
            if answer is not None:
                weights[answer] = weights.get(answer, 0.0) + beam.value
        return bool(weights) and self._grader.grade([(max(weights, key=lambda a: weights[a]), problem.gold)])[0]


if __name__ == "__main__":
    typer.run(main)
