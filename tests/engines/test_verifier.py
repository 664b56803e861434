"""A verifier is refused unless it gives values; a solution that is too long for it is read as far as whole steps go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from checkpoints import copied, save_tensors, set_json, tensors_of
from flows import PROBLEM, grown

from ttc.engines.base import Draw, Engine, EngineReply, start_engine
from ttc.engines.checkpoint import POCKET_WEIGHTS
from ttc.engines.ensemble import Ensemble
from ttc.engines.reading import ReadingSettings
from ttc.engines.verifier import VllmVerifier
from ttc.errors import RunError, UserError
from ttc.hashing import digest
from ttc.types import Score, Trace

pytestmark = pytest.mark.usefixtures("small_caches")

LABELS = ["+", "-"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"model": "pocket-generator"}, "LlamaForCausalLM is a language model without a head that gives values; name"),
        ({"model": "pocket-generator", "label_tokens": ["zzqq", "yyqq"]}, r"'zzqq' is not a token .* \(read as 4"),
        ({"model": "pocket-generator", "label_tokens": ["<unk>", "β"]}, "'β' is not a token"),
        ({"model": "pocket-generator", "label_tokens": ["+", "+"]}, "the good and the bad token are the same"),
        ({"model": "pocket-generator", "label_tokens": ["+"]}, "is not a pair"),
        ({"model": "pocket-generator", "label_tokens": LABELS, "positive_class": 1}, "has 1 class; 0 is the only one"),
        ({"label_tokens": LABELS}, r"has a head of its own .* use prm.label_tokens=\[\]"),
        ({"positive_class": 1}, "prm.positive_class=1: prm.model=pocket has 1 class"),
        ({"positive_class": -1}, "prm.positive_class=-1: prm.model=pocket has 1 class"),
        ({"format": "qwen_math_prm"}, "prm.positive_class=0: in the format qwen_math_prm, class 1 means correct; use"),
        (
            {"format": "qwen_math_prm", "positive_class": 1},
            "a head with 2 classes, but that of prm.model=pocket has 1; use",
        ),
        ({"format": "rlhflow"}, "the tokenizer of pocket has no chat template"),
        ({"format": "math_shepherd"}, "the tokenizer of pocket has no token ки"),
        (
            {"format": "trl", "positive_class": 1, "label_tokens": LABELS},
            "LlamaForSequenceClassification .* has a head",
        ),
        ({"format": "judge"}, r"prm.label_tokens=\[\]: a verifier of the format judge answers with one of two tokens"),
        (
            {"format": "judge", "label_tokens": ["Yes", "No"]},
            "prm.format=judge asks a language model, but prm.model=pocket is",
        ),
        (
            {"format": "judge", "label_tokens": LABELS},
            r"prm.question does not name the answer '\+' of",
        ),
        ({"format": "answer"}, "the tokenizer of pocket has no chat template; use the format"),
        ({"step_separator": ""}, 'prm.step_separator="" separates no steps; use the one of the training'),
        ({"question": " "}, "prm.question is blank; ask for one of prm.label_tokens"),
        ({"max_model_len": 4}, "prm.max_model_len=4: a problem and a step take 5 tokens or more in the format plain"),
    ],
)
def test_a_verifier_that_cannot_give_values_is_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        VllmVerifier(**settings).check()


def test_a_verifier_that_is_a_member_of_an_ensemble_is_named() -> None:
    ensemble = Ensemble({"good": VllmVerifier(), "bad": VllmVerifier(model="pocket-generator")})
    with pytest.raises(UserError, match=r"^prm.members.bad: prm.model=pocket-generator: LlamaForCausalLM is"):
        ensemble.check()


def test_a_causal_lm_with_two_label_tokens_is_accepted() -> None:
    VllmVerifier(model="pocket-generator", label_tokens=LABELS).check()


def test_every_pocket_verifier_is_accepted() -> None:
    for model in ("pocket", "pocket-orm"):
        VllmVerifier(model=model).check()
    VllmVerifier(model="pocket-revision-verifier", format="revisions").check()


def test_a_head_that_is_missing_from_the_weights_is_refused(tmp_path: Path) -> None:
    directory = copied("prm", tmp_path / "prm")
    tensors = tensors_of(directory)
    del tensors["score.weight"]
    save_tensors(directory, tensors)
    with pytest.raises(UserError, match=r"its weights hold no head \(score.weight\), so it gives no values; name"):
        VllmVerifier(model=str(directory)).check()


def test_a_head_with_another_number_of_classes_than_the_config_says_is_refused(tmp_path: Path) -> None:
    directory = copied("prm", tmp_path / "prm")
    set_json(directory / "config.json", id2label={"0": "bad", "1": "good"})
    with pytest.raises(UserError, match=r"says 2 classes .* but the head in the weights has 1; use the config\.json"):
        VllmVerifier(model=str(directory), positive_class=1).check()


def test_the_second_of_two_classes_can_be_read(tmp_path: Path) -> None:
    directory = copied("prm", tmp_path / "prm")
    set_json(directory / "config.json", id2label={"0": "bad", "1": "good"}, label2id={"bad": 0, "good": 1})
    tensors = tensors_of(directory)
    tensors["score.weight"] = tensors["score.weight"].repeat(2, 1)
    save_tensors(directory, tensors)
    VllmVerifier(model=str(directory), positive_class=1).check()
    with pytest.raises(UserError, match="has 2 classes; they are 0 to 1"):
        VllmVerifier(model=str(directory), positive_class=2).check()


def test_a_reward_model_that_is_read_at_every_token_needs_that_pooling(tmp_path: Path) -> None:
    directory = copied("prm", tmp_path / "prm")
    set_json(directory / "config.json", architectures=["InternLM2ForRewardModel"])
    with pytest.raises(UserError, match=r"at every token only; use prm\.pooling=token"):
        VllmVerifier(model=str(directory)).check()


@pytest.fixture(scope="module")
def short() -> Engine:
    """A verifier that reads 48 tokens."""
    return start_engine(VllmVerifier(max_model_len=48))


def scored(engine: Engine, *traces: Trace) -> list[EngineReply]:
    for ticket, trace in enumerate(traces):
        engine.submit(ticket, Score(trace), Draw())
    found: list[EngineReply] = []
    while engine.is_busy:
        found += engine.poll()
    return sorted(found, key=lambda reply: reply.ticket)


def solution(*steps: str) -> Trace:
    trace = Trace(PROBLEM)
    for text in steps:
        trace = grown(trace, text)
    return trace


LONG = solution(*[f"${n}+{n}={2 * n}$\n" for n in range(11, 31)])


def test_a_solution_that_is_too_long_has_the_value_of_its_last_step_that_fits(short: Engine) -> None:
    whole = start_engine(VllmVerifier())
    prefixes = [LONG.prefix(steps) for steps in range(1, len(LONG.steps) + 1)]
    replies = scored(short, *prefixes)
    fitting = [reply for reply in replies if not reply.partial]
    cut = replies[len(fitting) :]
    assert fitting and cut and all(reply.partial for reply in cut)
    expected = [reply.reply for reply in scored(whole, *prefixes[: len(fitting)])]
    assert [reply.reply for reply in fitting] == pytest.approx(expected, abs=1e-4)
    assert {reply.reply for reply in cut} == {fitting[-1].reply}
    assert all(reply.usage.prompt + reply.usage.cached <= 48 for reply in replies)


def test_a_solution_whose_first_step_does_not_fit_has_the_value_0_and_costs_nothing(short: Engine) -> None:
    [reply] = scored(short, solution("1+1=2, " * 30))
    assert (reply.reply, reply.partial) == (0.0, True)
    assert (reply.usage.prompt, reply.usage.cached) == (0, 0)


def test_a_part_of_a_solution_never_passes_for_the_whole_in_the_store(short: Engine) -> None:
    keys = {short.key(Score(LONG.prefix(steps)), Draw()) for steps in range(1, len(LONG.steps) + 1)}
    assert len(keys) == len(LONG.steps)


def test_the_key_of_a_solution_that_fits_does_not_depend_on_the_context(short: Engine) -> None:
    request = Score(LONG.prefix(1))
    assert short.key(request, Draw()) == start_engine(VllmVerifier()).key(request, Draw())


def test_the_key_of_a_score_is_that_of_existing_stores() -> None:
    verifier = VllmVerifier()
    checkpoint, *changed = verifier.identity()
    tokenizer = verifier.tokenizer()
    assert tokenizer is not None
    ids = verifier.step_format(tokenizer).ids(LONG)
    expected = digest((checkpoint, "plain", [], 0, *changed), ids)
    assert start_engine(verifier).key(Score(LONG), Draw()) == expected


def test_options_of_the_reading_are_part_of_the_key_only_when_they_are_set() -> None:
    assert ReadingSettings(format="trl", positive_class=1).reading_identity() == ("trl", [], 1)
    set_ = ReadingSettings(format="trl", positive_class=1, step_separator="\n\n")
    assert set_.reading_identity() == ("trl", [], 1, ("step_separator", "\n\n"))
    labels = ["Yes", "No"]
    judge = ReadingSettings(format="judge", label_tokens=labels, question="Yes or No?")
    assert judge.reading_identity() == ("judge", labels, 0, ("question", "Yes or No?"))


def test_a_value_that_is_not_a_number_stops_the_run(tmp_path: Path) -> None:
    directory = copied("prm", tmp_path / "prm")
    save_tensors(directory, {name: value * float("nan") for name, value in tensors_of(directory).items()})
    with pytest.raises(RunError, match=r"a value is nan, not a number; run it in float32"):
        scored(start_engine(VllmVerifier(model=str(directory))), LONG.prefix(1))


def test_the_checkpoints_of_the_package_are_whole() -> None:
    """Their files are checked here, not on every run."""
    from ttc.engines.inspection import inspect_checkpoint
    from ttc.engines.pretrained import check_readable

    for directory in POCKET_WEIGHTS.iterdir():
        check_readable(inspect_checkpoint("prm.model=pocket", directory, complete=True), trust_remote_code=False)
