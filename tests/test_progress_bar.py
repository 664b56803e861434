"""Long work is watched: quietly, when nobody sits at a terminal."""

from __future__ import annotations

import pytest

from ttc.progress_bar import ProgressBar, track_progress


def test_elsewhere_than_on_a_terminal_a_line_tells_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("solving", 10) as meter:
        meter.show(3, "fast")
        meter.show(4)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "solving: 3/10, fast\nsolving: 4/10\n")


def test_a_meter_is_due_only_after_its_time() -> None:
    with ProgressBar("a", 1, log_seconds=1000) as slow, ProgressBar("b", 1, log_seconds=-1) as eager:
        assert eager.is_due and not slow.is_due


def test_metered_items_pass_through_and_the_end_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track_progress("abc", "labelling", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == "labelling: 3/3\n"
