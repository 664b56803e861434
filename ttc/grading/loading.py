"""A grader from its name, or from its config as a finished run's summary has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ttc.classes import create, load_class
from ttc.errors import UserError
from ttc.grading.base import AnswerGrader
from ttc.grading.choice import ChoiceGrader
from ttc.grading.exact import ExactGrader
from ttc.grading.math_grader import MathGrader
from ttc.grading.tolerance import NumericGrader
from ttc.grading.unit_tests import UnitTestGrader
from ttc.terminal import printable_line

TARGET = "_target_"
GRADERS: Mapping[str, type[AnswerGrader]] = {
    **{"math": MathGrader, "exact": ExactGrader, "numeric": NumericGrader, "choice": ChoiceGrader},
    "unit_tests": UnitTestGrader,
}


def named_grader(name: str, given: str) -> AnswerGrader:
    """Return a grader with its default settings, by its name or the dotted path of its class.

    Args:
        name: e.g. `choice`, or `my_package.MyGrader`.
        given: where the user named it, for messages.

    Raises:
        UserError: no such grader.
    """
    if "." not in name and name not in GRADERS:
        raise UserError(f"{given}: is not known; use {', '.join(GRADERS)}, or a class as my_package.MyGrader.")
    return GRADERS[name]() if name in GRADERS else load_grader({TARGET: name}, given)


def load_grader(config: Mapping[str, Any], given: str) -> AnswerGrader:
    """Import a grader's class and create it; what `grader_config` says of it is `config` again.

    Args:
        config: the dotted path of the class as `_target_`, and its settings.
        given: where the user named it, for messages.

    Raises:
        UserError: no such class, no such setting, or a value of the wrong type.
    """
    path = printable_line(str(config.get(TARGET)))
    kind = load_class(path, AnswerGrader, f"{given}: {TARGET}={path}")
    grader: AnswerGrader = create(kind, {name: value for name, value in config.items() if name != TARGET}, given)
    return grader
