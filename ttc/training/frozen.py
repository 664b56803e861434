"""`trainable=head`: the generator's first layers as they are, and a head that is fitted to their states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ttc.training.head import Head, fit_best_head, head_values, set_head
from ttc.training.kept import Rows, kept_rows
from ttc.training.optimisation import pick_device
from ttc.training.value_model import EncodedTrace, can_be_shortened, shorten, states_at_ends

SHARES = (1 / 3, 1 / 2, 2 / 3, 5 / 6, 1)  # of the layers


class FrozenTrunk:
    """A value model whose head alone is fitted; the hidden states are computed once and kept in a directory."""

    def __init__(self, model: Any, identity: object, directory: Path) -> None:
        """Take a model that nothing has changed.

        Args:
            model: with a head.
            identity: of its weights.
            directory: of the states.
        """
        model.set_attn_implementation("sdpa")  # the fastest where no gradient is needed
        self.model = model.to(pick_device()).eval()
        self._identity, self._directory = identity, directory

    def fit(
        self, traces: Sequence[EncodedTrace], problems: Sequence[str], seed: int, depth: int | None, l2: float | None
    ) -> Head:
        """Fit the head, and leave out the layers above the best depth.

        Args:
            traces: to learn from.
            problems: of each trace.
            seed: of the folds that depth and penalty are chosen by.
            depth: layers to keep; None chooses.
            l2: the penalty; None chooses.
        """
        if depth is not None and can_be_shortened(self.model):
            shorten(self.model, depth)  # the layers above need not be computed
        depths = self._depths(depth)
        states = self._states(traces, depths, "train")
        labels = np.array([label for trace in traces for label in trace.labels])
        groups = [problem for trace, problem in zip(traces, problems, strict=True) for _ in trace.labels]
        head = fit_best_head(states, depths, labels, groups, seed, l2)
        if head.depth < int(self.model.config.num_hidden_layers):
            shorten(self.model, head.depth)
        set_head(self.model, head.weight)
        return head

    def values(self, traces: Sequence[EncodedTrace]) -> list[list[float]]:
        """Return the fitted model's values of other traces, at their step ends."""
        states = self._states(traces, [int(self.model.config.num_hidden_layers)], "validation")
        weight = self.model.score.weight.detach().cpu().double().numpy()[0]
        return head_values(states[:, 0], weight, traces)

    def _depths(self, depth: int | None) -> tuple[int, ...]:
        """Return the numbers of layers after which states are read: a given one, or some from a third of all to all.

        What a model knows of a solution's correctness is often read best in the middle (Orgad et al. 2024), and a
        verifier of fewer layers is faster.
        """
        layers = int(self.model.config.num_hidden_layers)
        if depth is not None:
            return (depth,)
        if not can_be_shortened(self.model):
            return (layers,)
        return tuple(sorted({max(1, round(layers * share)) for share in SHARES}))

    def _states(self, traces: Sequence[EncodedTrace], depths: Sequence[int], split: str) -> Rows:
        """Return the hidden states at all step ends after each number of layers: (ends, depths, D)."""

        def compute(part: Sequence[EncodedTrace]) -> Rows:
            import torch

            states: Rows = torch.cat(states_at_ends(self.model, part, depths)).float().cpu().numpy()
            return states

        read = [(list(trace.ids), list(trace.ends)) for trace in traces]
        identity = (self._identity, tuple(depths), read)
        return kept_rows(self._directory / split, traces, compute, identity, f"{split} hidden states")
