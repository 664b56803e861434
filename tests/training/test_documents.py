"""Documents that a generator is finetuned on hold the ids that its engine would send and receive."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer
from verifier_checkpoints import FAMILIES, build

from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.training.documents import DocumentEncoder


def test_a_plain_document_is_the_prompt_the_attempts_with_their_marks_and_the_target_with_its_own() -> None:
    tokenizer = AutoTokenizer.from_pretrained(resolve("pocket", "generator"))
    context, target = DocumentEncoder(VllmGenerator(), tokenizer, 512).encode("Find $1+1$.", ["$3$", "$4$"], "$2$")
    assert tokenizer.decode(context) == "<s>Find $1+1$.\n$3$</s>$4$</s>"
    assert tokenizer.decode(target) == "$2$</s>"


def test_a_chat_document_ends_as_the_assistants_turn_does(tmp_path: Path) -> None:
    [family] = [family for family in FAMILIES if family.name == "judge" and family.trunk == "Qwen2"]
    build(family, tmp_path / "chat")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "chat")
    generator = VllmGenerator(model=str(tmp_path / "chat"), chat=True, prompt="{question}", revise="Again.")
    context, target = DocumentEncoder(generator, tokenizer, 4096).encode("1+1?", ["It is 3."], "It is 2.")
    whole = generator.render(
        tokenizer,
        [("user", "1+1?"), ("assistant", "It is 3."), ("user", "Again."), ("assistant", "It is 2.")],
        generate=False,
    )
    assert whole.startswith(tokenizer.decode([*context, *target]))
    assert tokenizer.decode([*context, *target]).rstrip() == whole.rstrip()


def test_the_oldest_attempts_are_left_out_where_they_do_not_fit() -> None:
    tokenizer = AutoTokenizer.from_pretrained(resolve("pocket", "generator"))
    generator = VllmGenerator(max_tokens=4)
    long, short = "$1+2+3+4+5+6+7+8+9$ " * 8, "$4$"
    context, _ = DocumentEncoder(generator, tokenizer, 64).encode("Find $1+1$.", [long, short], "$2$")
    assert tokenizer.decode(context) == "<s>Find $1+1$.\n$4$</s>"
