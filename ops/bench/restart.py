"""Restarting on a loaded store: the time until it is ready, and its memory."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import msgspec

from asteroid_cloud.client import Client
from asteroid_cloud.indexer import Engine
from ops.bench.data import Dataset
from ops.bench.loading import QUIET
from ops.bench.memory import Memory, memory_of
from ops.bench.results import Restarted
from ops.bench.workload import FIRST_SEARCHES, USUAL_BREADTH, K
from ops.server import Server

POLL_S = 0.002
READY_S_MAX = 300.0
IMPORTS = """
import asteroid_cloud.api.cli.main, asteroid_cloud.api.http.server
import uvicorn.protocols.http.httptools_impl, uvloop
import sys, msgspec
from ops.bench.memory import memory_of
sys.stdout.buffer.write(msgspec.json.encode(memory_of()))
"""


def measure(dataset: Dataset, folder: Path) -> Restarted:
    """Restarts the server, measures the engine alone, and searches."""
    queries = dataset.query_rows()
    opened_s = anyio.run(_open_engine, folder)
    server = Server(folder, *QUIET)
    began_s = time.perf_counter()
    with server:
        first_ready(server.url)
        ready_s = time.perf_counter() - began_s
        idle = memory_of(server.process.pid)
        with Client(base_url=server.url) as client:
            for place in range(FIRST_SEARCHES):
                client.search(queries[place % len(queries)], K, USUAL_BREADTH)
        searched = memory_of(server.process.pid)
    return Restarted(ready_s, opened_s, _imports(), idle, searched, FIRST_SEARCHES)


async def _open_engine(folder: Path) -> float:
    began_s = time.perf_counter()
    async with Engine.open(str(folder)) as engine:
        await engine.ready()
        return time.perf_counter() - began_s


def first_ready(url: str) -> None:
    """Returns at the first 200 of /ready; raises TimeoutError."""
    address = urlsplit(url)
    deadline_s = time.perf_counter() + READY_S_MAX
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=READY_S_MAX)
    try:
        while time.perf_counter() < deadline_s:
            connection.request("GET", "/ready")
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return
            time.sleep(POLL_S)
    finally:
        connection.close()
    raise TimeoutError(f"the server was not ready within {READY_S_MAX:.0f} s")


def _imports() -> Memory:
    """The memory of a process that has only imported what the server imports."""
    ended = subprocess.run([sys.executable, "-c", IMPORTS], stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(ended.stdout, type=Memory)
