"""Which model made a result, and what a model makes of a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ModelId:
    """A model as a run or a policy names it.

    Attributes:
        name: as in the config; for people.
        fingerprint: a digest of what determines its replies: its weights, and how it is asked.
        parameters: all that it has, embeddings included; None where its shape is unknown.
    """

    name: str
    fingerprint: str
    parameters: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; unknown keys are ignored.

        Raises:
            KeyError, TypeError: a field is missing, or of another type.
        """
        name, fingerprint, parameters = fields["name"], fields["fingerprint"], fields.get("parameters")
        if not isinstance(name, str) or not isinstance(fingerprint, str):
            raise TypeError("name and fingerprint must be texts")
        if parameters is not None and (type(parameters) is not int or parameters < 1):
            raise TypeError(f"parameters={parameters!r:.80} must be a whole number of at least 1")
        return cls(name, fingerprint, parameters)


@dataclass(frozen=True)
class Embeddings:
    """One vector per problem.

    Attributes:
        vectors: (problems, hidden), in the order of the problems.
        tokens: of all prompts together that were computed.
        flops: that they took, by the convention `full`; None where the model's shape is unknown.
    """

    vectors: NDArray[np.float64]
    tokens: int
    flops: int | None
