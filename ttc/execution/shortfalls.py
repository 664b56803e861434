"""What a run could not do as asked, counted: the run goes on, but its table says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import add, attrgetter

from ttc.engines.base import EngineReply
from ttc.types import Candidate, FinishReason, Request

WARNING = "warning: "  # how a note begins that puts the run's results in doubt
TOLERATED = 0.05  # the share of solutions cut short, or of scores of beginnings, up to which a note is no warning


@dataclass(frozen=True, slots=True)
class Shortfalls:
    """Counts of what fell short, each after the count that it is a part of; `+` adds them up."""

    problems: int = 0
    without_room: int = 0  # their prompts fill the generator's context
    solutions: int = 0
    truncated: int = 0  # begun, then cut by the token limit or the context
    unfinished: int = 0  # the strategy took its last step before the solution ended
    scores: int = 0
    scores_partial: int = 0  # of a solution's beginning: the rest exceeds the verifier's context
    revisions: int = 0  # that should see earlier attempts
    revisions_short: int = 0  # saw fewer than they should, or none: the context had no room
    revisions_blind: int = 0  # saw none

    def __add__(self, other: Shortfalls) -> Shortfalls:
        return Shortfalls(*map(add, _COUNTS(self), _COUNTS(other)))  # added for every reply

    def to_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def of_reply(cls, request: Request, found: EngineReply) -> Shortfalls:
        """Count one reply of an engine."""
        if isinstance(found.reply, float):
            return cls(scores=1, scores_partial=int(found.partial))
        attempts, hidden = len(request.trace.attempts), found.hidden_attempts
        if not attempts:
            return cls()
        return cls(revisions=1, revisions_short=int(hidden > 0), revisions_blind=int(hidden == attempts))

    @classmethod
    def of_candidates(cls, candidates: Sequence[Candidate]) -> Shortfalls:
        """Count one problem's solutions."""
        traces = [candidate.trace for candidate in candidates]
        cut = [trace for trace in traces if trace.finish is FinishReason.LENGTH]
        return cls(
            problems=1,
            without_room=int(any(not trace.steps for trace in cut)),
            solutions=len(traces),
            truncated=sum(bool(trace.steps) for trace in cut),
            unfinished=sum(trace.finish is FinishReason.STEP for trace in traces),
        )

    def notes(self, token_limit: str) -> list[str]:
        """Return a line on each kind of shortfall: how many, what it means, what helps.

        `token_limit` is what bounds a solution, e.g. `generator.max_tokens=192`.
        """
        notes = []
        if self.without_room:
            notes.append(
                f"{_share(self.without_room, self.problems)} problems fill the generator's context and got no solution "
                "(0 tokens in problems.jsonl); raise generator.max_model_len, or shorten generator.prompt"
            )
        if self.truncated:
            notes.append(_cut(self.truncated, self.solutions, token_limit))
        if self.unfinished:
            notes.append(
                f"{_share(self.unfinished, self.solutions)} solutions were still open after the strategy's last step: "
                "they have no answer; raise strategy.rounds"
            )
        if self.revisions_short:
            notes.append(
                f"{_share(self.revisions_short, self.revisions)} revisions saw fewer earlier attempts than asked for, "
                f"{self.revisions_blind:,} of them none: the generator's context had no room; raise "
                "generator.max_model_len, or lower generator.max_tokens or strategy.shown"
            )
        if self.scores_partial:
            notes.append(_partial(self.scores_partial, self.scores))
        return notes


_COUNTS: Callable[[Shortfalls], tuple[int, ...]] = attrgetter(*(f.name for f in fields(Shortfalls)))


def _cut(part: int, whole: int, token_limit: str) -> str:
    if part <= TOLERATED * whole:
        return f"{_share(part, whole)} solutions were cut at {token_limit}; they have no answer"
    return (
        f"{WARNING}{_share(part, whole)} solutions ({_percent(part, whole)}) were cut at {token_limit}: they have no "
        "answer, so the accuracies are too low; raise it"
    )


def _partial(part: int, whole: int) -> str:
    if part <= TOLERATED * whole:
        return f"{_share(part, whole)} scores are of a solution's beginning, up to the end of the verifier's context"
    return (
        f"{WARNING}{_share(part, whole)} scores ({_percent(part, whole)}) are of solutions longer than the verifier's "
        "context, read up to the last whole step that fits; raise prm.max_model_len"
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3g}%"


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}"
