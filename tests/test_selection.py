"""One answer is selected from the candidates as in Snell et al. 2024, sections 5.1 and 6."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from omegaconf import OmegaConf, ValidationError

from ttc.selection import Aggregation, SelectionRule, aggregate, choose, select
from ttc.types import Candidate, FinishReason, Problem, Step, Trace

PROBLEM = Problem("p", "?", "1")


def candidate(answer: str | None, *values: float, text: str = "", chain: int | None = None) -> Candidate:
    return Candidate(Trace(PROBLEM, (Step(text, ()),), FinishReason.STOP), values, answer, chain)


@pytest.mark.parametrize(("how", "score"), [("last", 0.8), ("min", 0.4), ("prod", 0.16), ("mean", 1.7 / 3)])
def test_aggregation_maps_step_values_to_a_score(how: str, score: float) -> None:
    assert aggregate([0.5, 0.4, 0.8], Aggregation(how)) == pytest.approx(score)


def test_a_candidate_without_values_has_no_score() -> None:
    with pytest.raises(ValueError, match="no score"):
        aggregate([], Aggregation.last)


def test_majority_counts_equal_answers_and_ignores_values() -> None:
    candidates = [candidate("7", 1.0), candidate("3", 0.1), candidate("3")]
    assert select(candidates, SelectionRule.majority) == "3"


def test_spellings_of_one_answer_are_counted_together() -> None:
    candidates = [candidate("5"), candidate(r"\frac{1}{2}"), candidate(r"\dfrac{1}{2}")]
    assert select(candidates, SelectionRule.majority) == r"\frac{1}{2}"


def test_best_takes_the_highest_score_even_against_a_majority() -> None:
    candidates = [candidate("3", 0.7), candidate("3", 0.7), candidate("7", 0.8)]
    assert select(candidates, SelectionRule.best) == "7"


def test_weighted_sums_scores_over_equal_answers() -> None:
    candidates = [candidate("7", 0.9), candidate("3", 0.5), candidate("3", 0.5), candidate("4", 0.1)]
    assert select(candidates, SelectionRule.weighted) == "3"
    assert select([*candidates, candidate("7", 0.2)], SelectionRule.weighted) == "7"


def test_weighted_chooses_the_best_scored_candidate_of_the_winning_answer() -> None:
    candidates = [candidate("3", 0.2, text="weak"), candidate("3", 0.6, text="strong"), candidate("7", 0.7)]
    chosen = choose(candidates, SelectionRule.weighted)
    assert chosen is not None and chosen.trace.text == "strong"


def test_the_aggregation_decides_which_candidate_is_best() -> None:
    candidates = [candidate("1", 0.1, 0.9), candidate("2", 0.5, 0.6)]
    assert select(candidates, SelectionRule.best, Aggregation.last) == "1"
    assert select(candidates, SelectionRule.best, Aggregation.min) == "2"


@pytest.mark.parametrize("selection", SelectionRule)
def test_ties_go_to_the_earlier_candidate(selection: SelectionRule) -> None:
    assert select([candidate("7", 0.5), candidate("3", 0.5)], selection) == "7"
    assert select([candidate("3", 0.5), candidate("7", 0.5)], selection) == "3"


@pytest.mark.parametrize("selection", SelectionRule)
def test_candidates_without_an_answer_never_count(selection: SelectionRule) -> None:
    candidates = [candidate(None, 1.0), candidate(None, 1.0), candidate("3", 0.0)]
    assert select(candidates, selection) == "3"
    assert select(candidates[:2], selection) is None


def test_without_values_only_majority_can_choose() -> None:
    candidates = [candidate("3"), candidate("3")]
    assert select(candidates, SelectionRule.majority) == "3"
    assert select(candidates, SelectionRule.best) is None
    assert select(candidates, SelectionRule.weighted) is None


@pytest.mark.parametrize("selection", [SelectionRule.best, SelectionRule.weighted])
@pytest.mark.parametrize("first", [0, 1])
def test_a_candidate_whose_score_is_nan_is_never_selected(selection: SelectionRule, first: int) -> None:
    candidates = [candidate("7", float("nan")), candidate("3", 0.1)]
    assert select([candidates[first], candidates[1 - first]], selection) == "3"


def test_the_sum_of_weights_does_not_depend_on_the_order_of_candidates() -> None:
    threes = [candidate("3", value) for value in (0.1, 0.2, 0.3)]
    seven = candidate("7", 0.6)  # a naive sum of 0.1, 0.2 and 0.3 exceeds 0.6, but only in this order
    first = select([seven, *threes], SelectionRule.weighted)
    assert first == select([seven, *reversed(threes)], SelectionRule.weighted) == "7"


@dataclass
class Choice:
    """A config with both enums."""

    selection: SelectionRule = SelectionRule.weighted
    aggregation: Aggregation = Aggregation.last


def test_a_config_names_members_in_lower_case() -> None:
    config = OmegaConf.structured(Choice)
    config.merge_with(OmegaConf.from_dotlist(["selection=best", "aggregation=min"]))
    assert (config.selection, config.aggregation) == (SelectionRule.best, Aggregation.min)
    assert isinstance(config.selection, SelectionRule) and isinstance(config.aggregation, Aggregation)
    assert len(SelectionRule) == 4 and len(Aggregation) == 4
    with pytest.raises(ValidationError, match=r"\[majority, best, weighted, hierarchical\]"):
        config.merge_with(OmegaConf.from_dotlist(["selection=BEST"]))


def test_hierarchical_selects_within_each_chain_and_then_among_the_chains_choices() -> None:
    candidates = [
        # 7 wins with 0.3 + 0.4 = 0.7; its best candidate has 0.4
        *(candidate("7", 0.3, chain=0), candidate("7", 0.4, chain=0), candidate("5", 0.6, chain=0)),
        # 5 wins; its best candidate has 0.35
        *(candidate("5", 0.35, chain=1), candidate("5", 0.2, chain=1), candidate("7", 0.1, chain=1)),
        *(candidate("5", 0.1, chain=2), candidate("5", 0.05, chain=2)),
    ]
    chosen = choose(candidates, SelectionRule.hierarchical)
    assert chosen == candidates[3]  # 5: 0.35 + 0.1 across chains, against 0.4
    assert choose(candidates[:6], SelectionRule.hierarchical) == candidates[1]


def test_without_chains_hierarchical_equals_weighted() -> None:
    candidates = [candidate("7", 0.3), candidate("7", 0.4), candidate("5", 0.6)]
    assert choose(candidates, SelectionRule.hierarchical) == choose(candidates, SelectionRule.weighted) == candidates[1]
