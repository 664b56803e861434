"""Which of several servers gets a request, which rest after failures, and when to give up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import uniform

FIRST_REST_SECONDS = 0.5  # after a failure; doubles with each that follows
LONGEST_REST_SECONDS = 5.0
MOST_DOUBLINGS = 16  # beyond which the number would only grow


@dataclass
class Target:
    """One server.

    Attributes:
        url: its base URL.
        in_flight: sequences that it is working on.
        failures: requests that failed since one last succeeded.
        rests_until: no request before this time, in seconds of the clock.
        is_tried: whether one request is finding out if it answers again.
    """

    url: str
    in_flight: int = 0
    failures: int = 0
    rests_until: float = 0.0
    is_tried: bool = False


class Balancer:
    """A circuit breaker for each server, and one for all of them.

    A server that failed rests; then one request at a time tries it, until one succeeds. Other requests go to the server
    with the fewest sequences in flight. When none has answered for `patience_seconds`, `gave_up` holds the reason.
    """

    def __init__(
        self, urls: Sequence[str], patience_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.targets = [Target(url) for url in urls]
        self._patience_seconds, self._clock = patience_seconds, clock
        self._failing_since: float | None = None

    def pick(self) -> Target | None:
        """Return the server for the next request, one that has rested first; None while all of them rest."""
        now = self._clock()
        failed = [target for target in self.targets if target.failures and not target.is_tried]
        if rested := [target for target in failed if target.rests_until <= now]:
            tried = min(rested, key=lambda target: target.rests_until)
            tried.is_tried = True
            return tried
        healthy = [target for target in self.targets if not target.failures]
        return min(healthy, key=lambda target: target.in_flight, default=None)

    def succeeded(self, target: Target) -> bool:
        """Note an answer; return whether the server had failed before it."""
        had_failed = target.failures > 0
        target.failures, target.is_tried = 0, False
        self._failing_since = None
        return had_failed

    def failed(self, target: Target) -> bool:
        """Note that a server did not answer; return whether it had answered the request before."""
        is_first = target.failures == 0
        self.busy()
        now = self._clock()
        if is_first or target.is_tried:  # the failures of one moment count once
            rest = min(FIRST_REST_SECONDS * 2 ** min(target.failures, MOST_DOUBLINGS), LONGEST_REST_SECONDS)
            target.rests_until = now + rest * uniform(0.75, 1.25)
            target.failures += 1
        target.is_tried = False
        return is_first

    def busy(self) -> None:
        """Note a request that did not succeed, of a server that may be well, e.g. because too many were sent."""
        if self._failing_since is None:
            self._failing_since = self._clock()

    @property
    def is_given_up(self) -> bool:
        """Whether no request has succeeded for too long, and none is being worked on."""
        if self._failing_since is None or any(target.in_flight for target in self.targets):
            return False
        return self._clock() - self._failing_since > self._patience_seconds
