"""The compute-optimal strategy, online: a policy chooses by predicted difficulty (Snell et al. 2024, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ttc.errors import UserError
from ttc.files import expanded
from ttc.hashing import digest
from ttc.models import ModelId
from ttc.policy import Choice, Policy
from ttc.selection import SelectionRule
from ttc.strategies.base import Strategy
from ttc.strategies.controller import Controller
from ttc.strategies.loading import load_strategy


@dataclass
class ComputeOptimal(Controller):
    """Do what a policy of `ttc optimal` chose for the problem's bin, predicted by the probes' mean value.

    The choices are those at the largest budget of the policy that does not exceed the run's; a larger one than its
    largest is refused. The policy is read once: the worker processes of a run get it with the config.
    """

    policy: str | None = None  # path

    @property
    def has_chains(self) -> bool:
        return any(strategy.has_chains for strategy in self._strategies.values())

    def check(self, budget: int) -> None:
        known = sorted(self._policy.choices)
        if budget < known[0]:
            raise UserError(f"budget={budget} is below the smallest of {self.policy}; use budget={known[0]} or more.")
        if budget > known[-1]:
            raise UserError(
                f"budget={budget} is above the largest of {self.policy}; use budget={known[-1]} or less, or write a "
                "policy from runs with larger budgets."
            )
        super().check(budget)

    def check_fit(self, budget: int, selection: SelectionRule, generator: ModelId, verifier: ModelId | None) -> None:
        policy = self._policy
        if policy.verifier is None:
            raise UserError(
                f"{self.policy} names no verifier, whose values would tell its bins apart; write a policy from runs "
                "that score, e.g. of best_of_n."
            )
        self._check_model("generator", policy.generator, generator)
        if verifier is not None:
            self._check_model("prm", policy.verifier, verifier)
        for number, choice in enumerate(self._choices(budget), start=1):
            if choice.selection != selection:
                raise UserError(
                    f"selection={selection}: {self.policy} chooses {choice.strategy} with selection="
                    f"{choice.selection} in bin {number} at budget={budget}; use selection={choice.selection}, or "
                    "write a policy of one selection."
                )

    def _check_model(self, group: str, wanted: ModelId, given: ModelId) -> None:
        if wanted.fingerprint != given.fingerprint:
            same = ", with other settings or weights" if wanted.name == given.name else ""
            raise UserError(
                f"{group}={given.name}: {self.policy} was made with {wanted.name}{same}; use that, or write a policy "
                f"from runs of this {group}."
            )

    def file_digests(self) -> Mapping[str, str]:
        return {"policy_digest": digest(self._policy.to_json()).hex()}

    def choose(self, value: float, budget: int) -> str:
        return self._policy.choice(budget, self._policy.bin_of(value)).strategy

    def targets(self, budget: int) -> Mapping[str, Strategy]:
        return {choice.strategy: self._strategies[choice.strategy] for choice in self._choices(budget)}

    def place(self, label: str) -> str:
        return f"{self.policy}, strategy {label}"

    def _choices(self, budget: int) -> tuple[Choice, ...]:
        return self._policy.choices[self._policy.budget_for(budget)]

    @cached_property
    def _policy(self) -> Policy:
        if not self.policy:
            raise UserError("strategy.policy is missing; set strategy.policy=FILE, a policy that `ttc optimal` wrote.")
        return Policy.load(expanded(self.policy))

    @cached_property
    def _strategies(self) -> Mapping[str, Strategy]:
        return {label: load_strategy(config, self.place(label)) for label, config in self._policy.strategies.items()}
