"""Progress is shown on stderr, as plain lines where stderr is not a terminal."""

from __future__ import annotations

import pytest

from ttc.progress_bar import ProgressBar, track_progress


def test_without_a_terminal_progress_is_printed_as_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("solving", 10) as bar:
        bar.show(3, "fast")
        bar.show(4)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "solving: 3/10, fast\nsolving: 4/10\n")


def test_an_update_is_due_only_after_the_interval() -> None:
    with ProgressBar("a", 1, log_seconds=1000) as slow, ProgressBar("b", 1, log_seconds=-1) as eager:
        assert eager.is_due and not slow.is_due


def test_tracked_items_pass_through_and_the_end_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track_progress("abc", "labelling", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == "labelling: 3/3\n"
