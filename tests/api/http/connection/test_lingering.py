"""A client that is still sending when it is refused sees why, and is not waited for without end."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import pytest
from lsmvec_client import Client, PayloadTooLarge, Unauthorized  # type: ignore[import-untyped]

from asteroid_cloud.api.limits import BATCH_BODY_BYTES_MAX
from asteroid_cloud.wal.limits import MIB
from ops.forked_server import ForkedServer

KEY = "the-key-of-the-test"
GOOD = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedServer]:
    """One server for all tests of this file."""
    with ForkedServer(tmp_path_factory.mktemp("lingering"), "--api-key", KEY, "--dim", "4") as server:
        yield server


@pytest.mark.parametrize(
    ("path", "size", "headers", "status", "code"),
    [
        ("/v1/vectors", 20 * MIB, GOOD, 413, "payload_too_large"),
        ("/v1/vectors/batch", BATCH_BODY_BYTES_MAX + MIB, GOOD, 413, "payload_too_large"),
        ("/v1/vectors", 20 * MIB, {}, 401, "unauthorized"),
        ("/v1/nowhere", MIB // 2, GOOD, 404, "not_found"),
        ("/v1/build/bulk", 20 * MIB, GOOD, 400, "bad_payload"),
    ],
)
def test_a_client_that_sends_it_all_before_it_reads_sees_why_it_is_refused(
    server: ForkedServer, path: str, size: int, headers: dict[str, str], status: int, code: str
) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    connection.request("POST", path, b" " * size, headers)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (status, code)
    assert answer.headers["Connection"] == "close"
    connection.close()


@pytest.mark.parametrize(("key", "kind"), [(KEY, PayloadTooLarge), ("wrong", Unauthorized)])
def test_the_published_client_sees_it_too(server: ForkedServer, key: str, kind: type[Exception]) -> None:
    client = Client(api_key=key, base_url=server.url)
    with pytest.raises(kind):
        client.insert(1, [0.0, 0.0, 0.0, 0.0], {"text": "x" * (20 * MIB)})


def test_what_comes_after_a_refusal_is_not_taken_for_a_request(server: ForkedServer) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        seen = b""
        while not seen.endswith(b"}"):
            seen += connection.recv(65_536)
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 10_000)
        connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65_536):
            seen += more
    assert seen.count(b"HTTP/1.1") == 1
    assert seen.startswith(b"HTTP/1.1 401 ")


def test_a_connection_outlives_an_error_of_a_client_with_a_key(server: ForkedServer) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    connection.connect()
    before = connection.sock
    for _ in range(3):
        connection.request("POST", "/v1/nowhere", b"x" * 1_000, GOOD)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (404, "not_found")
        assert connection.sock is before
    connection.close()


def test_a_connection_without_a_key_ends_with_its_answer(server: ForkedServer) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    connection.request("GET", "/v1/index")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Connection"]) == (401, "close")
    answer.read()
    assert connection.sock is None
    connection.request("GET", "/health")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Connection"]) == (200, None)
    connection.close()
