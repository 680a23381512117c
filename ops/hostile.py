"""Strangers, slow clients and the costliest filters at once, while a client with a key is measured.

    python -m ops.hostile --seconds 20

400 connections a second come without a key, announce a body and send none of it, or are odd in other ways;
400 connections send a byte of their headers now and then; two clients with a key count under the costliest
filters. Exit status 1 when the p99 of another client with a key is above ``P99_MS_MAX``, when it is refused,
when memory grows beyond its bound, or when SIGTERM does not end the server within its drain setting.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

from ops.costly import DIM, MIB, READ_BUDGET, ROWS, Violation, costly_filter, fill
from ops.server import Server
from ops.soak import anonymous_bytes

STRANGERS_PER_S, SLOW = 400, 400
COUNTERS = 2
P99_MS_MAX = 250.0
GROWTH_MAX = 200 * MIB
DRAIN_S = 5.0
STAYS_S = 5.0
"""How long a stranger stays that is not sent away."""
SETTLE_S = 2.0
HEADS = (
    b"POST /v1/vectors/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n",
    b"POST /v1/vectors/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /v1/count HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Length: 60000\r\n\r\n",
    b"POST /v1/count HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 9\r\n\r\n",
    b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 100,
    b"\0\r\n\r\n",
    b"",
)
SLOW_HEAD = b"POST /v1/count HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 1_000


async def stranger(place: tuple[str, int], number: int) -> None:
    """One connection without a key, which waits for its answer and sends no more."""
    with suppress(OSError, asyncio.TimeoutError):
        reader, writer = await asyncio.open_connection(*place)
        try:
            writer.write(HEADS[number % len(HEADS)])
            async with asyncio.timeout(STAYS_S):
                while await reader.read(65_536):
                    continue
        finally:
            writer.close()


async def slow_socket(place: tuple[str, int]) -> None:
    """Sends a byte of its headers now and then, and comes back when it is sent away."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(*place)
            try:
                for byte in SLOW_HEAD:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.5 + random.random())
            finally:
                writer.close()
        await asyncio.sleep(random.random())


async def attack(place: tuple[str, int]) -> None:
    """All strangers, until the process is ended."""
    async with asyncio.TaskGroup() as group:
        for _ in range(SLOW):
            group.create_task(slow_socket(place))
        number, began = 0, time.monotonic()
        while True:
            number += 1
            group.create_task(stranger(place, number))
            await asyncio.sleep(max(0.0, began + number / STRANGERS_PER_S - time.monotonic()))


def run_attack(place: tuple[str, int]) -> None:
    """A process of its own."""
    asyncio.run(attack(place))


def count_costly(place: tuple[str, int], key: str, seed: int) -> None:
    """Counts under the costliest filters without end; a process of its own."""
    draw = random.Random(seed)
    while True:
        with suppress(OSError, http.client.HTTPException):
            ask(http.client.HTTPConnection(*place, timeout=120), key, "/v1/count", costly_filter(draw))


def ask(connection: http.client.HTTPConnection, key: str, path: str, filter: object = None) -> int:
    """The status of one request's answer."""
    body = {"id": random.randrange(ROWS), "k": 10} if filter is None else {"filter": filter}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def measure(place: tuple[str, int], key: str, seconds: float, told: Connection) -> None:
    """One client with a key: every tenth request over a new connection; tells times in ms, and statuses."""
    times, statuses, until = list[float](), Counter[int](), time.monotonic() + seconds
    connection = http.client.HTTPConnection(*place, timeout=60)
    while time.monotonic() < until:
        if len(times) % 10 == 0:
            connection.close()
        began = time.monotonic()
        try:
            statuses[ask(connection, key, "/v1/search")] += 1
        except (OSError, http.client.HTTPException):
            statuses[0] += 1
            connection.close()
        times.append(1e3 * (time.monotonic() - began))
        time.sleep(0.01)
    told.send((sorted(times), dict(statuses)))


@contextmanager
def processes(*started: multiprocessing.Process) -> Iterator[None]:
    """Runs them for as long as the block."""
    for each in started:
        each.start()
    try:
        yield
    finally:
        for each in started:
            each.kill()
            each.join()


def run(server: Server, key: str, seconds: float) -> dict[str, object]:
    """What was measured; raises Violation."""
    url = urlsplit(server.url)
    place = (str(url.hostname), int(url.port or 0))
    receiver, told = multiprocessing.Pipe(duplex=False)
    client = multiprocessing.Process(target=measure, args=(place, key, seconds, told))
    others = [multiprocessing.Process(target=run_attack, args=(place,))]
    others += [
        multiprocessing.Process(target=count_costly, args=(place, key, seed)) for seed in range(COUNTERS)
    ]
    peak = 0
    with processes(*others):
        time.sleep(SETTLE_S)
        with processes(client):
            while not receiver.poll(0.05):
                peak = max(peak, anonymous_bytes(server.process.pid))
            times, statuses = receiver.recv()
        began = time.monotonic()
        server.stop()
        ended_s = time.monotonic() - began
    found: dict[str, object] = {
        "requests": len(times),
        "statuses": statuses,
        "p50_ms": round(times[len(times) // 2], 1),
        "p99_ms": round(times[len(times) * 99 // 100], 1),
        "max_ms": round(times[-1], 1),
        "peak_mib": peak // MIB,
        "stopped_s": round(ended_s, 2),
    }
    if times[len(times) * 99 // 100] > P99_MS_MAX or set(statuses) != {200}:
        raise Violation(f"a client with a key had to wait, or was refused: {found}")
    if peak > READ_BUDGET + GROWTH_MAX:
        raise Violation(f"memory is not bounded: {found}")
    if ended_s > DRAIN_S:
        raise Violation(f"the server did not end in time: {found}")
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    key = secrets.token_hex(16)
    os.environ["ASTEROID_API_KEY"] = key  # for the client that fills the store
    options = ("--dim", str(DIM), "--drain-s", str(DRAIN_S), "--log-level", "error", "--api-key", key)
    options += ("--memory-budget", str(READ_BUDGET))
    with tempfile.TemporaryDirectory() as base, Server(Path(base) / "store", *options) as server:
        fill(server.url)
        try:
            found = run(server, key, arguments.seconds)
        except Violation as violation:
            sys.exit(f"VIOLATION: {violation}")
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
