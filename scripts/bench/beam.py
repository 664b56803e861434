#!/usr/bin/env python
"""Beam search against the loop that public implementations run, on the same checkpoints and problems.

The plain side handles one problem at a time and waits for every beam of a round: it samples the next step of all beams
with `LLM.generate`, then reads every trace from its beginning with the verifier, without a prefix cache (a reward head
that is read at every step's end cannot use one), and keeps the best. Both sides grow the same number of beams, and
their answers are counted the same way.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from bench_common import run_config, timed, told

from ttc.config import RunConfig
from ttc.types import Problem


def main(
    problems: Annotated[int, typer.Option(help="Problems of the pocket's test set.")] = 64,
    budget: Annotated[int, typer.Option(help="Beams.")] = 16,
    width: Annotated[int, typer.Option(help="Children of each kept beam.")] = 4,
    workers: Annotated[int, typer.Option(help="Processes of ttc that share out the problems.")] = 2,
) -> None:
    """Print problems a minute on both sides, and how many verifier tokens a new token costs."""
    from ttc.execution.experiment import run
    from ttc.store.database import Store

    with tempfile.TemporaryDirectory() as scratch:
        config = run_config(
            "strategy=beam",
            f"strategy.width={width}",
            f"budget={budget}",
            f"data.limit={problems}",
            f"store.path={scratch}/store.sqlite",
            f"workers={workers}",
        )
        plain = PlainBeam(config)
        # As many other problems as are measured: the first large batches touch memory for the first time.
        more = (f"data.limit={problems}", "data.split=validation", "store=off", f"workers={workers}")
        warm = run_config("strategy=beam", f"strategy.width={width}", f"budget={budget}", *more)
        run(warm, Path(scratch) / "warm")
        for problem in warm.data.load():
            plain.solve(problem)
        plain.prm_tokens = plain.new_tokens = 0
        summary, seconds = timed(lambda: run(config, Path(scratch) / "run"))
        with Store(Path(scratch) / "store.sqlite") as store:
            scored = sum(kind == "score" for _, _, kind, _, _ in store.rows())
        questions = config.data.load()
        right, seconds_plain = timed(lambda: [plain.solve(problem) for problem in questions])
    tokens, generated = summary["tokens"], summary["tokens"]["decoded"]
    told(
        f"beam search, N={budget}, M={width}, {problems} problems, {workers} workers",
        {
            "ttc, problems/min": 60 * problems / seconds,
            "plain loop, problems/min": 60 * problems / seconds_plain,
            "ttc, accuracy (weighted)": float(summary["accuracy"]),
            "plain loop, accuracy (weighted)": sum(right) / problems,
            "new tokens of all beams": generated,
            "verifier tokens computed by ttc": tokens["prm"],
            "verifier requests after merging equal traces": scored,
            "verifier tokens computed by the plain loop": plain.prm_tokens,
        },
        {
            "speed_over_plain_loop": seconds_plain / seconds,
            "prm_tokens_over_new_tokens": tokens["prm"] / generated,
            "plain_prm_tokens_over_new_tokens": plain.prm_tokens / plain.new_tokens,
        },
    )


class PlainBeam:
    """Step-synchronous beam search over one problem."""

    def __init__(self, config: RunConfig) -> None:
        from vllm import LLM

        from ttc.engines.checkpoint import resolve
        from ttc.engines.vllm_setup import engine_arguments
        from ttc.grading import Grader

        self._config = config
        self._llm = LLM(**engine_arguments(resolve(config.generator.model, "generator"), config.generator))
        verifier = engine_arguments(resolve(config.prm.model, "prm"), config.prm) | {"enable_prefix_caching": False}
        self._prm = LLM(**verifier, runner="pooling", convert="classify")
        self._grader = Grader()
        self.prm_tokens = self.new_tokens = 0

    def solve(self, problem: Problem) -> bool:
        """Is the weighted choice among the final beams right?"""
        config = self._config
        budget, width, limit = config.budget, config.strategy.width, config.generator.max_tokens
        head = config.generator.prompt.replace("{question}", problem.question)
        beams: list[_Beam] = [_Beam("")] * budget
        finished: list[_Beam] = []
        for _ in range(config.strategy.rounds):
            children = self._scored(head, self._grown(head, beams, limit))
            finished += [beam for beam in children if beam.done]
            open_beams = sorted((beam for beam in children if not beam.done), key=lambda beam: -beam.value)
            if not open_beams:
                break
            kept = open_beams[: -(-len(open_beams) // width)]
            beams = [beam for beam in kept for _ in range(width)][: len(open_beams)]
        return self._is_right(problem, finished)

    def _grown(self, head: str, beams: list[_Beam], limit: int) -> list[_Beam]:
        from vllm import SamplingParams

        config = self._config.generator
        params = SamplingParams(
            temperature=config.temperature,
            max_tokens=limit,
            stop=[config.step_separator],
            include_stop_str_in_output=True,
        )
        outputs = self._llm.generate([head + beam.text for beam in beams], params, use_tqdm=False)
        children = []
        for beam, output in zip(beams, outputs, strict=True):
            completion = output.outputs[0]
            length = beam.tokens + len(completion.token_ids)
            self.new_tokens += len(completion.token_ids)
            ended = completion.stop_reason is None or length >= limit
            children.append(_Beam(beam.text + completion.text, length, ended))
        return children

    def _scored(self, head: str, beams: list[_Beam]) -> list[_Beam]:
        outputs = self._prm.classify([head + beam.text.strip("\n") + "\n" for beam in beams], use_tqdm=False)
        for beam, output in zip(beams, outputs, strict=True):
            beam.value = float(output.outputs.probs[0])
            self.prm_tokens += len(output.prompt_token_ids)
        return beams

    def _is_right(self, problem: Problem, beams: list[_Beam]) -> bool:
        from ttc.grading import extract_answer

        weights: dict[str, float] = {}
        for beam in beams:
            answer = extract_answer(beam.text)
            if answer is not None:
                weights[answer] = weights.get(answer, 0.0) + beam.value
        return bool(weights) and self._grader.grade([(max(weights, key=lambda a: weights[a]), problem.gold)])[0]


class _Beam:
    def __init__(self, text: str, tokens: int = 0, done: bool = False) -> None:
        self.text, self.tokens, self.done = text, tokens, done
        self.value = 0.0


if __name__ == "__main__":
    typer.run(main)
