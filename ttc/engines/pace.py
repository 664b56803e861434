"""How many samples may be open at once, so that a kill loses little work and a fast engine stays full.

A killed run loses its open samples: their tokens, over the engine's throughput, are the seconds of work that are lost.
On a slow engine these are many: 256 open solutions of 260 tokens at 90 tokens/s are more than six minutes. On a fast
one they are few, and a large batch is what makes it fast.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

FIRST = 8  # samples open at the start
LOSS_SECONDS = 45.0  # of work, which a kill may lose on average; twice as much where all samples began together
WINDOW_SECONDS = 0.1  # throughput is measured over at least so long,
WINDOW_TOKENS = 8  # and over so many tokens of each open sample
JUMP = 8  # the limit rises by no larger factor at once
ENOUGH = 32  # finished samples, whose mean length is worth more than the one that was expected
GAIN = 1.25  # a batch of twice the size that decodes faster by less loses more work than it is worth


class Pace:
    """Sets the number of open samples.

    It follows what a kill may lose: `LOSS_SECONDS` of work, where an open sample has half of its tokens on average.
    Beyond that it doubles for as long as doubling makes the engine faster by `GAIN`, and takes back the last doubling,
    which did not: where a single solution takes minutes, fewer open samples would lose no less time, only throughput.
    """

    def __init__(
        self, most: int, expected_tokens: float, first: int = FIRST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin.

        Args:
            most: the largest useful number of open samples.
            expected_tokens: of a sample, until samples have been finished.
            first: samples that may be open at the start.
            clock: of seconds.
        """
        self._limit = self._useful = min(first, most)
        self._most, self._clock = most, clock
        self._expected_tokens = expected_tokens
        self._finished_tokens = self._finished = 0
        self._window: _Window | None = None
        self._before: tuple[int, float] | None = None  # the limit before it last rose, and tokens per second there
        self._is_new = False  # whether the limit has risen, and no window has passed since
        self._is_growing = True

    @property
    def limit(self) -> int:
        """Samples that may be open now."""
        return self._limit

    def finish(self, tokens: int) -> None:
        """Count a finished sample's tokens."""
        self._finished += 1
        self._finished_tokens += tokens

    def observe(self, open_samples: int, decoding_tokens: Callable[[], int] | None) -> None:
        """Measure the throughput and set the limit; call it whenever the engine has worked.

        Args:
            open_samples: samples that the engine is working on. Where there are fewer than the limit, another one
                would change nothing, and nothing is measured.
            decoding_tokens: returns the tokens of open samples; it is asked rarely. None where they are unknown: then
                throughput shows in finished samples only, and is measured over as many as are open.
        """
        if open_samples < self._limit:
            self._window = None
            return
        now, window = self._clock(), self._window
        if window and not window.is_over(now, self._finished, self._limit if decoding_tokens is None else 0):
            return
        decoded = self._finished_tokens + (decoding_tokens() if decoding_tokens else 0)
        if window and decoded - window.decoded < WINDOW_TOKENS * self._limit:
            return
        self._window = _Window(now, decoded, self._finished)
        if window is None:
            return
        if self._is_new:
            self._is_new = False  # this window was that of the new samples' prompts
        else:
            self._adjust((decoded - window.decoded) / (now - window.began_at))

    def _adjust(self, rate: float) -> None:
        """Set the limit by the tokens per second that were measured at the present one."""
        harmless = min(int(LOSS_SECONDS * rate / (self._sample_tokens() / 2)), self._most)
        if harmless > self._limit:
            self._raise(rate, min(harmless, JUMP * self._limit))
        elif harmless < self._limit and self._is_growing and self._gained(rate):
            self._useful = self._limit
            self._raise(rate, min(2 * self._limit, self._most))
        elif harmless < self._limit:
            self._is_growing = False
            self._limit = max(harmless, self._useful)

    def _raise(self, rate: float, limit: int) -> None:
        self._before, self._is_new = (self._limit, rate), True
        self._limit = limit

    def _gained(self, rate: float) -> bool:
        """Whether the last rise made the engine faster by at least `GAIN` for each doubling."""
        if self._before is None:
            return True
        limit, before = self._before
        return rate > before * math.pow(GAIN, math.log2(self._limit / limit))

    def _sample_tokens(self) -> float:
        """Return a sample's expected tokens: the mean of the finished ones, once there are a few.

        Short samples finish first: the mean of the very first is too small.
        """
        if self._finished < ENOUGH:
            return max(self._expected_tokens, 1.0)
        return max(self._finished_tokens / self._finished, 1.0)


@dataclass(frozen=True)
class _Window:
    """A time over which throughput is measured."""

    began_at: float
    decoded: int  # tokens, until then
    finished: int  # samples, until then

    def is_over(self, now: float, finished: int, samples: int) -> bool:
        """Whether it was long enough, and as many samples as these have been finished in it."""
        return now - self.began_at >= WINDOW_SECONDS and finished - self.finished >= samples
