"""Learned difficulty: from the question alone, at the cost of one prefill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ttc.cost import Flops
from ttc.difficulty.base import Bins, Embed
from ttc.difficulty.learning import FEWEST, Learner, Regression
from ttc.difficulty.measured import MeasuredDifficulty
from ttc.difficulty.table import DifficultyKind, DifficultyTable, measured_difficulty
from ttc.errors import UserError
from ttc.files import expanded
from ttc.runs.finding import Run, find_runs
from ttc.types import Problem


@dataclass
class LearnedDifficulty(MeasuredDifficulty):
    """Difficulty that a regression predicts from the generator's last hidden state at the end of the prompt.

    `path` is a run of independent samples to learn from, best on other problems; problems that it shares with the data
    are predicted by models that have not seen them. Or it is a table that `ttc difficulty --learn-from` wrote.
    """

    regression: Regression = Regression.ridge
    folds: int = 5
    seed: int = 0

    kind: ClassVar[DifficultyKind] = DifficultyKind.learned
    hint: ClassVar[str] = "difficulty.path is a table of `ttc difficulty`, or a best_of_n run to learn from."

    def __post_init__(self) -> None:
        self._made: DifficultyTable | None = None  # until a model has read the prompts

    def check(self) -> None:
        if self.path is None:
            raise UserError(f"difficulty=learned needs difficulty.path: {self.hint}")
        if self.folds < 2:
            raise UserError(f"difficulty.folds={self.folds}: must be at least 2; use e.g. 5.")
        super().check()

    def prepare(self, problems: Sequence[Problem], embed: Embed) -> None:
        if self.path is not None and expanded(self.path).is_dir():
            runs = find_runs([expanded(self.path)])
            learner = Learner(self.regression, self.folds, self.seed)
            self._made = learned_difficulty(problems, runs, embed, learner, self.samples)

    def bins(self, ids: Sequence[str], own: Mapping[str, float] | None = None) -> Bins:
        if self._made is not None:
            return self._known(ids, self._made)
        if self.path is not None and expanded(self.path).is_dir():
            return Bins({})  # not yet prepared
        return super().bins(ids, own)

    def _table(self) -> DifficultyTable:
        assert self.path is not None
        if self.path.strip() and expanded(self.path).is_dir():
            runs = find_runs([expanded(self.path)])
            targets = measured_difficulty(DifficultyKind.oracle, runs, self.samples)
            _refuse_few(problems_of(runs), self.folds, runs[0])
            return targets
        return super()._table()


def learned_difficulty(
    problems: Sequence[Problem], learn_from: Sequence[Run], embed: Embed, learner: Learner, samples: int | None = None
) -> DifficultyTable:
    """Predict the difficulty of problems from what the generator makes of their prompts.

    The cost is that of the problems' own prompts: learning is done once.

    Args:
        problems: to predict.
        learn_from: runs of independent samples, on these or other problems.
        embed: returns hidden states.
        learner: the regression.
        samples: learn from the first so many of each problem; None: all.

    Raises:
        UserError: too few problems to learn from, or runs of an older ttc.
    """
    targets = measured_difficulty(DifficultyKind.oracle, learn_from, samples)
    known = problems_of(learn_from)
    _refuse_few(known, learner.folds, learn_from[0])
    asked = {problem.id: problem for problem in problems}
    everything = [*asked.values(), *(problem for id_, problem in known.items() if id_ not in asked)]
    read = embed(everything)
    features = {problem.id: vector for problem, vector in zip(everything, read.vectors, strict=True)}
    values = learner.predicted(features, targets.values, [*asked])
    per_problem = None if read.flops is None else round(read.flops / len(everything))
    return DifficultyTable(
        DifficultyKind.learned, values, flops=Flops(paper=0, full=per_problem), generator=targets.generator
    )


def _refuse_few(known: Mapping[str, Problem], folds: int, run: Run) -> None:
    fewest = max(FEWEST, folds)
    if len(known) < fewest:
        raise UserError(
            f"{run.directory} has {len(known)} problems to learn from; at least {fewest} are needed: give a run on "
            "more problems."
        )


def problems_of(runs: Sequence[Run]) -> dict[str, Problem]:
    """Return the problems of finished runs by id.

    Raises:
        UserError: an older ttc wrote a run: its rows have no questions.
    """
    found: dict[str, Problem] = {}
    for run in runs:
        for record in run.records:
            if record.question is None:
                raise UserError(
                    f"{run.directory} does not say what was asked: an older ttc wrote it; run the experiment again "
                    "(its stored replies make that quick)."
                )
            found[record.id] = Problem(record.id, record.question, record.gold, record.level, record.subject)
    return found
