"""Whether a checkpoint has the head that its part in the run reads: one that generates, or one that gives values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ttc.engines.formats import FORMATS
from ttc.engines.inspection import Checkpoint
from ttc.engines.reading import ReadingSettings
from ttc.engines.vllm_plugin import SKYWORK, TRUNKS, TWO_LAYER_HEAD, VALUE_HEAD
from ttc.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

GENERATES = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
CLASSIFIES = ("ForSequenceClassification", "ForTokenClassification", "RewardModel", "ForPrmModel")
TWO_LAYERS = {"Qwen2ForRewardModel": 1, "Qwen2ForProcessRewardModel": 2}  # architecture -> classes of its head
HEADS = {"score", "classifier", "v_head", "value_head"}  # what a value head is called in the weights
DEFAULT_CLASSES = 2  # of a config that names neither num_labels nor id2label, in transformers


def check_generates(checkpoint: Checkpoint) -> None:
    """Refuse a verifier in the generator's place, and a causal LM whose weights lack the output head."""
    architecture = checkpoint.architecture
    if architecture.endswith(CLASSIFIES):
        checkpoint.refuse(f"{architecture} is a verifier and generates no text; name it as prm.model instead.")
    _check_output_head(checkpoint)


def check_gives_values(checkpoint: Checkpoint, reading: ReadingSettings) -> None:
    """Refuse a checkpoint without the head that its format is read at, and a class that this head does not have.

    Raises:
        UserError: naming the key to change.
    """
    architecture = checkpoint.architecture
    _check_kind(checkpoint, reading)
    if reading.label_tokens:
        _check_output_head(checkpoint)
        classes = 1
    else:
        classes = _classes_of_head(checkpoint, reading)
    _check_format_classes(checkpoint, reading, classes)
    if not 0 <= reading.positive_class < classes:
        known = "0 is the only one" if classes == 1 else f"they are 0 to {classes - 1}"
        raise UserError(
            f"prm.positive_class={reading.positive_class}: {checkpoint.key} has {classes} "
            f"class{'es' * (classes > 1)}; {known}."
        )
    if reading.pooling == "last" and architecture.endswith("RewardModel") and architecture not in TWO_LAYERS:
        raise UserError(f"prm.pooling=last: vLLM reads {architecture} at every token only; use prm.pooling=token.")


def _check_kind(checkpoint: Checkpoint, reading: ReadingSettings) -> None:
    """Refuse a language model for a verifier with a head, and the other way round."""
    architecture, step_format = checkpoint.architecture, FORMATS[reading.format]
    if reading.label_tokens and architecture.endswith(CLASSIFIES):
        if step_format.asks:
            raise UserError(
                f"prm.format={reading.format} asks a language model, but {checkpoint.key} is {architecture}, which "
                "answers nothing; name an instruct model as prm.model."
            )
        raise UserError(
            f"prm.label_tokens: {architecture} ({checkpoint.key}) has a head of its own and answers with no token; "
            "use prm.label_tokens=[]."
        )
    if reading.label_tokens and step_format.classes is not None:
        raise UserError(
            f"prm.label_tokens={list(reading.label_tokens)}: a verifier of the format {reading.format} has a head of "
            "its own and answers with no token; use prm.label_tokens=[]."
        )


def _classes_of_head(checkpoint: Checkpoint, reading: ReadingSettings) -> int:
    architecture = checkpoint.architecture
    head = sorted(name for name, shape in checkpoint.shapes.items() if shape and HEADS & {*name.split(".")[:2]})
    if _has_value_head(checkpoint, reading):
        _value_head(checkpoint)
    if head:
        classes = checkpoint.shapes[head[-1]][0]  # of several layers, the last gives the values
        _check_classes(checkpoint, classes)
        return classes
    if checkpoint.shapes and architecture.endswith(CLASSIFIES):
        checkpoint.refuse(f"its weights hold no head (score.weight), so it gives no values; {_remedy()}")
    if _has_value_head(checkpoint, reading):
        return 1
    if architecture.endswith(GENERATES):
        checkpoint.refuse(
            f"{architecture} is a language model without a head that gives values; {_remedy()} For one that answers "
            'with one of two tokens, name them: prm.label_tokens=["+","-"].'
        )
    return TWO_LAYERS.get(architecture) or _classes(checkpoint)


def _check_format_classes(checkpoint: Checkpoint, reading: ReadingSettings, classes: int) -> None:
    expected = FORMATS[reading.format].classes
    if expected is not None and classes != expected:
        raise UserError(
            f"prm.format={reading.format}: its verifiers have a head with {expected} class{'es' * (expected > 1)}, but "
            f"that of {checkpoint.key} has {classes}; use the format that this verifier was trained with."
        )


