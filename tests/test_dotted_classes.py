"""Classes are named by dotted paths; what cannot be loaded is explained on one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ttc.classes import class_path, load_class
from ttc.errors import UserError
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam


def test_a_class_is_found_by_its_own_path() -> None:
    assert load_class(class_path(Beam), Strategy, "here") is Beam


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("Beam", "must be a dotted path to a class; use e.g. my_package.MyClass."),
        ("a..b", "must be a dotted path to a class; use e.g. my_package.MyClass."),
        ("absent.Beam", "No module named 'absent'; install the package, or add its directory to PYTHONPATH."),
        ("ttc.strategies.beam.Bean", "the module ttc.strategies.beam has no class Bean; check the name."),
        ("ttc.errors.UserError", "must be a subclass of ttc.strategies.base.Strategy; derive the class from it."),
        ("ttc.strategies.base.asdict", "must be a subclass of ttc.strategies.base.Strategy; derive the class from it."),
    ],
)
def test_what_is_no_such_class_is_refused(path: str, reason: str) -> None:
    with pytest.raises(UserError) as error:
        load_class(path, Strategy, "here")
    assert str(error.value) == f"here: {reason}"


def test_a_class_beside_the_user_is_found_and_must_be_a_dataclass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside.py").write_text(
        "from ttc.strategies.beam import Beam\n\nclass Plain(Beam):\n    pass\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    try:
        with pytest.raises(UserError, match="must be a dataclass whose fields are its settings"):
            load_class("beside.Plain", Strategy, "here")
    finally:
        sys.modules.pop("beside", None)
