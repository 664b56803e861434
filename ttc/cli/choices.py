"""Options whose value is one of a few names."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from ttc.errors import UserError

E = TypeVar("E", bound=StrEnum)


def chosen(kind: type[E], option: str, name: str) -> E:
    """Return the member of an enumeration that the user named in an option.

    Typer could read enumerations itself, if the modules that define them did not import pandas.

    Raises:
        UserError: there is no such member.
    """
    try:
        return kind(name)
    except ValueError:
        raise UserError(f"{option} {name}: is not known; use {', '.join(kind)}.") from None
