"""A server of OpenAI's protocol without a model: it answers each path from a script, and records what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "served"
CONTEXT = 512


@dataclass(frozen=True)
class Asked:
    """One request that the server received."""

    path: str
    body: dict[str, Any]
    authorization: str


@dataclass(frozen=True)
class Reply:
    """What the server does with a request.

    Attributes:
        body: sent as JSON, or as it is where it is a string.
        dropped: the connection is closed without an answer.
    """

    status: int = 200
    body: object = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    dropped: bool = False


Script = Callable[[Asked], Reply]

DROPPED = Reply(dropped=True)
NOT_FOUND = Reply(404, {"detail": "Not Found"})


def refusal(status: int, message: str, **headers: str) -> Reply:
    """Return an error as OpenAI words it."""
    return Reply(status, {"error": {"message": message}}, headers)


def model_list(*names: str, context: int | None = CONTEXT) -> Reply:
    return Reply(body={"data": [{"id": name, "max_model_len": context} for name in names]})


class ScriptedServer:
    """Answers each path with its queued replies, then for ever with the last thing that it was told.

    Attributes:
        asked: all requests, in the order in which they came.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._queued: dict[str, deque[Reply]] = defaultdict(deque)
        self._standing: dict[str, Reply | Script] = {"/v1/models": model_list(MODEL)}
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._http: ThreadingHTTPServer | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def script(self, path: str, *first: Reply, then: Reply | Script | None = None) -> None:
        """Set the next replies of a path, and what is replied after them."""
        self._queued[path] = deque(first)
        if then is not None:
            self._standing[path] = then

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """Return the bodies of the requests to a path."""
        return [asked.body for asked in self.asked if asked.path == path]

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._http = http = _Listener(("127.0.0.1", self._port), _Handler, self)
        self._port = http.server_address[1]
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Close the port and every connection, as a process that is killed does."""
        if self._http is None:
            return
        self._http.shutdown()
        self._http.server_close()
        self._http = None
        with self._lock:
            for connection in self._connections:
                _close(connection)

    def connected(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def disconnected(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def reply(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            queued = self._queued[asked.path]
            if queued:
                return queued.popleft()
            standing = self._standing.get(asked.path, NOT_FOUND)
        return standing if isinstance(standing, Reply) else standing(asked)


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    try:
        yield server
    finally:
        server.stop()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], owner: ScriptedServer) -> None:
        self.owner = owner
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that broke: tests break them."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are used again
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.owner.connected(self.connection)

    def finish(self) -> None:
        self.server.owner.disconnected(self.connection)
        super().finish()

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: dict[str, Any]) -> None:
        reply = self.server.owner.reply(Asked(self.path, body, self.headers.get("Authorization", "")))
        if reply.dropped:
            self.close_connection = True
            _close(self.connection)
            return
        is_text = isinstance(reply.body, str)
        content = (str(reply.body) if is_text else json.dumps(reply.body)).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "text/html" if is_text else "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in reply.headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def _close(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # closed already
        return
