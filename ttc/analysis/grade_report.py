"""What `ttc grade` says: the accuracy, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from ttc.terminal import printable


@dataclass(frozen=True, slots=True)
class GradeReport:
    """The accuracy of a graded file. `ci95` is a Wilson interval; `timed_out` pairs met the time limit (wrong)."""

    n: int
    correct: int
    accuracy: float
    ci95: tuple[float, float]
    unanswered: int
    timed_out: int
    written: Path | None

    def __str__(self) -> str:
        low, high = self.ci95
        lines = [f"accuracy {self.accuracy:.1%} ({self.correct} of {self.n}; 95% interval {low:.1%} to {high:.1%})"]
        if self.unanswered:
            lines.append(f"{self.unanswered} without an answer (wrong)")
        if self.timed_out:
            lines.append(f"{self.timed_out} stopped at the grading limit (wrong)")
        if self.written:
            lines.append(f"written to {self.written}")
        return "\n".join(lines)

    def __rich__(self) -> Text:
        return Text(printable(self))  # a path may contain what rich takes for markup
