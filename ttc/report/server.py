"""The local server of `ttc view`: read only, for this machine only, and for no other website."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ttc.errors import UserError
from ttc.report.listing import RunList
from ttc.report.page import Page, assemble, report_page
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import Run
from ttc.terminal import printable_line

ADDRESS = "127.0.0.1"
FIRST_PORT = 8421
TRIED_PORTS = 20
KEPT_PAGES = 8
MAX_RUNS = 32  # in one page
RUN_LIST_STYLES = ("base.css", "parts.css", "runs.css")
RUN_LIST_SCRIPTS = ("dom.js", "theme.js", "runs.js")
_REPORT = re.compile(r"/report/([0-9a-f]{16}(?:,[0-9a-f]{16})*)")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOTHING = "default-src 'none'"


class PageCache:
    """The report pages that were built last, by the files that they show."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, Page] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, directories: Sequence[Path]) -> tuple[str, Page]:
        """Return the page of some runs, and what identifies its content. One page is built at a time.

        Raises:
            UserError: files of a run are damaged.
        """
        key = _version(directories)
        with self._lock:
            page = self._pages.pop(key, None)
            if page is None:
                runs = [Run.load(directory) for directory in directories]
                for run in runs:
                    run.require_complete()
                page = report_page(runs, home=True)
            self._pages[key] = page
            while len(self._pages) > KEPT_PAGES:
                self._pages.popitem(last=False)
        return key, page


def _version(directories: Sequence[Path]) -> str:
    """Return a digest of the state of the runs' files: each is replaced as a whole when it is written again."""
    digest = hashlib.blake2b(digest_size=16)
    for directory in directories:
        for file in RunDirectory(directory).files:
            try:
                status = file.stat()
                digest.update(os.fsencode(file))
                digest.update(f"\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\0".encode())
            except OSError:
                digest.update(b"missing\0")
    return digest.hexdigest()


class ReportServer(ThreadingHTTPServer):
    """Serves the list of runs at /, and a page for each run."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, runs: RunList, port: int) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.runs, self.cache = runs, PageCache()
        self.start_page = assemble("runs.html", RUN_LIST_STYLES, RUN_LIST_SCRIPTS, connect="'self'")
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that went away; print other errors on one line."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            print(f"error: {printable_line(error)}", file=sys.stderr)


def open_server(paths: Sequence[Path], port: int | None) -> ReportServer:
    """Return a server that is bound to `port`, or to the first free one from 8421 on.

    Raises:
        UserError: a path is no directory, or the port cannot be used.
    """
    for path in paths:
        if not path.is_dir():
            raise UserError(f"{path} is not a directory; give directories that hold runs, or will hold them.")
    ports = [port] if port is not None else range(FIRST_PORT, FIRST_PORT + TRIED_PORTS)
    for tried in ports:
        try:
            return ReportServer(RunList(paths), tried)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port is not None:
                reason = os.strerror(error.errno or 0)
                raise UserError(f"--port {tried} cannot be used ({reason}); give another.") from None
    raise UserError(f"the ports {ports[0]} to {ports[-1]} are all in use; give a free one: --port.")


class _Refusal(Exception):
    """A request that is answered with a code and one line."""

    def __init__(self, code: int, line: str) -> None:
        super().__init__(line)
        self.code = code


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: ReportServer
    protocol_version = "HTTP/1.1"
    server_version = "ttc"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        try:
            self._check()
            path = self.path.partition("?")[0]
            if path == "/":
                self._send_page(self.server.start_page, None)
            elif path == "/runs.json":
                content = json.dumps(self.server.runs.rows(), allow_nan=False).encode()
                self._send(200, content, "application/json", _NOTHING)
            elif found := _REPORT.fullmatch(path):
                self._send_report(found[1].split(","))
            else:
                raise _Refusal(404, "there is nothing here; the list of runs is at /")
        except _Refusal as refusal:
            self._refuse(refusal.code, str(refusal))
        except UserError as error:
            self._refuse(500, f"error: {printable_line(error)}")

    def _check(self) -> None:
        """Refuse what another website could have a browser ask for: by a name that it made point here, or by embedding.

        Raises:
            _Refusal: with the reason.
        """
        if self.headers.get_all("Host") is None or {*self.headers.get_all("Host", [])} - self.server.hosts:
            raise _Refusal(403, f"this server answers only at {self.server.url}")
        if self.headers.get("Sec-Fetch-Site") == "cross-site" and self.headers.get("Sec-Fetch-Mode") != "navigate":
            raise _Refusal(403, "another website asked for this")
        if not self.path.startswith("/"):
            raise _Refusal(400, "the address must begin with /")

    def _send_report(self, ids: Sequence[str]) -> None:
        directories = [self.server.runs.directory(id_) for id_ in dict.fromkeys(ids)]
        known = [directory for directory in directories if directory is not None]
        if len(known) < len(directories):
            raise _Refusal(404, "there is no such run; the list of runs is at /")
        if len(known) > MAX_RUNS:
            raise _Refusal(400, f"{len(known)} runs are too many for one page; choose at most {MAX_RUNS}")
        version, page = self.server.cache.page(known)
        self._send_page(page, f'"{version}"')

    def _send_page(self, page: Page, version: str | None) -> None:
        if version is not None and self.headers.get("If-None-Match") == version:
            self._send(304, b"", "text/html; charset=utf-8", page.policy, version)
            return
        self._send(200, page.html.encode(), "text/html; charset=utf-8", page.policy, version)

    def _send(self, code: int, content: bytes, kind: str, policy: str, version: str | None = None) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", f"{policy}; frame-ancestors 'none'")
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache" if version else "no-store")
        if version:
            self.send_header("ETag", version)
        if code == 405:
            self.send_header("Allow", "GET, HEAD")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, code: int, line: str) -> None:
        self.close_connection = True  # what follows may be the body of the request
        self._send(code, f"{line}\n".encode(), "text/plain; charset=utf-8", _NOTHING)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server itself refuses, such as other methods, without quoting it."""
        if code == 501:
            self._refuse(405, "only GET and HEAD are answered")
        else:
            self._refuse(code, "this request cannot be answered")

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: what is asked for may come from elsewhere."""
