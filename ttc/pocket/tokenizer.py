"""The pocket tokenizer: byte-pair encoding of the text between numbers; a number of up to two digits is one token."""

from __future__ import annotations

import string
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

VOCABULARY_SIZE = 512
SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>")

# A newline can be the last character of a token but never an inner one, so every step ends at the end of a token.
PIECE_PATTERN = r"\d{1,2}|[^\d\n]+\n?|\n"


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Learn the merges from `texts`. Decoding token ids restores the text exactly."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECE_PATTERN), "isolated")
    tokenizer.decoder = decoders.Fuse()
    numbers = [str(number) for number in range(10, 100)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=[*string.printable[:95], "\n"],
        limit_alphabet=100,
        show_progress=False,
    )
    tokenizer.train_from_iterator([*texts, *numbers * 10_000], trainer)
    bos = SPECIAL_TOKENS.index("<s>")
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", bos)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )
