"""Classes named by a dotted path, in a YAML file or on the command line."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from ttc.errors import UserError
from ttc.terminal import printable_line

T = TypeVar("T")


def load_class(path: str, base: type, given: str) -> type:
    """Import the class at a dotted path.

    Args:
        path: e.g. `my_package.MyStrategy`.
        base: what it must derive from.
        given: where the user named the class, for messages.

    Raises:
        UserError: it cannot be imported, or is not a dataclass that derives from `base`.
    """
    module, _, name = path.rpartition(".")
    if not module or not all(part.isidentifier() for part in path.split(".")):
        raise UserError(f"{given}: must be a dotted path to a class; use e.g. my_package.MyClass.")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a class in a file beside the user, as `python -m` would find it
    try:
        found = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise UserError(f"{given}: {error}; install the package, or add its directory to PYTHONPATH.") from error
    except AttributeError as error:
        if getattr(error, "name", None) != name:
            raise  # a bug in that module
        raise UserError(f"{given}: the module {module} has no class {name}; check the name.") from None
    except SyntaxError as error:
        raise UserError(f"{given}: {error.filename}:{error.lineno} is not Python ({error.msg}); fix it.") from None
    return checked_class(found, base, given)


def checked_class(found: object, base: type, given: str) -> type:
    """Return a class whose fields are its settings.

    Raises:
        UserError: it does not derive from `base`, or is not a dataclass.
    """
    if not isinstance(found, type) or not issubclass(found, base):
        raise UserError(f"{given}: must be a subclass of {class_path(base)}; derive the class from it.")
    if "__dataclass_fields__" not in vars(found):  # the decorator of a base class does not see this class's fields
        raise UserError(f"{given}: must be a dataclass whose fields are its settings; decorate it with @dataclass.")
    return found


def refuse_unknown_settings(kind: type, settings: Mapping[str, Any], given: str) -> None:
    """Refuse settings that are no fields of a dataclass.

    Raises:
        UserError: there is one.
    """
    known = [field.name for field in fields(kind)]
    if unknown := [printable_line(str(name), 60) for name in settings if name not in known]:
        remedy = f"use {', '.join(known)}" if known else "leave it out"
        raise UserError(f"{given}: {kind.__name__} has no setting {unknown[0]}; {remedy}.")


def create(kind: type[T], settings: Mapping[str, Any], given: str) -> T:
    """Create an object of a dataclass from its settings, as plain values.

    Raises:
        UserError: an unknown setting, or a value of the wrong type.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    refuse_unknown_settings(kind, settings, given)
    try:
        created = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), settings))
    except OmegaConfBaseException as error:
        reason = printable_line(str(error).partition("\n")[0], 200)
        raise UserError(f"{given}: {kind.__name__}: {reason}; fix the value.") from None
    assert isinstance(created, kind)
    return created


def class_path(kind: type) -> str:
    """Return a class's dotted path."""
    return f"{kind.__module__}.{kind.__qualname__}"
