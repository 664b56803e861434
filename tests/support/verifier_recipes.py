"""What each family's model card (or trainer) says to compute, with transformers: the reference for our formats.

Each recipe reads a whole conversation or text at once and picks the positions of the steps. None of it uses ttc.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Recipe = Callable[[str, Sequence[str]], list[float]]
"""Question and steps -> one value for each step."""


def recipe(format_: str, directory: Path, labels: Sequence[str], separator: str, asked: str) -> Recipe:
    """Return the recipe of a family.

    Args:
        format_: its name in `prm.format`.
        directory: a checkpoint.
        labels: the two tokens of a verifier that answers with one of them.
        separator: of TRL's trainer.
        asked: the judge's question.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(directory)
    label_ids = tokenizer.convert_tokens_to_ids(list(labels))
    recipes: dict[str, Callable[[], Recipe]] = {
        "plain": lambda: _plain(tokenizer, _loaded(directory, "SequenceClassification")),
        "math_shepherd": lambda: _math_shepherd(tokenizer, _causal(directory), label_ids),
        "rlhflow": lambda: _rlhflow(tokenizer, _causal(directory), label_ids),
        "qwen_math_prm": lambda: _qwen(tokenizer, _two_layers(directory)),
        "skywork": lambda: _skywork(tokenizer, _value_head(directory)),
        "trl": lambda: _trl(tokenizer, _classifier(directory, "TokenClassification"), separator),
        "answer": lambda: _answer(tokenizer, directory),
        "judge": lambda: _judge(tokenizer, _causal(directory), label_ids, asked),
    }
    return recipes[format_]()


Logits = Callable[[Sequence[int]], Any]
"""Token ids -> logits (tokens, classes)."""


def _loaded(directory: Path, kind: str) -> Any:
    import torch
    import transformers

    automatic = getattr(transformers, f"AutoModelFor{kind}")
    return automatic.from_pretrained(directory, trust_remote_code=False, dtype=torch.float32).eval()


def _read(model: Any, ids: Sequence[int], **arguments: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(input_ids=torch.tensor([list(ids)]), **arguments)


def _causal(directory: Path) -> Logits:
    model = _loaded(directory, "CausalLM")
    return lambda ids: _read(model, ids).logits[0]


def _classifier(directory: Path, kind: str) -> Logits:
    model = _loaded(directory, kind)
    return lambda ids: _read(model, ids).logits[0]


def _hidden(directory: Path) -> tuple[Callable[[Sequence[int]], Any], dict[str, Any]]:
    from safetensors.torch import load_file

    model = _loaded(directory, "CausalLM")
    weights = load_file(directory / "model.safetensors")
    return lambda ids: _read(model, ids, output_hidden_states=True).hidden_states[-1][0], weights


def _two_layers(directory: Path) -> Logits:
    """Return the logits of a linear layer, ReLU, and another."""
    from torch.nn.functional import linear, relu

    hidden, w = _hidden(directory)

    def logits(ids: Sequence[int]) -> Any:
        inner = relu(linear(hidden(ids), w["score.0.weight"], w["score.0.bias"]))
        return linear(inner, w["score.2.weight"], w["score.2.bias"])

    return logits


def _value_head(directory: Path) -> Logits:
    from torch.nn.functional import linear

    hidden, w = _hidden(directory)
    return lambda ids: linear(hidden(ids), w["v_head.summary.weight"], w["v_head.summary.bias"])


def _plain(tokenizer: Any, model: Any) -> Recipe:
    """The sigmoid of a classifier's logit after each line of `QUESTION\\nSTEP\\n...`, tokenised line by line."""

    def values(question: str, steps: Sequence[str]) -> list[float]:
        ids, found = tokenizer(f"{question}\n")["input_ids"], []
        for step in steps:
            stripped = step.strip("\n")
            ids = ids + tokenizer(f"{stripped}\n", add_special_tokens=False)["input_ids"]
            found.append(float(_read(model, ids).logits[0, 0].sigmoid()))
        return found

    return values


def _math_shepherd(tokenizer: Any, logits: Logits, labels: Sequence[int]) -> Recipe:
    """P(+) at every ` ки` of `QUESTION Step 1: ... ки\\nStep 2: ... ки`."""

    def values(question: str, steps: Sequence[str]) -> list[float]:
        lines = [f"Step {number}: {step.strip()} ки" for number, step in enumerate(steps, 1)]
        ids = tokenizer.encode(f"{question} " + "\n".join(lines))
        tag = ids[-1]
        scores = logits(ids)[:, list(labels)].softmax(dim=-1)[:, 0]
        return [float(score) for id_, score in zip(ids, scores, strict=True) if id_ == tag]

    return values


def _rlhflow(tokenizer: Any, logits: Logits, labels: Sequence[int]) -> Recipe:
    """P(+) one position before the last `+` of a conversation that the model has answered with `+` throughout."""

    def values(question: str, steps: Sequence[str]) -> list[float]:
        conversation, found = [], []
        for number, step in enumerate(steps):
            text = f"{question} {step.strip()}" if number == 0 else step.strip()
            conversation += [{"role": "user", "content": text}, {"role": "assistant", "content": "+"}]
            ids = tokenizer.apply_chat_template(conversation, tokenize=True, return_dict=False)
            answer = max(place for place, id_ in enumerate(ids) if id_ == labels[0])
            found.append(float(logits(ids)[answer - 1, list(labels)].softmax(dim=-1)[0]))
        return found

    return values


def _qwen(tokenizer: Any, logits: Logits) -> Recipe:
    """The second class at every `<extra_0>` of the conversation."""

    def values(question: str, steps: Sequence[str]) -> list[float]:
        messages = [
            {"role": "system", "content": "Please reason step by step, and put your final answer within \\boxed{}."},
            {"role": "user", "content": question},
            {"role": "assistant", "content": "<extra_0>".join(step.strip() for step in steps) + "<extra_0>"},
        ]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=False)
        ids = tokenizer.encode(text)
        mark = tokenizer.encode("<extra_0>")[0]
        scores = logits(ids).softmax(dim=-1)[:, 1]
        return [float(score) for id_, score in zip(ids, scores, strict=True) if id_ == mark]

    return values


