"""The pocket tokenizer: byte-pair merges over the text between numbers; a number of up to two digits is one token."""

from __future__ import annotations

import string
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

VOCABULARY = 512
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")

# A step's newline may end a token but never stand inside one: a step then ends where a token ends.
PIECES = r"\d{1,2}|[^\d\n]+\n?|\n"


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Learn the merges from `texts`. Decoding token ids gives back the text exactly."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), "isolated")
    tokenizer.decoder = decoders.Fuse()
    numbers = [str(number) for number in range(10, 100)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=[*string.printable[:95], "\n"],
        limit_alphabet=100,
        show_progress=False,
    )
    tokenizer.train_from_iterator([*texts, *numbers * 10_000], trainer)
    bos = SPECIAL.index("<s>")
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", bos)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )
