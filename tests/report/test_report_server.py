"""`ttc view` reads only, answers only this machine's own pages, and shows what finishes and what is running."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Visit
from report_runs import mixed_records, write_report_run

from ttc.errors import UserError
from ttc.report import server as server_module
from ttc.report.server import ReportServer, open_server


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    write_report_run(tmp_path / "outputs" / "one", mixed_records())
    return tmp_path / "outputs"


@pytest.fixture
def server(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReportServer]:
    monkeypatch.setattr(server_module, "FIRST_PORT", 18421)
    with open_server([outputs], None) as opened:
        thread = threading.Thread(target=opened.serve_forever, args=(0.01,))
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


def ask(
    server: ReportServer, path: str, method: str = "GET", host: str | None = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def listed(server: ReportServer) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(ask(server, "/runs.json")[2])
    return found


def test_the_list_holds_finished_runs(server: ReportServer) -> None:
    [run] = listed(server)["finished"]
    assert (run["name"], run["strategy"], run["budget"], run["accuracy"][0]) == ("one", "beam", 4, 0.4)


def test_a_run_is_named_by_a_digest_and_has_a_page(server: ReportServer) -> None:
    [run] = listed(server)["finished"]
    assert re.fullmatch("[0-9a-f]{16}", run["id"])
    status, headers, content = ask(server, f"/report/{run['id']}")
    assert status == 200 and content.startswith(b"<!doctype html>") and b"block-1" in content
    assert "connect-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_bookmark_works_before_the_list_was_asked_for(server: ReportServer, outputs: Path) -> None:
    id_ = listed(server)["finished"][0]["id"]
    server.runs._directories.clear()
    server.runs._rows.clear()
    assert ask(server, f"/report/{id_}")[0] == 200


def test_a_page_is_built_once_until_its_files_change(server: ReportServer, outputs: Path) -> None:
    id_ = listed(server)["finished"][0]["id"]
    _, headers, first = ask(server, f"/report/{id_}")
    assert ask(server, f"/report/{id_}", If_None_Match=headers["ETag"])[0] == 304
    write_report_run(outputs / "one", mixed_records()[:2])
    status, changed, second = ask(server, f"/report/{id_}", If_None_Match=headers["ETag"])
    assert status == 200 and changed["ETag"] != headers["ETag"] and first != second


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}"])
def test_other_hosts_are_refused(server: ReportServer, host: str) -> None:
    status, _, content = ask(server, "/", host=host.format(port=server.server_port))
    assert status == 403 and b"answers only at" in content


def test_localhost_is_this_host(server: ReportServer) -> None:
    assert ask(server, "/", host=f"localhost:{server.server_port}")[0] == 200


def test_a_second_host_or_none_is_refused(server: ReportServer) -> None:
    for hosts in (b"", b"Host: 127.0.0.1:%d\r\nHost: evil\r\n" % server.server_port):
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n" + hosts + b"\r\n")
            assert b" 403 " in connection.recv(100)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "<script>"])
def test_other_methods_are_refused(server: ReportServer, method: str) -> None:
    status, headers, content = ask(server, "/", method)
    assert status in (400, 405) and b"script" not in content
    assert status == 400 or headers["Allow"] == "GET, HEAD"


def test_head_has_no_body(server: ReportServer) -> None:
    status, headers, content = ask(server, "/", "HEAD")
    assert status == 200 and int(headers["Content-Length"]) > 1000 and content == b""


@pytest.mark.parametrize(
    "path",
    [
        *("/../../etc/passwd", "/report/../one", "/report/%2e%2e%2fone", "/report/" + "0" * 16, "/one/summary.json"),
        *("/report/", "/runs.json/..", "/<script>alert(1)</script>", "//evil.example/", "/report/%00"),
    ],
)
def test_no_path_leads_to_files(server: ReportServer, path: str) -> None:
    status, headers, content = ask(server, path)
    assert status == 404 and headers["Content-Type"].startswith("text/plain") and b"script" not in content


def test_an_absolute_address_is_refused(server: ReportServer) -> None:
    assert ask(server, "http://evil.example/")[0] == 400


def test_another_website_cannot_embed_a_page(server: ReportServer) -> None:
    assert ask(server, "/runs.json", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403
    _, headers, _ = ask(server, "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert headers["X-Frame-Options"] == "DENY" and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers


def test_a_damaged_run_is_listed_with_what_is_wrong(server: ReportServer, outputs: Path) -> None:
    id_ = listed(server)["finished"][0]["id"]
    (outputs / "one" / "problems.jsonl").write_text("{}\n")
    status, _, content = ask(server, f"/report/{id_}")
    assert status == 500 and b"is not the file that summary.json was written with" in content
    (outputs / "one" / "summary.json").write_text("[]")
    assert "is not a JSON object" in listed(server)["finished"][0]["error"]


def test_a_running_run_shows_the_problems_graded_so_far(server: ReportServer, outputs: Path) -> None:
    draft = outputs / "two" / ".problems.jsonl.4711.rows"
    draft.parent.mkdir()
    draft.write_text('{"correct": true}\n{"correct": false}\n{"corr')
    [row] = listed(server)["running"]
    assert (row["name"], row["problems"], row["right"]) == ("two", 2, 1)
    with draft.open("a") as stream:
        stream.write('ect": true}\n')
    [row] = listed(server)["running"]
    assert (row["problems"], row["right"]) == (3, 2)
    draft.unlink()
    assert listed(server)["running"] == []


def test_a_run_below_two_of_the_paths_is_listed_once(outputs: Path) -> None:
    with open_server([outputs, outputs / "one"], None) as opened:
        assert len(opened.runs.rows()["finished"]) == 1


def test_a_draft_that_starts_again_is_read_again(server: ReportServer, outputs: Path) -> None:
    draft = outputs / ".problems.jsonl.4711.rows"
    draft.write_text('{"correct": true}\n' * 3)
    assert listed(server)["running"][0]["problems"] == 3
    draft.write_text('{"correct": true}\n')
    assert listed(server)["running"][0]["problems"] == 1


def test_the_start_page_lists_runs_follows_progress_and_opens_a_report(
    server: ReportServer, outputs: Path, visit: Visit
) -> None:
    write_report_run(outputs / "<b>two<b>", mixed_records(), strategy="dvts")
    visit.open(server.url, "#finished a")
    assert sorted(visit.texts("#finished a")) == ["<b>two<b>", "one"]
    (outputs / ".problems.jsonl.4711.rows").write_text('{"correct": true}\n' * 3)
    visit.page.wait_for_selector("#running td:nth-child(2):text('3')")
    for box in visit.page.query_selector_all("#finished input"):
        box.check()
    visit.page.click("#together")
    visit.page.wait_for_selector(".overview .result")
    assert visit.page.locator("h1").inner_text() == "Comparison of 2 runs"
    visit.page.click(".brand")
    visit.page.wait_for_selector("#finished a")
    assert {address.split("/")[2] for address in visit.requests if address.startswith("http")} == {
        f"127.0.0.1:{server.server_port}"
    }


def test_a_taken_port_is_an_error_only_if_it_was_asked_for(server: ReportServer, outputs: Path) -> None:
    with pytest.raises(UserError, match=rf"--port {server.server_port} cannot be used \(Address already in use\)"):
        open_server([outputs], server.server_port)
    with open_server([outputs], None) as other:
        assert other.server_port != server.server_port


def test_it_listens_on_this_machine_only(server: ReportServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_ctrl_c_ends_the_command_with_its_exit_code(outputs: Path) -> None:
    command = [sys.executable, "-m", "ttc", "view", str(outputs)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background job ignores it
    )
    assert process.stdout is not None
    assert "http://127.0.0.1:" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130 and errors.count("\n") == 1
