"""The generator on real vLLM: where solutions end, what is refused, and what a key says."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ttc.engines.base import Draw, Engine, EngineReply, start_engine
from ttc.engines.checkpoint import fingerprint, resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.sampling import Seeded
from ttc.errors import UserError
from ttc.hashing import digest
from ttc.pocket.problems import load_split
from ttc.types import FinishReason, Sample, Step, Trace

pytestmark = pytest.mark.usefixtures("small_caches")

PROBLEMS = load_split("validation")[:12]
UNK, EOS = 3, 2
ANSWER = "The answer is"  # how the last line of every solution begins


def copied(directory: Path, *, special: bool = True, chat_template: str | None = None, **marks: Any) -> str:
    """Copy the pocket generator with other end marks: the tokenizer's, and those of both config files."""
    shutil.copytree(resolve("pocket", "generator"), directory)
    edit(directory / "tokenizer_config.json", eos_token=marks.get("tokenizer", "<unk>"), chat_template=chat_template)
    edit(directory / "config.json", eos_token_id=marks["config"])
    if marks["generation_config"] is None:
        (directory / "generation_config.json").unlink()
    else:
        edit(directory / "generation_config.json", eos_token_id=marks["generation_config"])
    if not special:
        file = directory / "tokenizer.json"
        file.write_text(file.read_text().replace('"special": true', '"special": false'))
    return str(directory)


