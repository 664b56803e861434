"""A tracker hears of a run, and can neither hold it up nor stop it."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest
from recording_tracker import RecordingTracker

from ttc.tracking.base import TrackedRun, TrackedTable, flattened, numbers_of
from ttc.tracking.reporter import Reporter

RUN = TrackedRun("beam", Path("run"), {"budget": 4})
TABLE = TrackedTable(["accuracy"], [(0.5,)], Path("accuracy.csv"))


def reporter(tracker: RecordingTracker | None, log_seconds: float = 0, finish_seconds: float = 30) -> Reporter:
    return Reporter(tracker, RUN, log_seconds=log_seconds, finish_seconds=finish_seconds)


def test_a_tracker_hears_of_the_start_of_progress_and_of_the_end_in_order() -> None:
    tracker = RecordingTracker()
    with reporter(tracker) as found:
        for problems in range(2):
            found.log({"problems": problems})
        found.finish({"accuracy": 0.5}, TABLE)
    assert tracker.calls == ["start", "log", "log", "finish"]
    assert tracker.logged == [(0, {"problems": 0}), (1, {"problems": 1})]
    assert tracker.runs == [RUN] and tracker.finished == [({"accuracy": 0.5}, TABLE)]


def test_progress_is_reported_once_in_so_many_seconds() -> None:
    tracker = RecordingTracker()
    with reporter(tracker, log_seconds=3600) as found:
        assert not found.is_due
        found.log({"problems": 1})
        found.finish({}, TABLE)
    assert tracker.calls == ["start", "finish"]


def test_a_run_that_fails_is_reported_as_failed_and_its_error_is_raised() -> None:
    tracker = RecordingTracker()
    with pytest.raises(ValueError, match="the run's own"), reporter(tracker):
        raise ValueError("the run's own")
    assert tracker.calls == ["start", "abort"]


@pytest.mark.parametrize("call", ["start", "log", "finish"])
def test_a_tracker_that_fails_is_one_warning_on_one_line_and_is_left_alone(
    call: str, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = RecordingTracker(fails=call)
    with caplog.at_level(logging.WARNING), reporter(tracker) as found:
        found.log({})
        time.sleep(0.1)
        found.log({})
        found.finish({}, TABLE)
    assert [record.getMessage() for record in caplog.records] == [
        "tracker=recording: ConnectionError: the server is \\x1b[31mgone; the run is not tracked any more, and is not "
        "affected"
    ]
    assert tracker.calls.count(call) == 1 and tracker.calls[-1] == call


def test_a_tracker_that_hangs_neither_blocks_a_report_nor_lets_reports_pile_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tracker = RecordingTracker(hangs="start")
    before = time.monotonic()
    with caplog.at_level(logging.WARNING), reporter(tracker, finish_seconds=0.2) as found:
        for problems in range(100):
            found.log({"problems": problems})
        found.finish({}, TABLE)
        assert time.monotonic() - before < 0.2
    assert time.monotonic() - before < 5
    assert [record.getMessage() for record in caplog.records] == [
        "tracker=recording: it did not answer within 0.2 s of the run's end; the run is not tracked any more, and is "
        "not affected"
    ]
    tracker.release.set()
    found._thread.join(10)
    assert [step for step, _ in tracker.logged] == [0, 1]


def test_without_a_tracker_nothing_is_started() -> None:
    with reporter(None) as found:
        assert not found.is_due
        found.log({})
        found.finish({}, TABLE)
        assert not found._thread.is_alive()


def test_the_numbers_of_a_summary_have_dotted_names_and_are_finite() -> None:
    summary = {"accuracy": 0.5, "tokens": {"prompt": 3}, "ci95": [0, 1], "prm": None, "flops": {"paper": float("nan")}}
    assert numbers_of({**summary, "strategy": "beam", "is": True}) == {"accuracy": 0.5, "tokens.prompt": 3.0}
    assert flattened({"a": {"b": {}, "c": 1}, "d": []}) == {"a.c": 1, "d": []}
