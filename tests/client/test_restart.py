"""A server that is away for a moment: calls wait for it until their time limit, where that is safe."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from asteroid_cloud.client import Client
from ops.forked_server import ForkedServer


def test_calls_outlast_a_restart_of_the_server(tmp_path: Path) -> None:
    """Row 20 of operations: with ``timeout=30`` the client gave up after 0.7 s."""
    with ForkedServer(tmp_path, "--dim", "1") as first:
        port = urlsplit(first.url).port
        assert port is not None
        client = Client(base_url=first.url, timeout=30)
        client.insert(1, [1.0])
    with client, ThreadPoolExecutor(2) as threads:
        read = threads.submit(client.count)
        written = threads.submit(client.insert, 2, [2.0])  # surely not sent while nobody listens
        while client.health() or not (read.running() and written.running()):
            pass
        with ForkedServer(tmp_path, port=port):
            assert written.result().id == 2
            assert read.result() in (1, 2)
            assert client.count() == 2
