"""A small run's records, for the tests of what is made of them."""

from __future__ import annotations

from ttc.cost import Tokens
from ttc.runs.records import CandidateRecord, ProblemRecord, SelectedAnswer


def record(
    id_: str, correct: dict[str, bool], share: float = 0.5, quintile: int | None = None, level: int | None = None
) -> ProblemRecord:
    flags = [i < 4 * share for i in range(4)]
    return ProblemRecord(
        id=id_,
        gold="1",
        correct=correct.get("weighted", False),
        selected={name: SelectedAnswer("1" if flag else "2", flag) for name, flag in correct.items()},
        oracle=any(flags),
        candidates=tuple(CandidateRecord("…", "1" if f else "2", f, "stop", (0.25, 0.1), -1.5, 7) for f in flags),
        quintile=quintile,
        level=level,
        generations=4,
        tokens=Tokens(10, 0, 28, 30),
    )


def records() -> list[ProblemRecord]:
    won = {"majority": True, "best": False, "weighted": True}
    lost = {"majority": False, "best": False, "weighted": True}
    return [
        record("a", won, 1.0, 1, 2),
        record("b", lost, 0.5, 5, 2),
        record("c", {**lost, "weighted": False}, 0.0, 5, 4),
        record("d", won, 0.75, None, None),
    ]