def edit(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def replies(engine: Engine, requests: Sequence[Sample], draws: Sequence[Draw]) -> list[EngineReply]:
    for ticket, (request, draw) in enumerate(zip(requests, draws, strict=True)):
        engine.submit(ticket, request, draw)
    found: list[EngineReply] = []
    while engine.is_busy:
        found += engine.poll()
    return sorted(found, key=lambda reply: reply.ticket)


def traces(engine: Engine, starts: Sequence[Trace], max_steps: int | None = None) -> list[Trace]:
    """Continue every trace once, each with a draw of its own."""
    requests = [Sample(start, max_steps) for start in starts]
    found = [reply.reply for reply in replies(engine, requests, [Draw(0, n) for n in range(len(requests))])]
    return [trace for trace in found if isinstance(trace, Trace)]


def whole(engine: Engine) -> list[Trace]:
    return traces(engine, [Trace(problem) for problem in PROBLEMS])


def step_by_step(engine: Engine) -> list[Trace]:
    """Sample every solution one step at a time."""
    open_, done = [Trace(problem) for problem in PROBLEMS], []
    while open_:
        found = traces(engine, open_, max_steps=1)
        assert all(len(new.steps) == len(old.steps) + 1 for new, old in zip(found, open_, strict=True))
        done += [trace for trace in found if not trace.is_open]
        open_ = [trace for trace in found if trace.is_open]
    return done


def contents(found: Sequence[Trace]) -> list[tuple[str, str, tuple[int, ...], FinishReason | None]]:
    return sorted((trace.problem.id, trace.text, trace.token_ids, trace.finish) for trace in found)


@pytest.fixture(scope="module")
def pocket() -> Engine:
    return start_engine(VllmGenerator())


@pytest.mark.parametrize(
    "marks",
    [
        {"generation_config": [UNK, EOS], "config": UNK},
        {"generation_config": None, "config": [UNK, EOS]},
        {"generation_config": [UNK], "config": [UNK, EOS]},
        {"generation_config": [UNK, EOS], "config": UNK, "special": False},
    ],
    ids=["generation_config", "config", "config_beside_generation_config", "ordinary_tokens"],
)
def test_any_of_several_end_marks_finishes_a_solution(marks: dict[str, Any], pocket: Engine, tmp_path: Path) -> None:
    engine = start_engine(VllmGenerator(model=copied(tmp_path / "model", **marks)))
    found = whole(engine)
    assert contents(found) == contents(whole(pocket))
    assert {trace.finish for trace in found} == {FinishReason.STOP}
    assert all(trace.token_ids[-1] == EOS and "</s>" not in trace.text for trace in found)
    assert contents(step_by_step(engine)) == contents(step_by_step(pocket))
    revised = [
        traces(each, [Trace(trace.problem, attempts=(trace, trace)) for trace in found]) for each in (engine, pocket)
    ]
    assert contents(revised[0]) == contents(revised[1])


def test_the_end_of_a_turn_in_the_chat_template_finishes_a_solution(tmp_path: Path) -> None:
    template = (
        "{{ bos_token }}{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}</s>{% endif %}{% endfor %}"
    )
    model = copied(tmp_path / "model", chat_template=template, config=UNK, generation_config=UNK)
    found = whole(start_engine(VllmGenerator(model=model, chat=True)))
    assert all(trace.is_finished and trace.token_ids[-1] == EOS for trace in found)


def test_a_stop_string_that_is_a_special_token_finishes_a_solution(pocket: Engine, tmp_path: Path) -> None:
    model = copied(tmp_path / "model", config=UNK, generation_config=UNK)
    assert contents(whole(start_engine(VllmGenerator(model=model, stop=["</s>"])))) == contents(whole(pocket))


@pytest.mark.parametrize("separator", ["\n", "$\n"])
@pytest.mark.parametrize("stop", [ANSWER, f"\n{ANSWER}", "e answer i"], ids=["at_a_step", "spanning", "inside_a_token"])
def test_a_solution_ends_before_its_stop_string(stop: str, separator: str) -> None:
    pocket = start_engine(VllmGenerator(step_separator=separator))
    engine = start_engine(VllmGenerator(step_separator=separator, stop=["never seen", stop]))
    for plain, found in zip(whole(pocket), whole(engine), strict=True):
        assert found.text == plain.text[: plain.text.index(stop)] and found.is_finished
        assert found.token_ids == plain.token_ids[: len(found.token_ids)]
    expected = {trace.problem.id: trace.text[: trace.text.index(stop)] for trace in step_by_step(pocket)}
    for found in step_by_step(engine):
        assert found.is_finished and found.text.rstrip("\n") == expected[found.problem.id].rstrip("\n")


def test_the_rest_of_a_solution_ends_before_a_stop_string_that_an_earlier_step_begins(pocket: Engine) -> None:
    before_last = []
    for trace in whole(pocket):
        last = next(n for n, step in enumerate(trace.steps) if step.text.startswith(ANSWER))
        before_last.append(trace.prefix(last))
    engine = start_engine(VllmGenerator(stop=["never seen", f"\n{ANSWER}"]))
    for start, found in zip(before_last, traces(engine, before_last), strict=True):
        assert found.steps[: len(start.steps)] == start.steps and ANSWER not in found.text


def test_tokens_of_a_stop_string_are_charged_though_they_are_cut(pocket: Engine) -> None:
    engine = start_engine(VllmGenerator(stop=["never seen", ANSWER]))
    [found] = replies(engine, [Sample(Trace(PROBLEMS[0]))], [Draw()])
    assert isinstance(found.reply, Trace) and found.usage.decoded > len(found.reply.token_ids)


def test_the_keys_of_existing_stores_stay_and_a_stop_string_changes_them(pocket: Engine) -> None:
    from transformers import AutoTokenizer

    source = resolve("pocket", "generator")
    prompt = tuple(AutoTokenizer.from_pretrained(source)(f"{PROBLEMS[0].question}\n")["input_ids"])
    attempt = Trace(PROBLEMS[0], (Step("a", (5, 6, EOS)),), FinishReason.STOP)
    identity = (fingerprint(source), 1.0, -1, "\n", 192, 512)
    requests = {
        Sample(Trace(PROBLEMS[0])): digest(identity, (prompt, ()), 1.0, None, Draw(1, 2)),
        Sample(Trace(PROBLEMS[0], attempts=(attempt,)), 2, 0.0): digest(
            identity, ((*prompt, 5, 6, EOS), ()), 0.0, 2, Draw(1, 2)
        ),
    }
    stopped = start_engine(VllmGenerator(stop=["never seen", ANSWER]))
    for request, key in requests.items():
        assert pocket.key(request, Draw(1, 2)) == key != stopped.key(request, Draw(1, 2))


def test_a_setting_that_changes_replies_changes_what_identifies_them_and_none_does_at_its_default() -> None:
    assert VllmGenerator().identity() == (fingerprint(resolve("pocket", "generator")),)
    changed = [
        VllmGenerator(stop=["x"]),
        VllmGenerator(sampling={"min_p": 0.1}),
        VllmGenerator(seeded=Seeded.engine),
        VllmGenerator(end_of_thought="</think>"),
        VllmGenerator(few_shot="math"),
        VllmGenerator(chat_template_kwargs={"x": 1}),
    ]
    assert len({repr(config.identity()) for config in [VllmGenerator(), *changed]}) == 1 + len(changed)
    assert len({config.fingerprint() for config in [VllmGenerator(), *changed]}) == 1 + len(changed)


def test_without_a_seed_per_request_the_engine_samples_by_itself() -> None:
    unseeded = start_engine(VllmGenerator(seeded=Seeded.engine))
    asked = [Sample(Trace(PROBLEMS[0]))] * 16
    first, second = ([reply.reply for reply in replies(unseeded, asked, [Draw()] * 16)] for _ in range(2))
    assert len(set(first)) > 1  # though all are the same draw
    assert first != second


def test_the_attempts_that_had_no_room_are_reported(pocket: Engine) -> None:
    attempt = whole(pocket)[0]
    asked = Trace(PROBLEMS[0], attempts=(attempt,) * 40)
    [found] = replies(pocket, [Sample(asked)], [Draw()])
    assert 0 < found.hidden_attempts < 40


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (VllmGenerator(temperature=math.nan), "generator.temperature=nan: must be 0"),
        (VllmGenerator(temperature=math.inf), "generator.temperature=inf: must be 0"),
        (VllmGenerator(temperature=-1), "generator.temperature=-1: must be 0"),
        (VllmGenerator(top_p=math.nan), "generator.top_p=nan is not in"),
        (VllmGenerator(top_k=-5), "generator.top_k=-5: must be from -1"),
        (VllmGenerator(top_k=10**20), "generator.top_k=100000000000000000000: must be from -1"),
        (VllmGenerator(max_tokens=0), "generator.max_tokens=0 is below 1"),
        (VllmGenerator(stop=["Problem:", ""]), "generator.stop holds an empty string"),
        (
            VllmGenerator(sampling={"repetition_penalty": math.nan}),
            "sampling.repetition_penalty=nan: must be",
        ),
        (VllmGenerator(sampling={"stop": ["x"]}), "generator.sampling.stop is set by ttc .* use generator.stop="),
        (VllmGenerator(chat=True), "generator.chat=true: pocket has no chat template"),
    ],
)
def test_impossible_settings_are_refused_before_weights_load(config: VllmGenerator, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        config.check()
    assert "\n" not in str(error.value)


def test_a_max_tokens_beyond_every_context_means_the_context() -> None:
    VllmGenerator(max_tokens=10**30, top_k=0).check()
