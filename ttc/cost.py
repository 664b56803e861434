"""What a run costs: tokens, and FLOPs by two conventions.

`paper` (Snell et al. 2024, section 7): 2 · P · D for D decoded tokens and P parameters, plus 2 · P_verifier · D where a
verifier scored them (the paper's arXiv version leaves the verifier out; its ICLR version includes it: 4 · N · D for a
verifier of the generator's size). Prompts, attention and caches are ignored, so engines cannot change it.

`full`: what the hardware computed. A token at position t (from 0) that passes through a model costs
2 · P_non_embedding + 4 · layers · hidden · (t + 1), the second term being the attention scores and their weighted sum;
a token that is sampled costs 2 · P_head more. Tokens served from a cache cost nothing, but are attended to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from operator import add, attrgetter
from pathlib import Path

from ttc.errors import UserError


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts; they support `+` and `sum`."""

    prompt: int = 0  # computed by the generator before decoding
    cached: int = 0  # prompt tokens served from the generator's prefix cache
    decoded: int = 0
    prm: int = 0  # computed by the verifier
    prm_cached: int = 0  # served from the verifier's prefix cache

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(*map(add, _COUNTS(self), _COUNTS(other)))  # added for every reply

    def __radd__(self, other: int) -> Tokens:
        """Let `sum(tokens)` start from 0."""
        return self

    @property
    def computed(self) -> int:
        """Tokens that passed through a model, the generator or the verifier; those served from a cache did not."""
        return self.prompt + self.decoded + self.prm

    def to_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_json(cls, counts: Mapping[str, int]) -> Tokens:
        """Read what `to_json` wrote; missing counts are 0."""
        return cls(**{f.name: int(counts.get(f.name, 0)) for f in fields(cls)})


_COUNTS: Callable[[Tokens], tuple[int, ...]] = attrgetter(*(f.name for f in fields(Tokens)))


class FlopsConvention(StrEnum):
    """How FLOPs are counted; the module describes both."""

    paper = "paper"
    full = "full"


