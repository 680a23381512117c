"""The largest allowed answers, asked for by many clients at once: memory stays bounded, others are served.

    python -m ops.answers --clients 100 --seconds 25

Each client asks for an answer just below the largest that is allowed. Meanwhile the memory of the server is
watched, and another process asks for its health. Exit status 1 when memory grows by more than ``GROWTH_MAX``
beyond the budget, when an answer is neither whole nor a refusal, or when none is whole.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import secrets
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from asteroid_cloud.client import Client
from ops.server import Server
from ops.soak import anonymous_bytes

MIB = 2**20
BUDGET = 64 * MIB
GROWTH_MAX = 200 * MIB
ROWS = 1000
TEXT_BYTES = 31_000
PAUSE_S = 0.2
"""How long a client that was refused waits."""
SEARCH = {"vector": [0.0] * 8, "k": ROWS, "include": ["payload"]}


class Violation(Exception):
    """Something that must not happen under such a load."""


def fill(url: str) -> None:
    """Rows whose payloads together are nearly the largest answer."""
    with Client(base_url=url) as client:
        client.insert_batch(
            [(id, [float(id)] * 8, {"text": secrets.token_hex(TEXT_BYTES)}) for id in range(ROWS)],
            chunk_size=50,
        )


def watch_health(url: str, seconds: float, found: Connection) -> None:
    """Asks for the health of the server again and again; sends how long each answer took, in ms."""
    times = []
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        connection.request("GET", "/health")
        connection.getresponse().read()
        times.append(1e3 * (time.monotonic() - began))
        time.sleep(0.02)
    found.send(sorted(times))


async def ask(session: aiohttp.ClientSession, url: str, until: float, statuses: Counter[int]) -> None:
    """One client: it reads each answer to its end."""
    while time.monotonic() < until:
        async with session.post(f"{url}/v1/search", json=SEARCH) as answer:
            size = 0
            async for piece in answer.content.iter_any():
                size += len(piece)
            if answer.status == 200 and size < ROWS * 2 * TEXT_BYTES:
                raise Violation(f"an answer of {size} bytes is not whole")
            statuses[answer.status] += 1
        if answer.status != 200:
            await asyncio.sleep(PAUSE_S)


async def load(url: str, process: int, clients: int, seconds: float) -> tuple[Counter[int], int]:
    """The statuses of all answers, and the most anonymous memory that was seen meanwhile."""
    statuses: Counter[int] = Counter()
    until, peak = time.monotonic() + seconds, 0
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        asking = asyncio.gather(*(ask(session, url, until, statuses) for _ in range(clients)))
        while not asking.done():
            peak = max(peak, anonymous_bytes(process))
            await asyncio.sleep(0.02)
        await asking
    return statuses, peak


def run(server: Server, clients: int, seconds: float) -> dict[str, object]:
    """What was measured; raises Violation."""
    fill(server.url)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    watcher = multiprocessing.Process(target=watch_health, args=(server.url, seconds, sender))
    watcher.start()
    statuses, peak = asyncio.run(load(server.url, server.process.pid, clients, seconds))
    times = receiver.recv()
    watcher.join()
    measured: dict[str, object] = {
        "answers": dict(statuses),
        "peak_mib": peak // MIB,
        "health_ms": {"p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100], "max": times[-1]},
    }
    if peak > BUDGET + GROWTH_MAX:
        raise Violation(f"{peak // MIB} MiB of anonymous memory: {measured}")
    if not statuses[200] or set(statuses) - {200, 503}:
        raise Violation(f"answers that are neither whole nor refused, or none that is whole: {measured}")
    return measured


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=25)
    arguments = parser.parse_args()
    options = ("--dim", "8", "--memory-budget", str(BUDGET), "--log-level", "warning")
    with tempfile.TemporaryDirectory() as base, Server(Path(base) / "store", *options) as server:
        try:
            measured = run(server, arguments.clients, arguments.seconds)
        except Violation as violation:
            sys.exit(f"VIOLATION: {violation}")
    sys.stdout.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main()
