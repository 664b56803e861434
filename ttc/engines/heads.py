"""Whether a checkpoint has the head that its part in the run reads: one that generates, or one that gives values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ttc.engines.inspection import Checkpoint
from ttc.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

GENERATES = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
CLASSIFIES = ("ForSequenceClassification", "ForTokenClassification", "RewardModel")
HEADS = {"score", "classifier", "v_head", "value_head"}  # what a value head is called in the weights
DEFAULT_CLASSES = 2  # of a config that names neither num_labels nor id2label, in transformers


def check_generates(checkpoint: Checkpoint) -> None:
    """Refuse a verifier in the generator's place, and a causal LM whose weights lack the output head."""
    architecture = checkpoint.architecture
    if architecture.endswith(CLASSIFIES):
        checkpoint.refuse(f"{architecture} is a verifier and generates no text; name it as prm.model instead.")
    _check_output_head(checkpoint)


def check_gives_values(checkpoint: Checkpoint, with_label_tokens: bool, positive_class: int, pooling: str) -> None:
    """Refuse a checkpoint without the head that a verifier is read at, and a class that this head does not have.

    Raises:
        UserError: naming the key to change.
    """
    architecture = checkpoint.architecture
    head = sorted(name for name, shape in checkpoint.shapes.items() if shape and HEADS & {*name.split(".")[:2]})
    if with_label_tokens:
        if architecture.endswith(CLASSIFIES):
            raise UserError(
                f"prm.label_tokens: {architecture} ({checkpoint.key}) has a head of its own and answers with no token; "
                "use prm.label_tokens=[]."
            )
        _check_output_head(checkpoint)
        classes = 1
    elif head:
        classes = checkpoint.shapes[head[-1]][0]  # of several layers, the last gives the values
        _check_classes(checkpoint, classes)
    elif checkpoint.shapes and architecture.endswith(CLASSIFIES):
        checkpoint.refuse(f"its weights hold no head (score.weight), so it gives no values; {_remedy()}")
    elif architecture.endswith(GENERATES):
        checkpoint.refuse(
            f"{architecture} is a language model without a head that gives values; {_remedy()} For one that answers "
            'with one of two tokens, name them: prm.label_tokens=["+","-"].'
        )
    else:
        classes = _classes(checkpoint)
    if not 0 <= positive_class < classes:
        known = "0 is the only one" if classes == 1 else f"they are 0 to {classes - 1}"
        raise UserError(
            f"prm.positive_class={positive_class}: {checkpoint.key} has {classes} class{'es' * (classes > 1)}; {known}."
        )
    if pooling == "last" and architecture.endswith("RewardModel"):
        raise UserError(f"prm.pooling=last: vLLM reads {architecture} at every token only; use prm.pooling=token.")


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
    if checkpoint.architecture.endswith("ForSequenceClassification") and said != classes:
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
