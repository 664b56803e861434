"""The value model of a verifier, fitted to labelled traces: binary cross-entropy with soft labels at the step ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ttc.engines.formats import PlainFormat, StepFormat
from ttc.errors import UserError
from ttc.progress_bar import ProgressBar
from ttc.training.labelled import LabelledTrace
from ttc.training.language_model import training_attention
from ttc.training.loop import Batch

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

GPU_PASS_TOKENS = 16_384  # padded tokens of one forward pass without gradients
CPU_PASS_NUMBERS = 2**19  # of a layer's input: two megabytes stay in a core's cache, which doubles the speed


@dataclass(frozen=True, slots=True)
class EncodedTrace:
    """A labelled trace in token ids."""

    ids: Sequence[int]
    ends: Sequence[int]  # position of each labelled step's last token
    labels: Sequence[float]  # of these steps
    solution_start: int  # position of the first step's first token

    def __len__(self) -> int:
        return len(self.ids)


class TraceEncoder:
    """Tokenises traces exactly as the verifier's engine will."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        step_format: type[StepFormat] = PlainFormat,
        max_tokens: int | None = None,
    ) -> None:
        self._format, self._max_tokens = step_format(tokenizer), max_tokens

    def encode(self, labelled: LabelledTrace) -> EncodedTrace:
        """Return the token ids; the oldest attempts are dropped if they do not fit into `max_tokens`."""
        trace = self._format.fitted(labelled.to_trace(), self._max_tokens)
        prefixes = self._format.prefixes(trace)
        start = len(self._format.before(trace))
        rated = [(len(prefix) - 1, y) for prefix, y in zip(prefixes, labelled.labels, strict=True) if y is not None]
        return EncodedTrace(prefixes[-1], [end for end, _ in rated], [label for _, label in rated], start)


def collate_traces(traces: Sequence[EncodedTrace]) -> Batch:
    """Return `input_ids` (B, T), right-padded; `labels` (B, T), -1 where no step ends; and `n_tokens`."""
    import torch

    width = max(map(len, traces))
    input_ids = torch.zeros(len(traces), width, dtype=torch.long)
    labels = torch.full((len(traces), width), -1.0)
    for i, trace in enumerate(traces):
        input_ids[i, : len(trace)] = torch.tensor(trace.ids)
        labels[i, torch.tensor(trace.ends)] = torch.tensor(trace.labels, dtype=torch.float32)
    return {"input_ids": input_ids, "labels": labels, "n_tokens": torch.tensor(sum(map(len, traces)))}


def build_value_model(generator: str, extra_layers: int, dtype: str = "float32") -> PreTrainedModel:
    """Return the generator's trunk with `extra_layers` more layers and one logit per position.

    Like the paper's PRM it is the finetuned base model; vLLM loads it as a classifier. The new layers start as
    identities (their outputs are zero) and the logit as 0, so that training starts from all that the generator knows.

    Raises:
        UserError: transformers has no such model with a head, or its layers are not known well enough to add more.
    """
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    config = AutoConfig.from_pretrained(generator)
    trunk_layers = config.num_hidden_layers
    config.num_labels = 1
    config.tie_word_embeddings = False
    if extra_layers:
        config.num_hidden_layers += extra_layers
        if kinds := getattr(config, "layer_types", None):
            config.layer_types = [*kinds, *kinds[-1:] * extra_layers]
    try:
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            generator, config=config, dtype=getattr(torch, dtype), attn_implementation=training_attention()
        )
    except ValueError as error:  # "Unrecognized configuration class ..."
        reason = " ".join(str(error).split())[:100]
        raise UserError(f"{generator} cannot be given a head ({reason}); use another generator.") from None
    for layer in _added_layers(model, trunk_layers, extra_layers):
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    torch.nn.init.zeros_(model.score.weight)
    return model


def _added_layers(model: PreTrainedModel, trunk_layers: int, extra_layers: int) -> Sequence[Any]:
    if not extra_layers:
        return ()
    layers: list[Any] = list(getattr(model.base_model, "layers", ()))[trunk_layers:]
    if len(layers) != extra_layers or not all(
        hasattr(getattr(layer, "self_attn", None), "o_proj") and hasattr(getattr(layer, "mlp", None), "down_proj")
        for layer in layers
    ):
        raise UserError(
            f"extra_layers={extra_layers}: {type(model).__name__} is not built like a Llama, so no layers can be added "
            "to it that change nothing at first; use extra_layers=0."
        )
    return layers


