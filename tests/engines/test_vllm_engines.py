"""Real vLLM engines on the pocket models, against transformers as the independent reference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ttc.engines.base import Draw, Engine, EngineReply, start_engine
from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.engines.vllm_setup import CPU_BLOCK_SIZE
from ttc.errors import UserError
from ttc.execution.runner import Runner, start_flows
from ttc.pocket.problems import load_split
from ttc.strategies.beam import Beam
from ttc.types import FinishReason, Request, Sample, Score, Trace

pytestmark = pytest.mark.usefixtures("small_caches")

PROBLEMS = load_split("validation")


@pytest.fixture(scope="module")
def generator() -> Engine:
    return start_engine(VllmGenerator())


@pytest.fixture(scope="module")
def verifier() -> Engine:
    return start_engine(VllmVerifier())


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(resolve("pocket", "generator"))


def replies(engine: Engine, requests: Sequence[Request], draws: list[Draw] | None = None) -> list[EngineReply]:
    for ticket, request in enumerate(requests):
        engine.submit(ticket, request, draws[ticket] if draws else Draw(0, ticket))
    return sorted(_drained(engine), key=lambda found: found.ticket)


def _drained(engine: Engine) -> Iterator[EngineReply]:
    while engine.is_busy:
        yield from engine.poll()


def solutions(generator: Engine, count: int) -> list[Trace]:
    traces = [found.reply for found in replies(generator, [Sample(Trace(p)) for p in PROBLEMS[:count]])]
    return [trace for trace in traces if isinstance(trace, Trace)]


def test_a_greedy_solution_equals_that_of_transformers(generator: Engine, tokenizer: Any) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(resolve("pocket", "generator"), dtype=torch.float32)
    found = replies(generator, [Sample(Trace(p), temperature=0.0) for p in PROBLEMS[:8]])
    for problem, got in zip(PROBLEMS, found, strict=False):
        prompt = tokenizer(f"{problem.question}\n", return_tensors="pt")["input_ids"]
        expected = model.generate(prompt, max_new_tokens=192, do_sample=False)[0, prompt.shape[1] :].tolist()
        assert isinstance(got.reply, Trace) and list(got.reply.token_ids) == expected
        assert got.usage.decoded == len(expected)
        assert got.usage.prompt + got.usage.cached == prompt.shape[1]


def test_the_same_draw_gives_the_same_sample_whatever_else_is_in_the_batch(generator: Engine) -> None:
    wanted = Sample(Trace(PROBLEMS[0]))
    [alone] = replies(generator, [wanted], [Draw(0, 5)])
    crowd = replies(generator, [Sample(Trace(p)) for p in PROBLEMS[:30]] + [wanted], [Draw(1, 0)] * 30 + [Draw(0, 5)])
    assert crowd[-1].reply == alone.reply


def test_different_draws_and_seeds_give_different_samples(generator: Engine) -> None:
    hard = max(PROBLEMS, key=lambda problem: problem.level or 0)
    draws = [Draw(seed, index) for seed in (0, 1) for index in range(8)]
    found = {found.reply for found in replies(generator, [Sample(Trace(hard))] * 16, draws)}
    assert len(found) > 4


def test_a_solution_is_cut_into_steps_at_newlines_and_its_ids_decode_to_its_text(
    generator: Engine, tokenizer: Any
) -> None:
    for trace in solutions(generator, 10):
        assert trace.finish is FinishReason.STOP
        assert all(step.text.endswith("\n") and step.text.count("\n") == 1 for step in trace.steps[:-1])
        assert tokenizer.decode(trace.token_ids, skip_special_tokens=True) == trace.text


def test_one_step_stops_after_its_newline_and_can_be_continued_by_ids(generator: Engine) -> None:
    [first] = replies(generator, [Sample(Trace(PROBLEMS[3]), max_steps=1)])
    assert isinstance(first.reply, Trace) and first.reply.finish is FinishReason.STEP
    assert len(first.reply.steps) == 1 and first.reply.text.endswith("\n")
    [second] = replies(generator, [Sample(first.reply, max_steps=1)])
    assert isinstance(second.reply, Trace) and second.reply.steps[:1] == first.reply.steps
    assert len(second.reply.steps) == 2


def test_lookahead_samples_exactly_the_requested_steps(generator: Engine) -> None:
    problem = max(PROBLEMS, key=lambda problem: problem.level or 0)
    [reply] = replies(generator, [Sample(Trace(problem), max_steps=2, temperature=0.0)])
    [whole] = replies(generator, [Sample(Trace(problem), temperature=0.0)])
    assert isinstance(reply.reply, Trace) and isinstance(whole.reply, Trace)
    assert reply.reply.steps == whole.reply.steps[:2]


def test_the_tokens_of_unfinished_solutions_are_counted(generator: Engine) -> None:
    generator.submit(0, Sample(Trace(PROBLEMS[0])), Draw())
    seen = []
    while generator.is_busy:
        seen.append(generator.decoding_tokens)
        [*found] = generator.poll()
    [reply] = found
    assert seen == list(range(reply.usage.decoded)) and generator.decoding_tokens == 0


def test_a_solution_cut_by_the_token_limit_is_unfinished() -> None:
    engine = start_engine(VllmGenerator(max_tokens=5))
    [cut] = replies(engine, [Sample(Trace(PROBLEMS[0]))])
    assert isinstance(cut.reply, Trace) and cut.reply.finish is FinishReason.LENGTH
    assert len(cut.reply.token_ids) == 5
    again = Trace(PROBLEMS[0], cut.reply.steps, FinishReason.STEP)
    [still] = replies(engine, [Sample(again)])
    assert isinstance(still.reply, Trace) and still.reply.finish is FinishReason.LENGTH
    assert still.reply.token_ids == cut.reply.token_ids


def test_a_revision_continues_the_problem_and_the_attempts_each_with_its_end_mark(
    generator: Engine, tokenizer: Any
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(resolve("pocket", "generator"), dtype=torch.float32)
    first, second, *_ = (
        [found.reply for found in replies(generator, [Sample(Trace(problem))] * 2)] for problem in PROBLEMS[:2]
    )
    for problem, attempts in zip(PROBLEMS[:2], (first, second), strict=True):
        shown = tuple(attempt for attempt in attempts if isinstance(attempt, Trace))
        [got] = replies(generator, [Sample(Trace(problem, attempts=shown), temperature=0.0)])
        text = f"{problem.question}\n" + "".join(f"{attempt.text}</s>" for attempt in shown)
        prompt = tokenizer(text, return_tensors="pt")["input_ids"]
        expected = model.generate(prompt, max_new_tokens=192, do_sample=False)[0, prompt.shape[1] :].tolist()
        assert isinstance(got.reply, Trace) and list(got.reply.token_ids) == expected
        assert got.reply.attempts == shown


def test_the_oldest_attempts_are_dropped_where_they_do_not_fit(generator: Engine) -> None:
    problem = PROBLEMS[0]
    [attempt] = solutions(generator, 1)
    [bare] = replies(generator, [Sample(Trace(problem), temperature=0.0)])
    length = len(attempt.token_ids)
    prompt = bare.usage.prompt + bare.usage.cached
    room = VllmGenerator(max_tokens=2 * length, max_model_len=prompt + 4 * length)
    [got] = replies(start_engine(room), [Sample(Trace(problem, attempts=(attempt,) * 4), temperature=0.0)])
    assert got.usage.prompt + got.usage.cached == prompt + 2 * length


def test_values_equal_those_of_transformers_at_the_end_of_each_step(
    generator: Engine, verifier: Engine, tokenizer: Any
) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(resolve("pocket", "prm"), dtype=torch.float32)
    traces = solutions(generator, 6)
    prefixes = [trace.prefix(n + 1) for trace in traces for n in range(len(trace.steps))]
    for prefix, found in zip(prefixes, replies(verifier, [Score(prefix) for prefix in prefixes]), strict=True):
        lines = [prefix.problem.question, *(step.text.strip("\n") for step in prefix.steps)]
        text = "".join(f"{line}\n" for line in lines)
        with torch.inference_mode():
            hidden = model.model(**tokenizer(text, return_tensors="pt")).last_hidden_state
            expected = torch.sigmoid(model.score(hidden)[0, -1, 0]).item()
        assert isinstance(found.reply, float) and math.isclose(found.reply, expected, abs_tol=1e-4)


def test_scoring_the_newest_step_costs_its_own_tokens_and_less_than_a_block(
    generator: Engine, verifier: Engine, tokenizer: Any
) -> None:
    trace = max(solutions(generator, 20), key=lambda trace: len(trace.steps))
    last = len(trace.steps)
    [_] = replies(verifier, [Score(trace.prefix(last - 1))])
    [newest] = replies(verifier, [Score(trace)])
    new_tokens = len(tokenizer(trace.steps[-1].text)["input_ids"])
    assert newest.usage.prompt < new_tokens + CPU_BLOCK_SIZE
    assert newest.usage.cached % CPU_BLOCK_SIZE == 0


def test_a_head_that_is_read_at_every_token_gives_the_same_values(generator: Engine, verifier: Engine) -> None:
    traces = solutions(generator, 3)
    by_token = replies(start_engine(VllmVerifier(pooling="token")), [Score(trace) for trace in traces])
    for expected, got in zip(replies(verifier, [Score(trace) for trace in traces]), by_token, strict=True):
        assert got.reply == pytest.approx(expected.reply, abs=1e-4)


def test_a_causal_lm_scores_by_the_softmax_over_its_two_label_tokens(generator: Engine, tokenizer: Any) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    directory = resolve("pocket", "generator")
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    good, bad = (tokenizer.convert_tokens_to_ids(token) for token in "+-")
    [trace] = solutions(generator, 1)
    [scored] = replies(start_engine(VllmVerifier(model=directory, label_tokens=["+", "-"])), [Score(trace)])
    with torch.inference_mode():
        logits = model(**tokenizer(f"{trace.problem.question}\n{trace.text}\n", return_tensors="pt")).logits[0, -1]
    assert scored.reply == pytest.approx(torch.sigmoid(logits[good] - logits[bad]).item(), abs=1e-4)


def test_beam_search_drives_both_engines(generator: Engine, verifier: Engine) -> None:
    runner = Runner(generator, verifier)
    outcomes = list(runner.run(start_flows(PROBLEMS[:4], lambda problem: Beam(width=2).solve(problem, 4))))
    assert {outcome.problem.id for outcome in outcomes} == {problem.id for problem in PROBLEMS[:4]}
    for outcome in outcomes:
        assert len(outcome.candidates) == 4
        assert all(len(c.values) == len(c.trace.steps) for c in outcome.candidates)
        assert all(0 <= value <= 1 for c in outcome.candidates for value in c.values)
    assert runner.ledger.tokens.cached > 0  # the prefix cache serves children their parents' tokens


def test_equal_configs_share_one_engine() -> None:
    assert start_engine(VllmGenerator()) is start_engine(VllmGenerator())
    assert start_engine(VllmVerifier()) is not start_engine(VllmGenerator())


def test_engine_args_and_sampling_reach_vllm() -> None:
    greedy = VllmGenerator(sampling={"min_p": 1.0})  # keeps the most likely token only
    [plain] = replies(start_engine(VllmGenerator()), [Sample(Trace(PROBLEMS[0]), temperature=0.0)])
    [sampled] = replies(start_engine(greedy), [Sample(Trace(PROBLEMS[0]))])
    assert sampled.reply == plain.reply
    short = start_engine(VllmGenerator(engine_args={"max_model_len": 64}))
    [cut] = replies(short, [Sample(Trace(max(PROBLEMS, key=lambda problem: problem.level or 0)))])
    assert cut.usage.prompt + cut.usage.cached + cut.usage.decoded == 64


def test_what_is_passed_through_to_vllm_is_part_of_a_samples_key() -> None:
    request, draw = Sample(Trace(PROBLEMS[0])), Draw()
    keys = {
        start_engine(VllmGenerator(**settings)).key(request, draw)
        for settings in ({}, {"sampling": {"min_p": 1.0}}, {"engine_args": {"max_model_len": 64}})
    }
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (VllmGenerator(engine_args={"quantisation": "fp8"}), "generator.engine_args.quantisation: vLLM's EngineArgs"),
        (VllmVerifier(engine_args={"lora": True}), "prm.engine_args.lora: vLLM's EngineArgs"),
        (VllmGenerator(sampling={"minp": 0.1}), "did you mean min_p"),
        (VllmGenerator(sampling={"min_p": 7}), "min_p must be in"),
        (VllmGenerator(sampling={"min_p": "high"}), r"generator\.sampling=\{'min_p': 'high'\}: .*; fix the value"),
        (VllmGenerator(sampling={"seed": 3}), "generator.sampling.seed is set by ttc for each request; use seed="),
    ],
)
def test_unknown_or_reserved_vllm_settings_are_refused(config: VllmGenerator | VllmVerifier, message: str) -> None:
    with pytest.raises(UserError, match=message):
        config.check()
