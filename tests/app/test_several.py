"""A training that was launched as several processes."""

from __future__ import annotations

import pytest

from ttc.app.several import one_of_several
from ttc.errors import UserError


def as_process(monkeypatch: pytest.MonkeyPatch, rank: int, count: int) -> None:
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("WORLD_SIZE", str(count))


@pytest.mark.parametrize(("rank", "count"), [(0, 1), (0, 2)])
def test_the_main_process_gets_the_arguments_as_they_are(
    rank: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_process(monkeypatch, rank, count)
    with one_of_several(["seed=1"]) as arguments:
        assert arguments == ["seed=1"]


def test_hydra_writes_nothing_in_the_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    as_process(monkeypatch, 1, 2)
    with one_of_several(["seed=1"]) as arguments:
        assert arguments[0] == "seed=1" and "hydra.output_subdir=null" in arguments


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("-m", r"-m: a sweep cannot run in several processes \(WORLD_SIZE=2\); start one training after another"),
        ("hydra.run.dir=out/${now:%H}", "each process would see another time; name a fixed directory, e.g. hydra"),
    ],
)
def test_what_would_give_each_process_its_own_directory_is_refused(
    argument: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_process(monkeypatch, 0, 2)
    with pytest.raises(UserError, match=message), one_of_several([argument]):
        raise AssertionError


def test_alone_a_process_may_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with one_of_several(["-m", "seed=1,2"]) as arguments:
        assert arguments == ["-m", "seed=1,2"]
