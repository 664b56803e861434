"""What ends a run with one line instead of a traceback."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the user's, told in one line: the value, the rule, the remedy. Exit code 2."""


class RunError(Exception):
    """A run that had to stop though its command was right: a full disk, a dead engine. One line, exit code 1."""