@dataclass(frozen=True, slots=True)
class Flops:
    """FLOPs by convention; None where the shape of a model in use is unknown."""

    paper: int | None = None
    full: int | None = None

    def by(self, convention: FlopsConvention) -> int | None:
        """Return the count of one convention."""
        return self.paper if convention is FlopsConvention.paper else self.full

    def to_json(self) -> dict[str, int | None]:
        """Return the counts by convention."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CostLimit:
    """What a run may cost: FLOPs by a convention, or computed tokens.

    Attributes:
        amount: per problem, on average over the problems.
        convention: of the FLOPs; None: the amount is of tokens.
    """

    amount: float
    convention: FlopsConvention | None = None

    @property
    def unit(self) -> str:
        """The key of RunConfig that sets it."""
        return "tokens" if self.convention is None else "flops"

    @property
    def setting(self) -> str:
        """What sets it on the command line, e.g. `flops=3e+09`."""
        return f"tokens={self.amount:.0f}" if self.convention is None else f"flops={self.amount:g}"

    def cost(self, tokens: Tokens, flops: Flops) -> int | None:
        """Return the part of a cost that is limited; None where it is unknown."""
        return tokens.computed if self.convention is None else flops.by(self.convention)

    def shown(self, amount: float) -> str:
        """Return an amount for people: 3e+09 FLOPs, 5,000 tokens."""
        return f"{amount:,.0f} tokens" if self.convention is None else f"{amount:.3g} FLOPs"


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The sizes of a model that determine its FLOPs."""

    params: int  # all, as the paper counts
    params_non_embedding: int  # without the input embedding and the output head
    layers: int
    hidden: int  # attention width: heads · head size, usually the hidden size
    params_head: int = 0  # the matrix from hidden states to logits, tied to the embedding or not

    @classmethod
    def of_checkpoint(cls, directory: Path) -> ModelShape:
        """Read a Hugging Face checkpoint's shape from config.json and the safetensors headers, without its weights.

        Raises:
            UserError: the directory holds no such checkpoint.
        """
        from safetensors import SafetensorError

        try:
            config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
            # Some repositories carry a second copy of the weights under another name.
            files = list(directory.glob("model*.safetensors")) or list(directory.glob("*.safetensors"))
            sizes = {name: math.prod(shape) for file in files for name, shape in tensor_shapes(file).items()}
            hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
            embedding = sum(size for name, size in sizes.items() if "embed_tokens" in name or "lm_head" in name)
            shape = cls(
                params=sum(sizes.values()),
                params_non_embedding=sum(sizes.values()) - embedding,
                layers=int(config["num_hidden_layers"]),
                hidden=heads * int(config.get("head_dim") or hidden // heads),
                params_head=int(config["vocab_size"]) * hidden,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            raise UserError(f"{directory} is not a checkpoint ({error}); give config.json and *.safetensors.") from None
        if not sizes:
            raise UserError(f"{directory} is not a checkpoint (no *.safetensors); save the model as safetensors.")
        return shape

    @classmethod
    def from_json(cls, sizes: Mapping[str, int]) -> ModelShape:
        """Read the fields that `dataclasses.asdict` returned.

        Raises:
            KeyError, TypeError: one is missing, or not a whole number.
        """
        known = {f.name: sizes[f.name] for f in fields(cls)}
        if not all(type(size) is int for size in known.values()):
            raise TypeError("sizes are whole numbers")
        return cls(**known)

    def pass_flops(self, start: int, stop: int) -> int:
        """Return the FLOPs of passing the tokens at positions start .. stop - 1 through the model, attention included.

        Each attends to itself and all before it, so the contexts sum to stop(stop + 1)/2 - start(start + 1)/2.
        """
        count = max(stop - start, 0)
        contexts = (stop * (stop + 1) - start * (start + 1)) // 2 if count else 0
        return 2 * self.params_non_embedding * count + 4 * self.layers * self.hidden * contexts


@dataclass
class Ledger:
    """The account of one run: charge every reply to it, then read tokens and FLOPs."""

    generator: ModelShape | None = None  # None: unknown, as behind a remote server
    verifier: ModelShape | None = None
    tokens: Tokens = field(default_factory=Tokens)
    full_flops: int = 0

    def charge_sample(self, prompt: int, cached: int, decoded: int) -> Tokens:
        """Charge one sample: `cached` prompt tokens, then `prompt` computed ones, then `decoded` ones.

        The last decoded token is never passed through the model: where a trace continues, it is part of the next
        prompt, and charged there.
        """
        if self.generator is not None:
            end = cached + prompt + max(decoded - 1, 0)
            self.full_flops += self.generator.pass_flops(cached, end) + 2 * self.generator.params_head * decoded
        return self._add(Tokens(prompt=prompt, cached=cached, decoded=decoded))

    def charge_score(self, prompt: int, cached: int) -> Tokens:
        """Charge one verifier pass: `cached` tokens served from its cache, then `prompt` computed ones."""
        if self.verifier is not None:
            self.full_flops += self.verifier.pass_flops(cached, cached + prompt)
        return self._add(Tokens(prm=prompt, prm_cached=cached))

    def absorb(self, other: Ledger) -> None:
        """Add another account of the same models to this one."""
        self.tokens += other.tokens
        self.full_flops += other.full_flops

    def flops(self) -> Flops:
        """Return the FLOPs of everything charged."""
        verified = self.tokens.prm + self.tokens.prm_cached > 0
        if self.generator is None or (verified and self.verifier is None):
            return Flops()
        verifier_params = self.verifier.params if verified and self.verifier is not None else 0
        return Flops(2 * (self.generator.params + verifier_params) * self.tokens.decoded, self.full_flops)

    def _add(self, tokens: Tokens) -> Tokens:
        self.tokens += tokens
        return tokens


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a safetensors file, from its header alone.

    Raises:
        SafetensorError, OSError: not a whole safetensors file.
    """
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as tensors:
        return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
