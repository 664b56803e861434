"""How many samples an engine may have open: simulations of slow, fast and growing engines, in the engine's own time."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.engines.pace import LOSS_SECONDS, Pace

TICK_SECONDS = 0.05


class Simulation:
    """An engine that always has waiting samples: its open ones share its throughput.

    Attributes:
        now: seconds of engine time.
        limits: each limit that was set, with the time at which it was.
    """

    def __init__(
        self,
        rate: Callable[[int], float],
        tokens: int,
        most: int,
        expected_tokens: float,
        first: int = 8,
        knows_progress: bool = True,
    ) -> None:
        """`rate` returns tokens per second by the number of open samples, of `tokens` each."""
        self.now = 0.0
        self.pace = Pace(most, expected_tokens, first, clock=lambda: self.now)
        self._knows_progress = knows_progress
        self.limits = [(0.0, self.pace.limit)]
        self._rate, self._tokens = rate, tokens
        self._open: list[float] = []  # tokens that each has

    def run(self, seconds: float) -> Simulation:
        end = self.now + seconds
        while self.now < end:
            self._open += [0.0] * (self.pace.limit - len(self._open))
            self.pace.observe(len(self._open), self._decoding if self._knows_progress else None)
            if self.pace.limit != self.limits[-1][1]:
                self.limits.append((self.now, self.pace.limit))
            self.now += TICK_SECONDS
            share = self._rate(len(self._open)) * TICK_SECONDS / len(self._open)
            decoded = [tokens + share for tokens in self._open]
            self._open = [tokens for tokens in decoded if tokens < self._tokens]
            for _ in range(len(decoded) - len(self._open)):
                self.pace.finish(self._tokens)
        return self

    def _decoding(self) -> int:
        return int(sum(self._open))


def test_a_kill_of_a_slow_engine_loses_about_a_minute_of_work() -> None:
    rate, tokens = 90.0, 260
    simulation = Simulation(lambda samples: rate, tokens, most=256, expected_tokens=tokens).run(1200)
    losses = [limit * tokens / 2 / rate for _, limit in simulation.limits]
    assert max(losses) <= 1.1 * LOSS_SECONDS
    assert losses[-1] >= 0.8 * LOSS_SECONDS  # and it is not kept smaller than that either


def test_a_slow_engine_comes_down_to_where_it_would_have_stayed_once_doubling_was_of_no_use() -> None:
    simulation = Simulation(lambda samples: 10.0, 4000, most=256, expected_tokens=4000).run(2000)
    assert simulation.pace.limit == 8  # where it began: a batch of 16 was no faster
    assert max(limit for _, limit in simulation.limits) == 16


def test_the_limit_comes_down_when_samples_turn_out_longer_than_expected() -> None:
    rate, tokens = 90.0, 520
    simulation = Simulation(lambda samples: rate, tokens, most=256, expected_tokens=130).run(2400)
    assert simulation.pace.limit * tokens / 2 / rate <= 1.1 * LOSS_SECONDS


def test_a_server_that_says_nothing_of_open_samples_is_held_to_the_same_loss() -> None:
    rate, tokens = 90.0, 260
    simulation = Simulation(lambda s: rate, tokens, most=256, expected_tokens=1024, first=16, knows_progress=False)
    losses = [limit * tokens / 2 / rate for _, limit in simulation.run(2400).limits]
    assert max(losses) <= 1.3 * LOSS_SECONDS


def test_a_fast_server_is_full_once_its_first_samples_have_been_finished() -> None:
    def rate(samples: int) -> float:
        return 40.0 * samples

    simulation = Simulation(rate, 400, most=256, expected_tokens=1024, first=16, knows_progress=False).run(60)
    assert simulation.pace.limit == 256


def test_a_fast_engine_is_full_within_two_seconds() -> None:
    for tokens in (20, 260, 1000):
        simulation = Simulation(lambda samples: 20_000.0, tokens, most=256, expected_tokens=tokens).run(2)
        assert simulation.pace.limit == 256


def test_samples_that_take_minutes_are_opened_for_as_long_as_more_of_them_are_faster() -> None:
    most_useful = 64

    def rate(samples: int) -> float:
        return 30.0 * min(samples, most_useful)

    simulation = Simulation(rate, 16_000, most=512, expected_tokens=16_000).run(300)
    assert simulation.pace.limit == most_useful
    assert [limit for _, limit in simulation.limits] == [8, 16, 32, 64, 128, 64]


def test_throughput_that_never_stops_growing_fills_the_engine() -> None:
    simulation = Simulation(lambda samples: 30.0 * samples, 16_000, most=512, expected_tokens=16_000).run(60)
    assert simulation.pace.limit == 512


def test_short_samples_raise_the_limit_of_an_engine_that_was_expected_to_write_long_ones() -> None:
    rate, tokens = 300.0, 300
    simulation = Simulation(lambda samples: rate, tokens, most=512, expected_tokens=3000).run(1200)
    assert 0.8 * LOSS_SECONDS <= simulation.pace.limit * tokens / 2 / rate <= 1.1 * LOSS_SECONDS


def test_the_limit_rises_at_most_eightfold_at_once() -> None:
    simulation = Simulation(lambda samples: 1e6, 1000, most=10_000, expected_tokens=1000).run(3)
    assert [limit for _, limit in simulation.limits] == [8, 64, 512, 4096, 10_000]


def test_nothing_is_measured_while_fewer_samples_are_open_than_may_be() -> None:
    now = 0.0
    pace = Pace(256, 100, clock=lambda: now)
    for number in range(100):
        now = float(number)
        pace.observe(pace.limit - 1, lambda: 1_000_000 * number)  # noqa: B023 (called at once)
    assert pace.limit == 8


@given(
    most=st.integers(1, 600),
    first=st.integers(1, 100),
    expected=st.floats(0, 5000),
    events=st.lists(st.tuples(st.floats(0, 100), st.integers(0, 100_000), st.integers(0, 50)), max_size=60),
)
@settings(max_examples=150)
def test_the_limit_is_never_above_the_most_and_never_below_one(
    most: int, first: int, expected: float, events: list[tuple[float, int, int]]
) -> None:
    now = 0.0
    pace = Pace(most, expected, first, clock=lambda: now)
    for seconds, decoding, finished in events:
        now += seconds
        for _ in range(finished):
            pace.finish(decoding)
        pace.observe(pace.limit, lambda: decoding)  # noqa: B023 (called at once)
        assert 1 <= pace.limit <= most
