"""The one exception a user's mistake raises."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the user's, told in one line: the value, the rule, the remedy. Exit code 2."""
