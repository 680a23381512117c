"""The corpus over sockets, bare and behind nginx and HAProxy: no body is a request, no answer another's."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ops.forked_server import ForkedServer
from tests.support.http_corpus import CORPUS, SMUGGLED, Case, get
from tests.support.wire_answers import split_answers, statuses_of

Connect = Callable[[], socket.socket]
AT_ONCE = 16
NGINX = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s;
  upstream store {{ server 127.0.0.1:{port}; keepalive 4; }}
  server {{
    listen unix:{folder}/front;
    location / {{
      proxy_pass http://store; proxy_http_version 1.1; proxy_request_buffering off;
      proxy_set_header Connection ""; proxy_set_header Host localhost;
    }}
  }}
}}
"""
HAPROXY = """\
defaults
  mode http
  timeout connect 10s
  timeout client 1s
  timeout http-request 1s
  timeout http-keep-alive 1s
  timeout server 2s
  http-reuse always
frontend front
  bind {folder}/front
  default_backend store
backend store
  server one 127.0.0.1:{port}
"""
PROXIES = {"nginx": (NGINX, ["-c"]), "haproxy": (HAPROXY, ["-db", "-f"])}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkedServer]:
    """A store without keys, so that a smuggled request needs none."""
    with ForkedServer(tmp_path / "data", "--dim", "2") as server:
        yield server


@contextmanager
def behind(name: str, folder: Path, port: int) -> Iterator[Connect]:
    """Connects to the server, through the proxy of that name if it is one."""
    if name == "nothing":
        yield lambda: socket.create_connection(("127.0.0.1", port), timeout=60)
        return
    program = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip(f"{name} is not installed")
    text, options = PROXIES[name]
    (folder / "conf").write_text(text.format(folder=folder, port=port))
    command = [program, *options, str(folder / "conf")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:

        def connect() -> socket.socket:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(60)
            try:
                connection.connect(str(folder / "front"))
            except OSError:
                connection.close()
                raise
            return connection

        try:
            _wait_for(connect, process)
            yield connect
        finally:
            process.terminate()


def _wait_for(connect: Connect, process: subprocess.Popen[bytes]) -> None:
    while True:
        assert process.poll() is None, "the proxy has ended"
        try:
            connect().close()
        except OSError:
            time.sleep(0.01)
            continue
        return


def all_answers(connect: Connect, *parts: bytes) -> bytes:
    """What comes back until the other side ends the connection."""
    received = b""
    with connect() as connection:
        try:
            for part in parts:
                connection.sendall(part)
            while piece := connection.recv(65_536):
                received += piece
        except (BrokenPipeError, ConnectionResetError):
            pass
    return received


def run_case(connect: Connect, number: int, case: Case) -> bytes:
    """Sends it, head and body apart, and then asks as another client does; what the case is answered."""
    head, end, body = case.sent.partition(b"\r\n\r\n")
    received = all_answers(connect, head + end, body, get(headers=b"Connection: close\r\n"))
    mark = b"X-Request-ID: case-%d\r\nConnection: close\r\n" % number
    [(status, told, _)] = split_answers(all_answers(connect, get(b"/v1/vectors/7", mark)))
    assert status == 200, case.name
    assert b"x-request-id: case-%d\r\n" % number in told + b"\r\n", case.name
    return received


def deletions(server: ForkedServer) -> int:
    """How many requests to delete a row the server has met."""
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    counters = (line for line in lines if line.startswith("asteroid_http_requests_total{"))
    found = [line for line in counters if '"DELETE"' in line]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in found)


@pytest.mark.parametrize("name", ["nothing", "nginx", "haproxy"])
def test_no_body_is_a_request_and_no_answer_is_anothers(
    server: ForkedServer, tmp_path: Path, name: str
) -> None:
    row = b'{"vector":[1,2]}'
    put = b"PUT /v1/vectors/7 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    put += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(row) + row
    whole = [case for case in CORPUS if not case.name.startswith("a request and half")]
    if name != "nothing":
        whole = [replace(case, sent=case.sent.removesuffix(SMUGGLED)) for case in whole]
    with behind(name, tmp_path, int(server.url.rsplit(":", 1)[1])) as connect:
        assert all_answers(connect, put).startswith(b"HTTP/1.1 200 ")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(lambda each: run_case(connect, *each), enumerate(whole)))
        if name == "nothing":
            for case, received in zip(whole, found, strict=True):
                check_bare(case, statuses_of(received))
        assert deletions(server) == 0
        assert all_answers(connect, SMUGGLED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert deletions(server) == 1, "this would not notice a smuggled request"


def check_bare(case: Case, statuses: list[int]) -> None:
    """As many answers as there are requests; the last says why nothing more is read."""
    if case.is_about_one_read:
        return
    last = [case.refused] if case.refused else [] if case.ends else [200]
    assert len(statuses) == len(case.served) + len(last), case.name
    assert statuses[len(case.served) :] == last, case.name
