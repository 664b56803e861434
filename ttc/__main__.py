"""The `ttc` command, also as `python -m ttc`: signals are handled before anything slow is imported."""

from __future__ import annotations

import atexit
import os
import sys

from ttc.app.signals import run_interruptible


def main() -> None:
    """Run the command line."""
    try:
        run_interruptible(_run)
    except SystemExit as end:
        if "torch" in sys.modules and isinstance(end.code, int | None):
            _leave(end.code or 0)
        raise


def _run() -> None:
    from ttc.cli import app

    app(prog_name="ttc")


def _leave(code: int) -> None:
    """End the process without taking the interpreter apart, which takes seconds once torch has been imported."""
    try:
        atexit._run_exitfuncs()  # workers, logs, vLLM's processes
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # a closed pipe or a full disk: the interpreter's own shutdown reports it
        return
    os._exit(code)


if __name__ == "__main__":
    main()