def head_overrides(checkpoint: Checkpoint, reading: ReadingSettings) -> dict[str, Any]:
    """Return what vLLM must be told about config.json, as its `hf_overrides`, to read the head at any position.

    Raises:
        UserError: no class reads this head on this kind of model.
    """
    architecture = checkpoint.architecture
    overrides: dict[str, Any] = {}
    if reading.label_tokens:  # vLLM names the bad one first
        return {
            "architectures": [architecture.replace("ForCausalLM", "ForSequenceClassification")],
            "classifier_from_token": list(reading.label_tokens)[::-1],
            "method": "from_2_way_softmax",
        }
    if architecture in TWO_LAYERS:
        overrides = {"architectures": [TWO_LAYER_HEAD], "num_labels": TWO_LAYERS[architecture]}
    elif _has_value_head(checkpoint, reading):
        overrides = {"architectures": [_value_head(checkpoint)], "num_labels": 1}
    elif architecture.endswith("ForTokenClassification"):  # the same head, which vLLM reads on more models
        overrides = {"architectures": [architecture.replace("ForToken", "ForSequence")]}
    if checkpoint.config.get("problem_type") == "regression":
        overrides["problem_type"] = None  # otherwise vLLM returns the logit itself
    return overrides


def _has_value_head(checkpoint: Checkpoint, reading: ReadingSettings) -> bool:
    """Whether the checkpoint has TRL's value head; where its weights are not known, the format must say so."""
    if not checkpoint.shapes:
        return checkpoint.architecture == SKYWORK or (
            reading.format == "skywork" and checkpoint.architecture.endswith(GENERATES)
        )
    return any(name.startswith("v_head.") for name in checkpoint.shapes)


def _value_head(checkpoint: Checkpoint) -> str:
    """Return the architecture that reads the checkpoint's value head."""
    trunk, _, _ = checkpoint.architecture.partition("For")
    if trunk not in TRUNKS:
        checkpoint.refuse(
            f"a value head (v_head) on {checkpoint.architecture} cannot be read; name one on {', '.join(TRUNKS[:-1])} "
            f"or {TRUNKS[-1]}."
        )
    return f"{trunk}{VALUE_HEAD}"


def check_label_tokens(label_tokens: Sequence[str], tokenizer: PreTrainedTokenizerBase, checkpoint: Checkpoint) -> None:
    """Refuse label tokens that are not two different entries of the vocabulary.

    vLLM looks a label up as it stands in the vocabulary: `▁+` there is what a SentencePiece tokenizer reads ` +` as.
    """
    rows = checkpoint.size("vocab_size")
    ids = []
    for token in label_tokens:
        id_ = tokenizer.convert_tokens_to_ids(token)
        unknown = id_ is None or (id_ == tokenizer.unk_token_id and token != tokenizer.unk_token)
        if unknown or (rows is not None and id_ >= rows):
            pieces = tokenizer.convert_ids_to_tokens(tokenizer(token, add_special_tokens=False)["input_ids"])
            read = f" (read as {len(pieces)} tokens: {' '.join(map(str, pieces))})" if len(pieces) > 1 else ""
            raise UserError(
                f"prm.label_tokens: {token!r} is not a token of {checkpoint.key}{read}; name the two tokens that the "
                "verifier was trained to answer with, as its tokenizer.json spells them."
            )
        ids.append(id_)
    if len(set(ids)) < len(ids):
        raise UserError(f"prm.label_tokens={list(label_tokens)}: the good and the bad token are the same; name both.")


def _check_output_head(checkpoint: Checkpoint) -> None:
    """Refuse a causal LM whose config does not tie the output head to the embedding and whose weights lack it."""
    tied = checkpoint.text_config.get("tie_word_embeddings", checkpoint.config.get("tie_word_embeddings"))
    embeds = "model.embed_tokens.weight" in checkpoint.shapes
    if tied is False and embeds and not any("lm_head" in name for name in checkpoint.shapes):
        checkpoint.refuse(
            "its weights hold no lm_head.weight, and config.json says tie_word_embeddings=false, so it answers with no "
            "token; name a complete causal LM."
        )


def _check_classes(checkpoint: Checkpoint, classes: int) -> None:
    said = _classes(checkpoint)
    if checkpoint.architecture.endswith(("ForSequenceClassification", "ForTokenClassification")) and said != classes:
        checkpoint.refuse(
            f"config.json says {said} classes (num_labels or id2label), but the head in the weights has {classes}; "
            "use the config.json that was saved with these weights."
        )


def _classes(checkpoint: Checkpoint) -> int:
    labels = checkpoint.config.get("id2label")
    said = checkpoint.size("num_labels")
    return said if said is not None else len(labels) if isinstance(labels, dict) else DEFAULT_CLASSES


def _remedy() -> str:
    return "name a trained verifier, e.g. prm.model=pocket."
