"""How many generations a small model may spend for one of a larger model, at equal FLOPs of training and use.

Snell et al. 2024, section 7. A model of N parameters that is pretrained on D_pre tokens and decodes D_inf tokens takes

    6 N D_pre + c N D_inf    FLOPs; c = 2 in the arXiv version, c = 4 with a verifier of the same size (ICLR version).

The larger model has M N parameters, is trained on the same tokens, and decodes as many, D_inf. The small one decodes k
times as many. Both take the same FLOPs where

    6 N D_pre + c N k D_inf = 6 M N D_pre + c M N D_inf
    k = M + 6/c (M - 1) / R    with R = D_inf / D_pre.

So 6/c is 3 (arXiv) or 3/2 (ICLR). The ICLR version's R are half of the arXiv version's, as it counts twice the FLOPs
per decoded token; both give the same k. It charges the larger model for a verifier too, which greedy decoding lacks.
"""

from __future__ import annotations

import math
from enum import StrEnum

from ttc.errors import UserError


class Formula(StrEnum):
    """Which version of the paper counts the FLOPs."""

    arxiv = "arxiv"
    iclr = "iclr"

    @property
    def flops_per_token(self) -> int:
        """FLOPs per parameter and decoded token: c."""
        return 2 if self is Formula.arxiv else 4

    @property
    def ratios(self) -> tuple[float, ...]:
        """The version's R: far fewer tokens decoded than pretrained on, about as many, and far more."""
        return (0.16, 0.79, 22.0) if self is Formula.arxiv else (0.08, 0.40, 11.0)


def matched_factor(size_ratio: float, r: float, formula: Formula = Formula.arxiv) -> float:
    """Return k, by which the small model may multiply its generations.

    Args:
        size_ratio: M, the parameters of the larger model over those of the small one.
        r: R = D_inf / D_pre.
        formula: of the arXiv or the ICLR version.

    Raises:
        UserError: the larger model is not larger, or R is not above 0.
    """
    if not (1 < size_ratio < math.inf):
        raise UserError(
            f"--size-ratio {size_ratio:g}: must be above 1: the large model over the small one; use e.g. 14."
        )
    if not (0 < r < math.inf):
        raise UserError(f"--r {r:g}: must be above 0: tokens decoded over tokens pretrained on; use e.g. 0.79.")
    return size_ratio + 6 / formula.flops_per_token * (size_ratio - 1) / r
