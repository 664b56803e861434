"""Runs `ttc` command lines in this process, one after another, up to the moment when a model would be loaded.

Protocol: a line on stdin is {"directory": ..., "arguments": [...]}; the reply is one line on stdout:
{"code": ..., "err": ..., "trace": ...}.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import resource
import traceback
from typing import NoReturn

MEMORY_BYTES = 12 << 30  # of address space: what reads an endless file fails instead of filling the machine


class Reached(BaseException):
    """The command has accepted its input, and would load a model now."""


def _reach(*_: object, **__: object) -> NoReturn:
    raise Reached


def serve() -> None:
    """Run command lines until stdin ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    replies = os.fdopen(os.dup(1), "w")
    silent = os.open(os.devnull, os.O_RDWR)
    requests = os.fdopen(os.dup(0), "r")
    for descriptor in range(3):
        os.dup2(silent, descriptor)
    from ttc.cli import running
    from ttc.execution import experiment

    vars(experiment)["open_executor"] = _reach
    vars(running)["_run_training"] = _reach
    for line in requests:
        request = json.loads(line)
        os.chdir(request["directory"])
        print(json.dumps(_run(request["arguments"])), file=replies, flush=True)


def _run(arguments: list[str]) -> dict[str, object]:
    from hydra.core.global_hydra import GlobalHydra

    from ttc.cli import app

    out, err, code, trace = io.StringIO(), io.StringIO(), None, ""
    handlers, level = logging.root.handlers[:], logging.root.level
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app(arguments, prog_name="ttc")
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 0
        except Reached:
            pass
        except BaseException:
            code, trace = 1, traceback.format_exc()
    logging.root.handlers[:], logging.root.level = handlers, level
    GlobalHydra.instance().clear()
    return {"code": code, "err": err.getvalue(), "trace": trace}


if __name__ == "__main__":
    serve()
