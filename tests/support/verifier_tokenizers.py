"""Tokenizers of the kinds that public verifiers have, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHATML = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (  # renders the start mark itself and trims every turn, as Llama 3's template does
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n"
    "{{ message.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CORPUS = [
    "Problem: How many apples are left? Solution: Step 1: So we have 12 - 5 = 7 apples. The answer is \\boxed{7}.",
    "Is the solution above correct so far? Yes or No. system user assistant You are a helpful assistant.",
    "Yes No Yes No + - + -\n\nTherefore x^2 + 3x = 10,\n\nhence x = 2.\n",
]


def byte_level_tokenizer(template: str, starts_texts: bool) -> Any:
    """Return a small byte-level BPE tokenizer with Qwen's pattern.

    Args:
        template: its chat template.
        starts_texts: whether it puts its start mark before every text, as Llama's does.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=MARKS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(CORPUS * 3, trainer)
    if starts_texts:
        backend.post_processor = processors.TemplateProcessing(
            single=f"{MARKS[0]} $A", special_tokens=[(MARKS[0], backend.token_to_id(MARKS[0]))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=MARKS[0], eos_token=MARKS[2], pad_token=MARKS[0], chat_template=template
    )


def mistral_tokenizer(directory: Path) -> Any:
    """Return Mistral-7B's tokenizer, which Math-Shepherd shares, read from a new directory."""
    import mistral_common
    from transformers import AutoTokenizer

    directory.mkdir(parents=True, exist_ok=True)
    model = Path(mistral_common.__file__).parent / "data" / "tokenizer.model.v1"
    (directory / "tokenizer.model").write_bytes(model.read_bytes())
    (directory / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", '
        '"add_bos_token": true}'
    )
    return AutoTokenizer.from_pretrained(directory)


def tokenizer_for(kind: str, directory: Path, source: Path | None = None) -> Any:
    """Return the tokenizer of a family: `chatml`, `llama` or `mistral`, or the one in `source` with its marks added."""
    from transformers import AutoTokenizer

    if source is not None:
        tokenizer = AutoTokenizer.from_pretrained(source)
        tokenizer.bos_token = tokenizer.bos_token or tokenizer.pad_token
    elif kind == "mistral":
        return mistral_tokenizer(directory)
    else:
        tokenizer = byte_level_tokenizer(LLAMA if kind == "llama" else CHATML, starts_texts=kind == "llama")
    tokenizer.add_tokens(["<extra_0>", " ки"], special_tokens=True)
    return tokenizer
