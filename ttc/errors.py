"""The errors that end a command with one line instead of a traceback."""

from __future__ import annotations


class UserError(Exception):
    """User error, reported on one line: the value, the rule, the remedy. Exit code 2."""


class RunError(Exception):
    """A run that had to stop although its command was right: a full disk, a dead engine. One line, exit code 1."""
