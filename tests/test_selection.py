"""Candidates become one answer as in Snell et al. 2024, section 5.1."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from ttc.selection import Aggregation, SelectionRule, aggregate, choose, select
from ttc.types import Candidate, FinishReason, Problem, Step, Trace

PROBLEM = Problem("p", "?", "1")


def candidate(answer: str | None, *values: float, text: str = "") -> Candidate:
    return Candidate(Trace(PROBLEM, (Step(text, ()),), FinishReason.STOP), values, answer)


@pytest.mark.parametrize(("how", "score"), [("last", 0.8), ("min", 0.4), ("prod", 0.16), ("mean", 1.7 / 3)])
def test_aggregation_turns_step_values_into_a_score(how: str, score: float) -> None:
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


def test_best_takes_the_single_best_score_even_against_a_majority() -> None:
    candidates = [candidate("3", 0.7), candidate("3", 0.7), candidate("7", 0.8)]
    assert select(candidates, SelectionRule.best) == "7"


def test_weighted_sums_scores_over_equal_answers() -> None:
    candidates = [candidate("7", 0.9), candidate("3", 0.5), candidate("3", 0.5), candidate("4", 0.1)]
    assert select(candidates, SelectionRule.weighted) == "3"
    assert select([*candidates, candidate("7", 0.2)], SelectionRule.weighted) == "7"


def test_weighted_is_represented_by_the_best_scored_of_the_winning_answer() -> None:
    candidates = [candidate("3", 0.2, text="weak"), candidate("3", 0.6, text="strong"), candidate("7", 0.7)]
    chosen = choose(candidates, SelectionRule.weighted)
    assert chosen is not None and chosen.trace.text == "strong"


def test_the_aggregation_decides_which_candidate_is_best() -> None:
    candidates = [candidate("1", 0.1, 0.9), candidate("2", 0.5, 0.6)]
    assert select(candidates, SelectionRule.best, Aggregation.last) == "1"
    assert select(candidates, SelectionRule.best, Aggregation.min) == "2"


@pytest.mark.parametrize("selection", SelectionRule)
def test_ties_go_to_what_was_seen_first(selection: SelectionRule) -> None:
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
def test_a_verifier_that_breaks_down_on_a_candidate_does_not_decide(selection: SelectionRule, first: int) -> None:
    candidates = [candidate("7", float("nan")), candidate("3", 0.1)]
    assert select([candidates[first], candidates[1 - first]], selection) == "3"


def test_the_sum_of_weights_does_not_depend_on_the_order_of_candidates() -> None:
    threes = [candidate("3", value) for value in (0.1, 0.2, 0.3)]
    seven = candidate("7", 0.6)  # 0.1 + 0.2 + 0.3 > 0.6 in naive floating point, in this order only
    first = select([seven, *threes], SelectionRule.weighted)
    assert first == select([seven, *reversed(threes)], SelectionRule.weighted) == "7"


def test_a_configuration_may_name_members_in_lower_case() -> None:
    config = OmegaConf.structured({"selection": SelectionRule.weighted, "aggregation": Aggregation.last})
    config.merge_with(OmegaConf.from_dotlist(["selection=best", "aggregation=min"]))
    assert (config.selection, config.aggregation) == (SelectionRule.best, Aggregation.min)
    assert len(SelectionRule) == 4 and len(Aggregation) == 4  # aliases add none
