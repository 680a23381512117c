"""The server as a process: how it starts, what it refuses, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lsmvec_client import Client  # type: ignore[import-untyped]

from asteroid_cloud.api.http.server import ACCEPTORS
from ops.server import Server


def ready_client(server: Server) -> Client:
    """A client of a server whose recovery is over; the address is told before that."""
    client = Client(base_url=server.url)
    deadline_s = time.monotonic() + 30
    while not client.ready():
        assert time.monotonic() < deadline_s, "the server does not become ready"
    return client


def outcome(*options: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to fail."""
    command = [sys.executable, "-m", "asteroid_cloud.api", "serve", "--port", "0", *options]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ASTEROID_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=clean, check=False)


def refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0_and_nothing_is_lost(tmp_path: Path, number: signal.Signals) -> None:
    with Server(tmp_path, "--dim", "2") as server:
        client = ready_client(server)
        client.insert(1, [1.0, 2.0], {"a": 1})
        server.process.send_signal(number)
        assert server.wait() == 0
    with Server(tmp_path) as server:
        assert ready_client(server).get_payload(1) == {"a": 1}


def test_it_says_where_it_listens_in_one_line(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        with urllib.request.urlopen(server.url + "/health") as answer:
            assert answer.read() == b'{"status":"ok"}'
        assert server.stop() == 0


def test_several_listeners_take_the_connections_of_one_socket(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        files = Path(f"/proc/{server.process.pid}/fd").iterdir()
        sockets = Counter(link for file in files if (link := os.readlink(file)).startswith("socket:"))
        assert max(sockets.values()) == ACCEPTORS > 1


def test_another_machine_could_reach_it_only_with_a_key(tmp_path: Path) -> None:
    result = outcome("--data", str(tmp_path / "store"), "--host", "0.0.0.0")
    refused(result, "0.0.0.0", "--api-key")
    assert not (tmp_path / "store").exists()


def test_a_store_in_use_and_an_address_in_use_are_told(tmp_path: Path) -> None:
    with Server(tmp_path / "one") as server:
        refused(outcome("--data", str(tmp_path / "one")), "process")
        port = server.url.rsplit(":", 1)[1]
        refused(outcome("--data", str(tmp_path / "two"), "--port", port), port)


def test_an_index_of_another_dimension_is_refused(tmp_path: Path) -> None:
    with Server(tmp_path, "--dim", "2") as server:
        ready_client(server)
    refused(outcome("--data", str(tmp_path), "--dim", "3"), "dimension 2", "3")
    with Server(tmp_path, "--dim", "2", "--metric", "l2") as server:
        assert ready_client(server).get_index()["dim"] == 2


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(outcome("--data", str(tmp_path / "file")), "file")


def test_without_a_key_it_says_that_it_is_open(tmp_path: Path) -> None:
    said = outcome_of_start(tmp_path)
    assert "no key is set" in said
    assert "no key is set" not in outcome_of_start(tmp_path, "--api-key", "the-key-of-the-test")


def outcome_of_start(data: Path, *options: str) -> str:
    """What a start says on standard error."""
    command = [sys.executable, "-m", "asteroid_cloud.api", "serve", "--data", str(data), "--port", "0"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ASTEROID_")}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": clean}
    with subprocess.Popen([*command, "--log-level", "error", *options], **pipes) as process:
        assert process.stdout is not None
        assert "http://127.0.0.1:" in process.stdout.readline()
        process.terminate()
        return str(process.communicate(timeout=60)[1])


def test_a_stalled_body_is_cut_and_the_connection_closed(tmp_path: Path) -> None:
    with Server(tmp_path, "--dim", "4", "--body-timeout-s", "0.2") as server:
        port = int(server.url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
            answer = b""
            while part := connection.recv(65_536):
                answer += part
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"body_timeout"' in answer


def test_a_service_link_does_not_keep_it_from_starting_and_unknown_variables_are_told(tmp_path: Path) -> None:
    links = {"ASTEROID_PORT": "tcp://10.0.0.1:8000", "ASTEROID_SERVICE_HOST": "10.0.0.1"}
    command = [sys.executable, "-m", "asteroid_cloud.api", "serve", "--data", str(tmp_path), "--dim", "0"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ASTEROID_")}
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        env=clean | links | {"ASTEROID_PROT": "1"},
        check=False,
    )
    refused(result, "dim", "ASTEROID_PROT")
    assert "SERVICE_HOST" not in result.stderr
    assert "ASTEROID_PORT" not in result.stderr


def test_a_folder_that_is_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    refused(outcome("--data", str(tmp_path / "link")), str(tmp_path / "link"), "link to what does not exist")


def test_a_volume_with_lost_and_found_is_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    with Server(tmp_path, "--dim", "2") as server:
        assert ready_client(server).get_index()["dim"] == 2
    assert (tmp_path / "lost+found").is_dir()


def half_a_request(server: Server) -> socket.socket:
    """A connection on which half a body was sent."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.sendall(
        b"POST /v1/vectors HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    return connection


def test_row_21_half_a_body_does_not_hold_a_server_that_stops(tmp_path: Path) -> None:
    with Server(tmp_path, "--dim", "2", "--drain-s", "600", "--body-timeout-s", "600") as server:
        with half_a_request(server) as connection:
            server.process.send_signal(signal.SIGTERM)
            assert b'"overloaded"' in connection.makefile("rb").read()
        assert server.wait() == 0


def test_row_21_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with Server(tmp_path, "--dim", "2", "--drain-s", "600") as server:
        ready_client(server).insert(1, [1.0, 2.0])
        server.process.send_signal(signal.SIGSTOP)  # so that both wait when it goes on
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        server.process.send_signal(signal.SIGCONT)
        assert server.wait() in (128 + signal.SIGTERM, 128 + signal.SIGINT)
    with Server(tmp_path) as server:
        assert ready_client(server).get(1)


def test_row_17_the_line_says_that_the_first_request_succeeds(tmp_path: Path) -> None:
    for _ in range(3):
        with Server(tmp_path, "--dim", "2") as server:
            with urllib.request.urlopen(server.url + "/ready") as answer:
                assert answer.status == 200
            assert server.stop() == 0
