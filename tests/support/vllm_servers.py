"""Real vLLM servers on the loopback interface, for tests: the pocket's generator and verifier."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ttc.engines.server.command import serve_command
from ttc.engines.vllm_setup import VllmSettings

START_SECONDS = 240.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass
class VllmServer:
    """`vllm serve` with a checkpoint; `start` returns at once, `wait` when it answers."""

    settings: VllmSettings
    log: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None
    _output: IO[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        variables = {"OMP_NUM_THREADS": "1"}
        command = [*serve_command(self.settings, self.port), "--host", "127.0.0.1", *self.options]
        self._output = self.log.open("ab")
        self._process = subprocess.Popen(
            [*command, "--disable-uvicorn-access-log"],
            env=os.environ | variables,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,  # its engine is a process of its own
        )

    def wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1),
            ):
                return
            time.sleep(0.25)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """Kill the server and its engine, as a crash or the machine's end would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._output is not None:
            self._output.close()
            self._output = None
