"""A verifier's values of labelled solutions: one flow per solution, as in a run, but nothing is sampled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ttc.analysis.rated_steps import ScoredSteps
from ttc.cost import ModelShape
from ttc.data.base import subset
from ttc.data.step_labels import StepLabels
from ttc.engines.base import Draw, Engine, EngineReply
from ttc.errors import RunError
from ttc.execution.runner import Runner
from ttc.strategies.flows import score
from ttc.types import Candidate, FinishReason, Flow, Problem, Request, Step, Trace

MAX_IN_FLIGHT = 2048  # requests: enough to keep an engine full; solutions that start together share its cache


class NoGenerator:
    """Stands for the generator where nothing is sampled."""

    shape: ModelShape | None = None
    decoding_tokens = 0
    is_busy = False

    def key(self, request: Request, draw: Draw) -> bytes:
        raise RunError("no generator was started; this command only scores.")

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        raise RunError("no generator was started; this command only scores.")

    def poll(self) -> list[EngineReply]:
        return []


def score_solutions(verifier: Engine, solutions: Sequence[StepLabels]) -> Iterator[ScoredSteps]:
    """Yield each solution with its values as soon as these are known; the order is that of finishing.

    Raises:
        RunError: the verifier died, or gives a value outside [0, 1].
    """
    by_id = {solution.id: solution for solution in solutions}
    runner = Runner(NoGenerator(), verifier, max_in_flight=MAX_IN_FLIGHT)
    for outcome in runner.run((problem_of(solution), score_prefixes(solution)) for solution in solutions):
        solution, [candidate] = by_id[outcome.problem.id], outcome.candidates
        yield ScoredSteps(solution, _placed(solution, candidate.values), outcome.shortfalls.scores_partial)


def score_prefixes(solution: StepLabels) -> Flow:
    """Ask for the value after each step that is measured; return the whole solution with these values."""
    problem = problem_of(solution)
    trace = Trace(problem, tuple(Step(text, ()) for text in solution.steps), FinishReason.STOP)
    values = yield from score([trace.prefix(index + 1) for index in measured_steps(solution)])
    return [Candidate(trace, tuple(values))]


def measured_steps(solution: StepLabels) -> list[int]:
    """Return the indices of the steps whose values are measured.

    These are the rated ones. Where a solution is labelled to its first error, they are all: whether a solution is wrong
    is predicted from all of it.
    """
    everything = solution.is_labelled_to_first_error
    return [index for index, label in enumerate(solution.labels) if everything or label is not None]


def choose(solutions: Sequence[StepLabels], limit: int | None, seed: int) -> list[StepLabels]:
    """Return `limit` solutions, the same for the same seed, among them the right share of wrong ones; None: all."""
    chosen = {problem.id for problem in subset([problem_of(solution) for solution in solutions], limit, seed)}
    return [solution for solution in solutions if solution.id in chosen]


def problem_of(solution: StepLabels) -> Problem:
    """Return the problem as the verifier is shown it; its level says whether the solution has a wrong step."""
    return Problem(solution.id, solution.question, gold="", level=int(solution.first_error is not None))


def _placed(solution: StepLabels, values: Iterable[float]) -> tuple[float | None, ...]:
    """Return one value per step, None where it was not asked for."""
    placed: list[float | None] = [None] * len(solution.steps)
    for index, value in zip(measured_steps(solution), values, strict=True):
        if not 0 <= value <= 1:
            raise RunError(
                f"solution {solution.id}: the value of step {index} is {value:.6g}; a verifier's values are between 0 "
                "and 1: check prm.format and prm.positive_class."
            )
        placed[index] = value
    return tuple(placed)
