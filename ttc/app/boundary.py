"""Where errors leave the command line: one line each, and an exit code that scripts can rely on."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from ttc.app import signals
from ttc.errors import RunError, UserError


class ErrorBoundary(TyperGroup):
    """Turns the errors that users can cause into one line; bugs keep their traceback.

    Exit codes: 2 for a user error, 1 for a run that had to stop, 128 + n for signal n: 130 for Ctrl-C.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> Any:  # of the click inside Typer, which has no public name
        try:
            return super().make_context(*args, **kwargs)
        except Exception as error:
            _raise_usage_error(error)
            raise

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(signals.report()) from None
        except Exception as error:
            if signals.received() is not None:  # whatever it broke
                raise typer.Exit(signals.report()) from None
            _raise_usage_error(error)
            code = _exit_code(error)
            if code is None:
                raise
            from ttc.terminal import printable_line

            typer.echo(f"error: {printable_line(error)}", err=True)
            raise typer.Exit(code) from None


def _raise_usage_error(error: Any) -> None:
    """Print click's error in flags or arguments on one line and exit, unless it is a request for help."""
    if hasattr(error, "format_message") and type(error).__name__ != "NoArgsIsHelpError":
        from ttc.terminal import printable_line

        path = error.ctx.command_path if getattr(error, "ctx", None) else "ttc"
        typer.echo(f"error: {printable_line(error.format_message()).rstrip('.')}; see {path} --help.", err=True)
        raise typer.Exit(error.exit_code) from None


def _exit_code(error: Exception) -> int | None:
    """Return the exit code of an error that is printed on one line; None for a bug, and for a closed pipe."""
    if isinstance(error, UserError):
        return 2
    system = isinstance(error, OSError) and error.errno is not None and not isinstance(error, BrokenPipeError)
    return 1 if isinstance(error, RunError) or system else None
