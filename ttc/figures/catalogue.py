"""All figures: what each shows, which runs it needs, and how its axes are labelled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from ttc.errors import UserError
from ttc.figures import larger_tables, revision_tables, search_tables
from ttc.figures.measured import Measured
from ttc.figures.recipes import Role


class Kind(StrEnum):
    """How the points of a figure are drawn."""

    over_budget = "over_budget"  # lines over generations, on a logarithmic axis
    over_attempts = "over_attempts"  # lines over the attempts of a chain
    over_ratio = "over_ratio"  # lines over log2 of sequential : parallel
    bars_by_budget = "bars_by_budget"
    bars_by_r = "bars_by_r"


@dataclass(frozen=True)
class Figure:
    """One figure of the paper, or one side of it.

    Attributes:
        number: as in the arXiv version, with L or R for its left or right side.
        title: what it shows, in a few words.
        needs: the roles without which there is no figure; other roles are shown where there are runs.
        uses: those other roles.
        table: the points.
        caption: what to look for.
        panels: kinds of panels that differ from the figure's, by the panel's name or its beginning.
    """

    number: str
    title: str
    kind: Kind
    needs: tuple[Role, ...]
    table: Callable[[Measured], pd.DataFrame]
    caption: str
    uses: tuple[Role, ...] = ()
    panels: tuple[tuple[str, Kind], ...] = ()

    @property
    def name(self) -> str:
        """The stem of its files."""
        digits = self.number.rstrip("LR")
        side = {"L": "-left", "R": "-right"}.get(self.number[len(digits) :], "")
        return f"figure-{int(digits):02d}{side}"

    @property
    def roles(self) -> tuple[Role, ...]:
        """All roles whose runs it shows."""
        return (*self.needs, *self.uses)

    def kind_of(self, panel: str) -> Kind:
        """Return how a panel is drawn."""
        return next((kind for start, kind in self.panels if panel.startswith(start)), self.kind)


_SEARCH = (Role.best_of_n, Role.beam)

FIGURES: tuple[Figure, ...] = (
    Figure(
        "1L",
        "Compute-optimal scaling, in short",
        Kind.over_budget,
        _SEARCH,
        search_tables.optimal_both,
        "Figures 8 and 4, condensed. Look for the budget at which compute-optimal scaling reaches the parallel "
        "baseline's accuracy at 64: in the paper, a quarter of it.",
        uses=(Role.revisions,),
    ),
    Figure(
        "1R",
        "Test-time compute against a larger model",
        Kind.bars_by_r,
        (*_SEARCH, Role.larger),
        larger_tables.relative_change,
        "Accuracy of the small model with compute-optimal test-time compute relative to the larger model decoded "
        "greedily, at equal FLOPs of pretraining and inference. R is tokens decoded over tokens pretrained on. "
        "Easy, medium and hard are bins 2, 3 and 4. In the paper, the small model wins at small R on easy and "
        "medium problems, and loses elsewhere.",
        uses=(Role.revisions,),
    ),
    Figure(
        "3L",
        "Search methods over budget",
        Kind.over_budget,
        _SEARCH,
        search_tables.search_by_budget,
        "All searches with the weighted vote. In the paper, beam search leads at small budgets and falls to best-"
        "of-N or below at large ones, and lookahead search trails at equal cost.",
        uses=(Role.beam_sqrt, Role.lookahead_1_sqrt, Role.lookahead_3_sqrt, Role.lookahead_3),
    ),
    Figure(
        "3R",
        "Search methods by difficulty",
        Kind.bars_by_budget,
        _SEARCH,
        search_tables.search_by_bin,
        "Bins of oracle difficulty, 1 the easiest. In the paper, beam search gets worse with more budget on bins "
        "1 and 2 (over-optimisation of the verifier), wins on bins 3 and 4, and nothing works on bin 5.",
    ),
    Figure(
        "4",
        "Compute-optimal search",
        Kind.over_budget,
        _SEARCH,
        search_tables.optimal_search,
        "At every budget, the better of best-of-N and beam search in each difficulty bin, chosen by cross-"
        "validation. In the paper, 16 generations then match 64 of best-of-N, with predicted bins almost as well "
        "as with oracle ones.",
        uses=(Role.orm,),
    ),
    Figure(
        "6L",
        "Accuracy along a chain of revisions",
        Kind.over_attempts,
        (Role.revisions,),
        revision_tables.chain_accuracy,
        "Pass@1 of each attempt. The revision model sees at most four earlier attempts; in the paper, accuracy "
        "rises past the length that it was trained on.",
    ),
    Figure(
        "6R",
        "Sequential against parallel sampling",
        Kind.over_budget,
        (Role.revisions,),
        revision_tables.sequential_and_parallel,
        "One chain of N revisions against N independent samples of the revision model. In the paper, sequential "
        "sampling is narrowly ahead, with the verifier and with majority.",
    ),
    Figure(
        "7L",
        "Ratio of sequential to parallel",
        Kind.over_ratio,
        (Role.revisions,),
        revision_tables.by_ratio,
        "A budget split into chains: to the left, independent samples; to the right, one long chain. In the "
        "paper, the best ratio lies in between at large budgets.",
    ),
    Figure(
        "7R",
        "Ratio of sequential to parallel, by difficulty",
        Kind.over_ratio,
        (Role.revisions,),
        revision_tables.by_ratio_and_bin,
        "In the paper, easy problems are solved best by one chain, hard ones by a ratio in between.",
    ),
    Figure(
        "8",
        "Compute-optimal revisions",
        Kind.over_budget,
        (Role.revisions,),
        revision_tables.optimal_revisions,
        "At every budget, the best ratio of sequential to parallel in each difficulty bin, chosen by cross-"
        "validation. In the paper, 64 generations then match 256 parallel ones.",
        uses=(Role.best_of_n,),
    ),
    Figure(
        "9",
        "Test-time compute against a larger model, by difficulty",
        Kind.over_budget,
        (*_SEARCH, Role.larger),
        larger_tables.by_bin_and_budget,
        "Lines: the small model, compute-optimal. Stars: the larger model's greedy accuracy, placed at the budget"
        " that costs the same FLOPs at R = 22, 0.79 and 0.16, from left to right. A star above its bin's line: "
        "there, pretraining is the better use of compute.",
        uses=(Role.revisions,),
    ),
    Figure(
        "10",
        "Ratio of sequential to parallel, by majority",
        Kind.over_ratio,
        (Role.revisions,),
        revision_tables.by_ratio_with_majority,
        "Figure 7 without the verifier. In the paper, the same trends.",
    ),
    Figure(
        "11",
        "Ratio of sequential to parallel, by predicted difficulty",
        Kind.over_ratio,
        (Role.revisions, Role.best_of_n),
        revision_tables.by_ratio_and_predicted_bin,
        "Figure 7 right with bins of predicted difficulty: the verifier's mean value of the best-of-N samples.",
    ),
    Figure(
        "12",
        "Search methods by predicted difficulty",
        Kind.bars_by_budget,
        _SEARCH,
        search_tables.search_by_predicted_bin,
        "Figure 3 right with bins of predicted difficulty. In the paper, the same trends.",
    ),
    Figure(
        "13",
        "Aggregation of step values",
        Kind.over_budget,
        (Role.best_of_n,),
        search_tables.aggregations,
        "Best-of-N weighted, where a solution's score is the last of its step values, their minimum or their "
        "product. In the paper: last above minimum above product.",
        uses=(Role.orm,),
    ),
    Figure(
        "14",
        "Process and outcome reward models",
        Kind.over_budget,
        (Role.best_of_n, Role.orm),
        search_tables.verifiers,
        "The same samples, chosen among by a PRM, an ORM and majority. In the paper: PRM above ORM above majority.",
    ),
    Figure(
        "15",
        "Verifiers of revisions",
        Kind.over_budget,
        (Role.revisions, Role.no_history, Role.base_prm),
        revision_tables.revision_verifiers,
        "One chain of N attempts, chosen among by the verifier that was trained on chains, with and without the "
        "earlier attempts in its context, and by the PRM. In the paper, the history helps slightly.",
    ),
    Figure(
        "16",
        "The ReST-EM reviser",
        Kind.over_attempts,
        (Role.revisions, Role.rest_em),
        revision_tables.rest_em,
        "The reviser, and a model finetuned on the successes in the reviser's own chains. In the paper, more "
        "sequential revisions make the latter worse.",
        panels=(("by ratio", Kind.over_ratio),),
    ),
)


def chosen_figures(numbers: Iterable[str]) -> list[Figure]:
    """Return the figures of numbers such as 3 (both sides), 3L or 9; without any, all.

    Raises:
        UserError: there is no such figure.
    """
    wanted = [number.upper() for number in numbers]
    known = {figure.number for figure in FIGURES} | {figure.number.rstrip("LR") for figure in FIGURES}
    for number in wanted:
        if number not in known:
            raise UserError(
                f"figure {number}: there is none; use one of {', '.join(figure.number for figure in FIGURES)}, or "
                "3 for 3L and 3R."
            )
    return [figure for figure in FIGURES if not wanted or {figure.number, figure.number.rstrip("LR")} & set(wanted)]
