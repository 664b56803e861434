"""Which server gets a request, which rests, and when all of them are given up, by a clock that the test sets."""

from __future__ import annotations

from dataclasses import dataclass

from ttc.engines.server.balancing import FIRST_REST_SECONDS, LONGEST_REST_SECONDS, Balancer, Target

JITTER = 0.25
PATIENCE_SECONDS = 100.0


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def balancer_of(*urls: str, patience_seconds: float = PATIENCE_SECONDS) -> tuple[Balancer, Clock]:
    clock = Clock()
    return Balancer(urls, patience_seconds, clock), clock


def picked(balancer: Balancer) -> Target:
    target = balancer.pick()
    assert target is not None
    return target


def fail_again(balancer: Balancer, clock: Clock) -> float:
    """Let the one server's next trial fail; return how long it rested before."""
    [target] = balancer.targets
    rested = target.rests_until - clock.now
    clock.now = target.rests_until
    assert balancer.pick() is target
    balancer.failed(target)
    return rested


def test_the_server_with_the_fewest_sequences_in_flight_gets_the_next_request() -> None:
    balancer, _ = balancer_of("a", "b", "c")
    for target, in_flight in zip(balancer.targets, (5, 2, 9), strict=True):
        target.in_flight = in_flight
    assert picked(balancer).url == "b"
    picked(balancer).in_flight = 7
    assert picked(balancer).url == "a"


def test_a_server_that_failed_gets_nothing_while_it_rests() -> None:
    balancer, _ = balancer_of("a", "b")
    first, second = balancer.targets
    second.in_flight = 100
    assert balancer.failed(first)
    assert [picked(balancer) for _ in range(3)] == [second] * 3


def test_a_server_that_failed_gets_one_request_after_its_rest_though_another_is_well() -> None:
    balancer, clock = balancer_of("a", "b")
    first, second = balancer.targets
    balancer.failed(first)
    clock.now = LONGEST_REST_SECONDS
    assert [picked(balancer) for _ in range(3)] == [first, second, second]
    balancer.succeeded(first)
    second.in_flight = 1
    assert [picked(balancer) for _ in range(2)] == [first] * 2


def test_a_server_rests_after_a_failure_and_then_one_request_at_a_time_tries_it() -> None:
    balancer, clock = balancer_of("a")
    [target] = balancer.targets
    balancer.failed(target)
    assert balancer.pick() is None
    clock.now = FIRST_REST_SECONDS * (1 - JITTER) - 0.01
    assert balancer.pick() is None
    clock.now = FIRST_REST_SECONDS * (1 + JITTER)
    assert balancer.pick() is target
    assert balancer.pick() is None  # one request is finding out
    balancer.failed(target)
    assert balancer.pick() is None  # it rests again


def test_the_server_whose_rest_ends_first_is_tried_first() -> None:
    balancer, clock = balancer_of("a", "b")
    first, second = balancer.targets
    balancer.failed(second)
    clock.now = 2 * FIRST_REST_SECONDS
    balancer.failed(first)
    clock.now = 100.0
    assert [balancer.pick(), balancer.pick(), balancer.pick()] == [second, first, None]


def test_rests_double_until_they_are_as_long_as_they_may_be() -> None:
    balancer, clock = balancer_of("a")
    balancer.failed(balancer.targets[0])
    rests = [fail_again(balancer, clock) for _ in range(10)]
    for number, rest in enumerate(rests):
        expected = min(FIRST_REST_SECONDS * 2**number, LONGEST_REST_SECONDS)
        assert (1 - JITTER) * expected <= rest <= (1 + JITTER) * expected


def test_a_server_that_is_away_for_days_is_still_tried() -> None:
    balancer, clock = balancer_of("a", patience_seconds=1e9)
    balancer.failed(balancer.targets[0])
    rests = [fail_again(balancer, clock) for _ in range(2000)]
    assert max(rests) <= (1 + JITTER) * LONGEST_REST_SECONDS


def test_the_failures_of_one_moment_count_once() -> None:
    balancer, clock = balancer_of("a")
    [target] = balancer.targets
    assert [balancer.failed(target) for _ in range(200)] == [True] + [False] * 199
    assert target.rests_until <= FIRST_REST_SECONDS * (1 + JITTER)
    clock.now = FIRST_REST_SECONDS * (1 + JITTER)
    assert balancer.pick() is target


def test_a_success_ends_the_rest_and_the_count_of_failures() -> None:
    balancer, clock = balancer_of("a")
    [target] = balancer.targets
    balancer.failed(target)
    fail_again(balancer, clock)
    assert balancer.succeeded(target)
    assert [balancer.pick(), balancer.pick()] == [target, target]
    assert not balancer.succeeded(target)
    balancer.failed(target)
    assert target.rests_until - clock.now <= FIRST_REST_SECONDS * (1 + JITTER)


def test_servers_are_given_up_once_none_has_answered_for_as_long_as_the_patience_lasts() -> None:
    balancer, clock = balancer_of("a", "b")
    clock.now = 1000.0
    assert not balancer.is_given_up  # nothing has been asked
    balancer.failed(balancer.targets[0])
    clock.now += PATIENCE_SECONDS
    balancer.failed(balancer.targets[1])
    assert not balancer.is_given_up
    clock.now += 0.1
    assert balancer.is_given_up


def test_a_success_of_any_server_renews_the_patience() -> None:
    balancer, clock = balancer_of("a", "b")
    first, second = balancer.targets
    balancer.failed(first)
    clock.now = PATIENCE_SECONDS - 1
    balancer.succeeded(second)
    clock.now = 10 * PATIENCE_SECONDS
    assert not balancer.is_given_up
    balancer.failed(first)
    assert not balancer.is_given_up  # it counts from here
    clock.now = 11 * PATIENCE_SECONDS + 1
    assert balancer.is_given_up


def test_a_busy_server_keeps_its_requests_but_tries_the_patience() -> None:
    balancer, clock = balancer_of("a")
    balancer.busy()
    assert balancer.pick() is balancer.targets[0]
    assert balancer.pick() is balancer.targets[0]
    clock.now = PATIENCE_SECONDS / 2
    balancer.busy()
    clock.now = PATIENCE_SECONDS + 0.1
    assert balancer.is_given_up
