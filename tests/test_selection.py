"""One answer is selected from the candidates as in Snell et al. 2024, sections 5.1 and 6."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
def test_ties_do_not_depend_on_the_order_of_candidates(selection: SelectionRule) -> None:
    first = select([candidate("7", 0.5), candidate("3", 0.5)], selection)
    assert first == select([candidate("3", 0.5), candidate("7", 0.5)], selection)
    assert first in ("3", "7")


def test_ties_favour_neither_small_nor_short_answers() -> None:
    winners = [select([candidate(str(n)), candidate(str(n + 500))], SelectionRule.majority) for n in range(500)]
    assert 200 < sum(int(winner or 0) < 500 for winner in winners) < 300


def test_a_tie_of_weights_goes_to_the_answer_with_more_votes_and_then_with_the_higher_score() -> None:
    assert select([candidate("3", 0.5), candidate("7", 0.25), candidate("7", 0.25)], SelectionRule.weighted) == "7"
    pairs = [candidate("3", 0.5), candidate("3", 0.25), candidate("7", 0.375), candidate("7", 0.375)]
    assert select(pairs, SelectionRule.weighted) == "3"


def test_a_tie_of_best_scores_goes_to_the_answer_that_has_it_more_often() -> None:
    for answer in ("3", "7"):
        candidates = [candidate(answer, 1.0), candidate("3", 1.0), candidate("7", 1.0), candidate("5", 0.9)]
        assert select(candidates, SelectionRule.best) == answer


def test_the_selected_answer_is_written_in_its_commonest_spelling() -> None:
    candidates = [candidate("0.5", 0.9), candidate("1/2", 0.2), candidate("1/2", 0.1), candidate("5", 0.3)]
    for selection in SelectionRule:
        assert select(candidates, selection) == "1/2"
    assert choose(candidates, SelectionRule.best) == candidates[0]


def test_the_given_classes_decide_which_answers_are_equal() -> None:
    candidates = [candidate("2", 0.8), candidate("2", 0.8), *(candidate(text, 0.9) for text in "abc")]
    classes = {"2": 0, "a": 1, "b": 1, "c": 1}
    for selection in (SelectionRule.majority, SelectionRule.weighted):
        assert select(candidates, selection, classes=classes) == "a"
        assert select(candidates, selection) == "2"


@given(
    st.lists(
        st.tuples(st.sampled_from(["1", "2", "0.5", "1/2", "3", None]), st.sampled_from([0.0, 0.5, 1.0, math.nan]))
    ),
    st.sampled_from(SelectionRule),
    st.randoms(use_true_random=False),
)
@settings(deadline=None, derandomize=True, max_examples=150)
def test_the_selected_answer_does_not_depend_on_the_order_of_candidates(
    given_pairs: list[tuple[str | None, float]], selection: SelectionRule, random: Random
) -> None:
    candidates = [candidate(answer, score, chain=n % 3) for n, (answer, score) in enumerate(given_pairs)]
    shuffled = random.sample(candidates, len(candidates))
    assert select(candidates, selection) == select(shuffled, selection)
    chosen, other = choose(candidates, selection), choose(shuffled, selection)
    assert (chosen and chosen.answer) == (other and other.answer)


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
    threes = [candidate("3", value) for value in (0.1, 0.2, 0.3)]  # a naive sum exceeds 0.6, but only in this order
    sevens = [candidate("7", value) for value in (0.55, 0.05, 0.0)]
    first = select([*sevens, *threes], SelectionRule.weighted)
    assert first == select([*sevens, *reversed(threes)], SelectionRule.weighted) == "7"  # a tie; 0.55 is the best score


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
