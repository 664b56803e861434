"""`trainable=head|lora|all` on any causal LM: the result is a checkpoint that vLLM reads like transformers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from checkpoints import tensors_of
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from verifier_checkpoints import FAMILIES, build

from ttc.engines.base import Draw, start_engine
from ttc.engines.formats import PlainFormat
from ttc.engines.generator import VllmGenerator
from ttc.engines.provenance import question_digest, trained_on
from ttc.engines.verifier import VllmVerifier
from ttc.errors import UserError
from ttc.training.claim import claim_directory
from ttc.training.loop import Optimisation
from ttc.training.orm import OrmTraining, RevisionVerifierTraining
from ttc.training.prm import PrmTraining
from ttc.training.reviser import ReviserTraining
from ttc.training.trainable import Adapted, Lora, Trainable, check_rate, parameters_in_words
from ttc.training.trajectories import Recipe
from ttc.training.value_model import EncodedTrace, build_value_model, collate_traces, value_loss
from ttc.types import FinishReason, Problem, Score, Step, Trace

SMALL = Optimisation(steps=4, learning_rate=1e-2, warmup_steps=0)


@pytest.fixture(scope="module", params=["Qwen2", "Llama"])
def causal_lm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny causal LM with random weights."""
    [family] = [family for family in FAMILIES if family.name == "judge" and family.trunk == request.param]
    directory = tmp_path_factory.mktemp(request.param) / "lm"
    build(family, directory)
    return directory


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A file of solutions whose first wrong step is known: those with the word "seven" in it are wrong there."""
    rows = []
    for number in range(24):
        steps = [f"We add {number}.", "This makes seven." if number % 2 else "This makes eight.", "So it is done."]
        rows.append({"problem": f"What is {number} + 1?", "steps": steps, "label": 1 if number % 2 else -1})
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def head_training(causal_lm: Path, labels: Path) -> PrmTraining:
    return PrmTraining(
        generator=VllmGenerator(model=str(causal_lm)),
        labels=str(labels),
        validation_problems=8,
        trainable=Trainable.head,
    )


def values_in_vllm(directory: Path, trace: Trace) -> list[float]:
    engine = start_engine(VllmVerifier(model=str(directory), max_model_len=512))
    for ticket in range(len(trace.steps)):
        engine.submit(ticket, Score(trace.prefix(ticket + 1)), Draw())
    found: dict[int, float] = {}
    while engine.is_busy:
        found |= {reply.ticket: reply.reply for reply in engine.poll() if isinstance(reply.reply, float)}
    return [found[ticket] for ticket in range(len(trace.steps))]


def values_in_transformers(directory: Path, trace: Trace) -> list[float]:
    model = AutoModelForSequenceClassification.from_pretrained(directory, dtype=torch.float32)
    prefixes = PlainFormat(AutoTokenizer.from_pretrained(directory)).prefixes(trace)
    with torch.inference_mode():
        return [float(model(torch.tensor([ids])).logits[0, 0].sigmoid()) for ids in prefixes]


@pytest.mark.parametrize("trainable", list(Trainable))
def test_a_trained_checkpoint_gives_the_same_values_in_vllm_and_in_transformers(
    trainable: Trainable, causal_lm: Path, labels: Path, tmp_path: Path
) -> None:
    training = PrmTraining(
        generator=VllmGenerator(model=str(causal_lm)),
        labels=str(labels),
        validation_problems=8,
        trainable=trainable,
        optimisation=SMALL,
        batch_traces=8,
    )
    training.check()
    training.run(tmp_path / "run")
    trace = Trace(
        Problem("p", "What is 5 + 1?", ""),
        (Step("We add 5.\n\n", ()), Step("This makes seven.\n\n", ()), Step("So it is done.", ())),
        FinishReason.STOP,
    )
    model = tmp_path / "run" / "model"
    values = values_in_vllm(model, trace)
    assert values == pytest.approx(values_in_transformers(model, trace), abs=1e-4)
    assert len({round(value, 6) for value in values}) > 1  # the head has learnt something
    trunk, trained = tensors_of(causal_lm), tensors_of(model)
    same = {name for name in trunk.keys() & trained.keys() if torch.equal(trunk[name], trained[name])}
    linear = "model.layers.0.self_attn.q_proj.weight"
    assert (linear in same) == (trainable is Trainable.head)
    assert ("model.embed_tokens.weight" in same) == (trainable is not Trainable.all)
    layers = json.loads((model / "config.json").read_text())["num_hidden_layers"]
    depth = json.loads((tmp_path / "run" / "head.json").read_text())["depth"] if trainable is Trainable.head else 2
    assert layers == (4 if trainable is Trainable.all else depth)
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["n_problems"] == 8 and report["n_wrong_steps"] > 0
    assert len(trained_on(model)) == 16


def test_a_training_on_rated_steps_separates_what_the_ratings_separate(
    causal_lm: Path, labels: Path, tmp_path: Path
) -> None:
    head_training(causal_lm, labels).run(tmp_path / "run")
    measures = json.loads((tmp_path / "run" / "report.json").read_text())["measures"]
    assert measures["AUC, correct against wrong steps"]["value"]["mean"] > 0.9


def test_lora_trains_adapters_and_the_head_alone_and_merging_keeps_the_values() -> None:
    model = build_value_model(str(_pocket()), 0)
    adapted = Adapted(model, Lora(rank=4, dropout=0.0))
    learning = {name for name, weight in adapted.model.named_parameters() if weight.requires_grad}
    assert learning and all("lora_" in name or name.startswith("score.") for name in learning)
    assert any(name.startswith("score.") for name in learning)
    batch = collate_traces([EncodedTrace([1, 5, 6, 7], [1, 3], [0.0, 1.0], 1)])
    optimizer = torch.optim.SGD([w for w in adapted.model.parameters() if w.requires_grad], lr=1.0)
    for _ in range(3):
        value_loss(adapted.model, batch).backward()
        optimizer.step()
        optimizer.zero_grad()
    adapted.model.eval()
    before = value_loss(adapted.model, batch).item()
    merged = adapted.merged()
    assert not any("lora" in name for name in merged.state_dict())
    assert value_loss(merged, batch).item() == pytest.approx(before, abs=1e-6)


def _pocket() -> Path:
    from ttc.engines.checkpoint import POCKET_WEIGHTS

    return POCKET_WEIGHTS / "generator"


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (Lora(rank=0), r"lora\.rank=0: must be at least 1"),
        (Lora(alpha=0), r"lora\.alpha=0: must be at least 1"),
        (Lora(dropout=1.0), r"lora\.dropout=1\.0: must be at least 0 and below 1"),
        (Lora(target_modules=" , "), r"lora\.target_modules is empty"),
    ],
)
def test_impossible_adapters_are_refused(lora: Lora, message: str) -> None:
    with pytest.raises(UserError, match=message):
        OrmTraining(trainable=Trainable.lora, lora=lora).check()


def test_layers_that_the_model_does_not_have_are_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"lora\.target_modules=no_such_layer: .*; use all-linear, or names") as error:
        Adapted(build_value_model(str(_pocket()), 0), Lora(target_modules="no_such_layer"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (OrmTraining(trainable=Trainable.head, extra_layers=2), "extra_layers=2 does not fit trainable=head"),
        (OrmTraining(extra_layers=-1), "extra_layers=-1"),
        (OrmTraining(trainable=Trainable.head, l2=0.0), r"l2=0\.0: must be above 0"),
        (
            OrmTraining(trainable=Trainable.head, depth=0),
            r"depth=0: must be at least 1 layer and at most .* 4; use null",
        ),
        (
            OrmTraining(trainable=Trainable.head, depth=5),
            r"depth=5: must be at least 1 layer and at most .* 4; use null",
        ),
        (OrmTraining(trainable=Trainable.lora, depth=2), "depth=2 does not fit trainable=lora; use trainable=head"),
        (ReviserTraining(trainable=Trainable.head), "a reviser has none; use trainable=lora or all"),
        (PrmTraining(labels="no/such/file.jsonl"), "no/such/file.jsonl"),
    ],
)
def test_settings_that_do_not_fit_what_is_trained_are_refused(
    training: OrmTraining | ReviserTraining | PrmTraining, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        training.check()


def test_too_many_validation_problems_for_a_file_of_labels_are_refused(labels: Path) -> None:
    with pytest.raises(UserError, match=r"validation_problems=500 leaves none of the file's 24 problems .*=4"):
        PrmTraining(labels=str(labels)).check()


def test_a_rate_for_small_models_is_refused_for_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from ttc.cost import ModelShape
    from ttc.training import trainable

    monkeypatch.setattr(trainable, "shape_of", lambda source, revision: ModelShape(494_032_768, 357_897_088, 24, 896))
    rates = Optimisation(learning_rate=1e-3)
    with pytest.raises(UserError, match=r"learning_rate=0\.001: would ruin the 495M weights of pocket; use trainable="):
        check_rate(Trainable.all, rates, VllmGenerator())
    check_rate(Trainable.lora, rates, VllmGenerator())
    check_rate(Trainable.all, replace(rates, learning_rate=1e-5), VllmGenerator())
    assert parameters_in_words(1_540_000_000) == "1.54B"


def test_a_checkpoint_names_the_problems_that_it_learnt_from_by_their_digests_alone(
    causal_lm: Path, labels: Path, tmp_path: Path
) -> None:
    head_training(causal_lm, labels).run(tmp_path / "run")
    record = (tmp_path / "run" / "model" / "model_info.json").read_text()
    assert "What is" not in record
    digests = {question_digest(f"What is  {number} + 1?") for number in range(24)}
    assert trained_on(tmp_path / "run" / "model") < digests
    assert VllmVerifier(model=str(tmp_path / "run" / "model")).trained_on == trained_on(tmp_path / "run" / "model")
    assert VllmVerifier().trained_on == frozenset()


@pytest.mark.parametrize("trainable", [Trainable.lora, Trainable.all])
def test_a_chat_model_becomes_a_reviser_with_its_own_template(
    trainable: Trainable, causal_lm: Path, tmp_path: Path
) -> None:
    training = ReviserTraining(
        generator=VllmGenerator(model=str(causal_lm), chat=True, prompt="{question}", max_tokens=64),
        recipe=Recipe.paper,
        trainable=trainable,
        optimisation=replace(SMALL, epochs=2.0, pass_tokens=256),
        batch_documents=4,
        evaluate_every=2,
    )
    claim_directory(tmp_path / "run", training)
    for split in ("train", "validation"):  # as if it had been sampled: random weights solve nothing
        rows = [
            {"id": f"{split}{n}", "question": f"{n}+1?", "attempts": [["It is 9.", False, []], ["It is 2.", True, []]]}
            for n in range(12)
        ]
        (tmp_path / "run" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / "run" / f"{split}.done").touch()
    training.run(tmp_path / "run")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    losses = list(report["validation_losses"].values())
    assert report["trajectories"] == 12 and len(losses) == 3 and losses[-1] < losses[0]
    model = tmp_path / "run" / "model"
    VllmGenerator(model=str(model), chat=True, prompt="{question}").check()
    before, after = tensors_of(causal_lm), tensors_of(model)
    assert set(before) == set(after)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert "model.layers.0.mlp.down_proj.weight" in changed
    assert ("model.embed_tokens.weight" in changed) == (trainable is Trainable.all)
    assert len(trained_on(model)) == 12


def test_a_verifier_reads_the_chains_of_a_reviser_with_their_history(causal_lm: Path, tmp_path: Path) -> None:
    training = RevisionVerifierTraining(
        generator=VllmGenerator(model=str(causal_lm)), start=None, trainable=Trainable.head, length=2
    )
    claim_directory(tmp_path / "run", training)
    for split in ("train", "validation"):
        rows = [
            {"id": f"{split}{n}", "question": f"{n}+1?", "steps": [answer], "labels": [label], "attempts": attempts}
            for n in range(6)
            for answer, label, attempts in (("It is 9.", 0.0, []), ("It is $\\boxed{2}$.", 1.0, ["It is 9."]))
        ]
        (tmp_path / "run" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / "run" / f"{split}.done").touch()
    training.run(tmp_path / "run")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["n_problems"] == 6 and report["ranking"]["auc"] == 1.0
    for baseline in ("log_probability", "mean_log_probability"):
        found = report["baselines"][baseline]
        assert found["verifiers_lead"]["mean"] == pytest.approx(1.0 - found["auc"])