def load_value_model(verifier: str, dtype: str = "float32") -> PreTrainedModel:
    """Load a trained verifier, to continue its training."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        verifier, dtype=getattr(torch, dtype), attn_implementation=training_attention()
    )
    return model


def value_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Return the mean binary cross-entropy, with soft labels, at the step ends."""
    import torch.nn.functional as F

    hidden = hidden_states(model, batch["input_ids"])  # (B, T, D)
    logits = model.score(hidden).float()[..., 0]  # (B, T)
    ends = batch["labels"] >= 0
    losses = F.binary_cross_entropy_with_logits(logits, batch["labels"].clamp(min=0), reduction="none")
    # Masked instead of indexed: the gradient of indexing is much slower on a CPU.
    loss: torch.Tensor = (losses * ends).sum() / ends.sum()
    return loss


def hidden_states(model: Any, input_ids: torch.Tensor) -> torch.Tensor:
    """Return the trunk's last hidden states (B, T, D).

    Right-padding needs no attention mask: a causal model never looks ahead.
    """
    found: torch.Tensor = model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state
    return found


def step_values(model: Any, traces: Sequence[EncodedTrace], title: str | None = None) -> list[list[float]]:
    """Return the model's value in [0, 1] at every step end of every trace; a title shows the progress."""
    import torch

    all_layers = [int(model.config.num_hidden_layers)]
    with torch.inference_mode():
        logits = [model.score(states[:, 0])[..., 0] for states in states_at_ends(model, traces, all_layers, title)]
        return [torch.sigmoid(found.float()).tolist() for found in logits]


def states_at_ends(
    model: Any, traces: Sequence[EncodedTrace], depths: Sequence[int], title: str | None = None
) -> list[torch.Tensor]:
    """Return each trace's hidden states at its step ends: (steps, depths, D), on the model's device.

    A state is read after so many layers, and normalised as after the last one: a model of `depth` layers has it.
    """
    import torch

    found: list[torch.Tensor] = [torch.empty(0)] * len(traces)
    device = next(model.parameters()).device
    with torch.inference_mode():
        for chosen in passes([len(trace) for trace in traces], pass_tokens(model), title):
            batch = collate_traces([traces[i] for i in chosen])
            hidden = _states_after(model, batch["input_ids"].to(device), depths)
            for row, i in enumerate(chosen):
                ends = torch.tensor(traces[i].ends, device=device)
                found[i] = torch.stack([states[row, ends] for states in hidden], dim=1)
    return found


def _states_after(model: Any, input_ids: torch.Tensor, depths: Sequence[int]) -> list[torch.Tensor]:
    """Return the normalised states (B, T, D) after each number of layers."""
    last = int(model.config.num_hidden_layers)
    if list(depths) == [last]:
        return [hidden_states(model, input_ids)]
    read = model.base_model(input_ids=input_ids, use_cache=False, output_hidden_states=True)
    return [
        read.last_hidden_state if depth == last else model.base_model.norm(read.hidden_states[depth])
        for depth in depths
    ]


def can_be_shortened(model: Any) -> bool:
    """Whether the trunk is a list of layers and a norm, as a Llama's, of which the last layers can be left out."""
    return hasattr(model.base_model, "norm") and len(getattr(model.base_model, "layers", ())) > 1


def shorten(model: Any, depth: int) -> None:
    """Leave out the layers above `depth`."""
    model.base_model.layers = model.base_model.layers[:depth]
    model.config.num_hidden_layers = depth
    if kinds := getattr(model.config, "layer_types", None):
        model.config.layer_types = list(kinds)[:depth]


def pass_tokens(model: Any) -> int:
    """Return how many padded tokens are read at once where no gradient is needed."""
    if next(model.parameters()).device.type != "cpu":
        return GPU_PASS_TOKENS
    return max(1, CPU_PASS_NUMBERS // int(model.config.hidden_size))


def passes(lengths: Sequence[int], max_tokens: int, title: str | None = None) -> Iterator[list[int]]:
    """Yield the numbers of documents of similar length, at most `max_tokens` padded tokens of them at a time.

    With a title, a progress bar shows how many documents are done.
    """
    groups: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if not groups or (len(groups[-1]) + 1) * lengths[i] > max_tokens:
            groups.append([])
        groups[-1].append(i)
    if title is None:
        yield from groups
        return
    done = 0
    with ProgressBar(title, len(lengths)) as bar:
        for group in groups:
            yield group
            done += len(group)
            if bar.is_due:
                bar.show(done)
