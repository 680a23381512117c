"""A server that may write no more: the full disk is a limit of the system on the size of files."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from ops.forked_server import ForkedServer
from ops.server import Server

DIM = 4
ROW = {"id": 1, "vector": [1.0] * DIM, "metadata": {"n": 1}}
BULK = {"X-Asteroid-N": "200", "X-Asteroid-Dim": str(DIM), "Content-Type": "application/octet-stream"}
ROWS = np.zeros((200, DIM), "<f4").tobytes()
PAYLOADS = b"[" + b",".join(b'{"n":"%s"}' % (b"x" * 400) for _ in range(200)) + b"]"
needs_prlimit = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="the limits of another process cannot be set here"
)
WRITES: list[tuple[str, str, object]] = [
    ("POST", "/v1/vectors", ROW),
    ("PUT", "/v1/vectors/1", {"vector": [2.0] * DIM}),
    ("PATCH", "/v1/vectors/1/payload", {"b": 2}),
    ("POST", "/v1/vectors/batch", {"items": [ROW, ROW]}),
    ("POST", "/v1/vectors/delete", {"filter": {"n": 1}}),
    ("POST", "/v1/flush", None),
    ("POST", "/v1/tags", {"name": "now"}),
    ("POST", "/v1/backup", {"name": "now"}),
    ("POST", "/v1/purge", None),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with a backup folder."""
    options = ("--dim", str(DIM), "--backup-dir", str(tmp_path / "backups"))
    with ForkedServer(tmp_path / "data", *options) as server:
        yield server


@contextmanager
def full(server: Server, file_bytes_max: int = 0) -> Iterator[None]:
    """No file of the server may become larger than that, while the block runs."""
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (file_bytes_max, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def names(tmp_path: Path) -> set[str]:
    """All that lies below."""
    return {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}


@pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="the limits of another process cannot be set here"
)
def test_all_writes_are_507_leave_nothing_and_go_on_afterwards(server: Server, tmp_path: Path) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as http:
        assert http.post("/v1/vectors", json=ROW).status_code == 201
        before = names(tmp_path)
        with full(server):
            for method, path, body in WRITES:
                told = http.request(method, path, json=body)
                assert (told.status_code, told.json().get("code")) == (507, "no_space"), (path, told.text)
                assert str(tmp_path) not in told.text
            assert http.post("/v1/search", json={"vector": [1.0] * DIM}).json()["results"][0]["id"] == 1
            assert http.get("/health").status_code == 200
            left = {name for name in names(tmp_path) - before if not name.endswith(".wal")}
            assert left <= {"backups"}
        for method, path, body in WRITES:
            assert http.request(method, path, json=body).status_code < 300, path


@pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="the limits of another process cannot be set here"
)
@pytest.mark.parametrize("tail", [b"", PAYLOADS], ids=["vectors", "payloads"])
def test_attacks_row_10_a_bulk_load_is_507_and_leaves_nothing(
    server: Server, tmp_path: Path, tail: bytes
) -> None:
    with httpx.Client(base_url=server.url, timeout=30, headers=BULK) as http:
        before = names(tmp_path)
        with full(server, 8_192 if tail else 0):  # the vectors have room in the log, their payloads not
            told = http.post("/v1/build/bulk", content=ROWS + tail)
            assert (told.status_code, told.json()["code"]) == (507, "no_space"), told.text
            assert names(tmp_path) == before
            assert http.post("/v1/count", json={}, headers={"Content-Type": "application/json"}).json() == {
                "count": 0
            }
        done = http.post("/v1/build/bulk", content=ROWS + tail)
        assert done.status_code == 200, done.text
