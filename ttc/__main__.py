"""The `ttc` command, also as `python -m ttc`: signals are handled before anything slow is imported."""

from __future__ import annotations

from ttc.app.signals import run_interruptible


def main() -> None:
    """Run the command line."""
    run_interruptible(_run)


def _run() -> None:
    from ttc.cli import app

    app(prog_name="ttc")


if __name__ == "__main__":
    main()