def _skywork(tokenizer: Any, logits: Logits) -> Recipe:
    """The sigmoid of the value head at the newline after each line; a step of several lines ends with the last."""

    def values(question: str, steps: Sequence[str]) -> list[float]:
        newline = tokenizer.encode("\n")[-1]
        ids = tokenizer.encode(tokenizer.bos_token + question + "\n", add_special_tokens=False)
        flags = [0] * len(ids)
        for number, step in enumerate(steps, 1):
            lines = [line for line in step.splitlines() if line.strip()]
            for place, line in enumerate(lines, 1):
                line_ids = tokenizer.encode(line, add_special_tokens=False)
                ids += [*line_ids, newline]
                flags += [0] * len(line_ids) + [number if place == len(lines) else 0]
        scores = logits(ids)[:, 0].sigmoid()
        return [float(score) for flag, score in zip(flags, scores, strict=True) if flag]

    return values


def _trl(tokenizer: Any, logits: Logits, separator: str) -> Recipe:
    """The second class where PRMTrainer puts a step's label: the last token of the separator."""

    def values(question: str, steps: Sequence[str]) -> list[float]:
        ids = tokenizer(question, add_special_tokens=False)["input_ids"]
        if tokenizer.bos_token_id is not None:
            ids = [tokenizer.bos_token_id, *ids]
        end = tokenizer.encode(separator, add_special_tokens=False)
        places = []
        for step in steps:
            ids = ids + tokenizer(step.strip(), add_special_tokens=False)["input_ids"] + end
            places.append(len(ids) - 1)
        scores = logits(ids).softmax(dim=-1)[:, 1]
        return [float(scores[place]) for place in places]

    return values


def _answer(tokenizer: Any, directory: Path) -> Recipe:
    """The sigmoid of the reward of the conversation whose answer is the solution so far."""
    import json

    is_standard = json.loads((directory / "config.json").read_text())["architectures"][0].endswith("Classification")
    model = _loaded(directory, "SequenceClassification") if is_standard else None
    logits = None if is_standard else _two_layers(directory)

    def reward(ids: Sequence[int]) -> Any:
        return _read(model, ids).logits[0, 0] if logits is None else logits(ids)[-1, 0]

    def values(question: str, steps: Sequence[str]) -> list[float]:
        found = []
        for number in range(1, len(steps) + 1):
            answer = "".join(steps[:number]).strip()
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            ids = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
            found.append(float(reward(ids).sigmoid()))
        return found

    return values


def _judge(tokenizer: Any, logits: Logits, labels: Sequence[int], asked: str) -> Recipe:
    """P(Yes) against P(No) as the next token after the question about the solution so far."""

    def values(question: str, steps: Sequence[str]) -> list[float]:
        found = []
        for number in range(1, len(steps) + 1):
            solution = "".join(f"{step.strip()}\n\n" for step in steps[:number])
            content = f"Problem:\n{question}\n\nSolution:\n{solution}{asked}"
            messages = [{"role": "user", "content": content}]
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            found.append(float(logits(ids)[-1, list(labels)].softmax(dim=-1)[0]))
        return found

    return values
