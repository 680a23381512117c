"""A server as a process of its own and as a fork: both start, say where they listen, and end alike."""

from __future__ import annotations

import signal
import urllib.request
from pathlib import Path

import pytest

from ops.forked_server import ForkedServer
from ops.server import Server

KINDS = [Server, ForkedServer]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_listens_until_it_is_told_to_end(kind: type[Server], tmp_path: Path) -> None:
    with kind(tmp_path, "--dim", "2") as server:
        assert server.process.poll() is None
        with urllib.request.urlopen(server.url + "/health") as answer:
            assert answer.read() == b'{"status":"ok"}'
        assert server.stop() == 0
    assert server.process.returncode == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_can_be_killed_and_started_again(kind: type[Server], tmp_path: Path) -> None:
    server = kind(tmp_path, "--dim", "2")
    for _ in range(2):
        server.start()
        server.kill()
        assert server.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("kind", KINDS)
def test_a_start_that_fails_is_told(
    kind: type[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTEROID_HOST", "0.0.0.0")  # not for this server: its settings are arguments
    server = kind(tmp_path, "--dim", "0")
    with pytest.raises(RuntimeError, match="ended with status 1 before it was up"):
        server.start()
