"""Requests that are small and cost much: reads of the costliest filters, and bulk loads that stay open.

    python -m ops.costly --seconds 20

A server holds 1,500 rows, each with a list of 2,000 numbers. Two clients count under filters of 150
``$contains_any`` (4.9 KB), each time others. Meanwhile the health of the server, searches by id and pages are
timed. Then two such clients go away after half a second; then 200 bulk loads are begun and left. At the end
the server is stopped while it counts. Exit status 1 when a bound does not hold.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from asteroid_cloud.client import Client
from ops.server import Server
from ops.soak import anonymous_bytes

MIB = 2**20
READ_BUDGET, LOAD_BUDGET = 256 * MIB, 64 * MIB
"""Of memory: in the larger one no row is sealed, so that filters read every payload."""
GROWTH_MAX = 200 * MIB
ROWS, NUMBERS, DIM = 1_500, 2_000, 8
BRANCHES = 150
CLIENTS = 2
CHEAP_P99_MS_MAX = 250.0
GONE_AFTER_S, FREED_S_MAX = 0.5, 1.0
DRAIN_S, EXIT_S_MAX = 2.0, 5.0
LOADS, LOAD_BYTES = 200, 4 * MIB
LEFT_FOR_S = 5.0
PAUSE_S = 0.02


class Violation(Exception):
    """A bound that does not hold."""


def costly_filter(draw: random.Random) -> dict[str, object]:
    """One of the costliest filters there are, which no row matches."""
    return {"$or": [{"list": {"$contains_any": [-draw.randrange(10**9)]}} for _ in range(BRANCHES)]}


def fill(url: str) -> None:
    """The rows."""
    draw = random.Random(1)
    with Client(base_url=url, timeout=120) as client:
        rows = (
            (id, [float(id)] * DIM, {"list": [draw.randrange(10**9) for _ in range(NUMBERS)]})
            for id in range(ROWS)
        )
        client.insert_batch(rows, chunk_size=50)


def ask(url: str, method: str, path: str, body: object = None, timeout: float = 120) -> int:
    """The status of one request's answer; 0 without an answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
    return answer.status


def head_of(path: str, host: str, size: int, content: str = "application/json", more: str = "") -> str:
    """The head of a request."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content}\r\n"
        f"Content-Length: {size}\r\n{more}\r\n"
    )


@contextmanager
def repeated(call: Callable[[random.Random], object], threads: int) -> Iterator[None]:
    """Makes a call again and again in some threads, for as long as the block runs."""
    over = threading.Event()

    def run(seed: int) -> None:
        draw = random.Random(seed)
        while not over.is_set():
            call(draw)

    started = [threading.Thread(target=run, args=(seed,), daemon=True) for seed in range(threads)]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        over.set()


class Timed(NamedTuple):
    """How long a call took, in ms, and the statuses of its answers."""

    p50_ms: float
    p99_ms: float
    answers: dict[int, int]


def timed(call: Callable[[], int], seconds: float) -> Timed:
    """Repeats a call, one after the other."""
    times, statuses, until = list[float](), Counter[int](), time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        statuses[call()] += 1
        times.append(1e3 * (time.monotonic() - began))
        time.sleep(PAUSE_S)
    times.sort()
    p50_ms, p99_ms = times[len(times) // 2], times[len(times) * 99 // 100]
    return Timed(round(p50_ms, 1), round(p99_ms, 1), dict(statuses))


def beside_costly_reads(server: Server, seconds: float) -> dict[str, object]:
    """Cheap requests while costly ones are under way."""
    counted: Counter[int] = Counter()

    def count(draw: random.Random) -> None:
        counted[ask(server.url, "POST", "/v1/count", {"filter": costly_filter(draw)})] += 1

    search = {"id": 7, "k": 10}
    with repeated(count, CLIENTS):
        time.sleep(GONE_AFTER_S)
        found = {
            "health": timed(lambda: ask(server.url, "GET", "/health"), seconds / 3),
            "search": timed(lambda: ask(server.url, "POST", "/v1/search", search), seconds / 3),
            "page": timed(lambda: ask(server.url, "POST", "/v1/vectors/scroll", {"limit": 10}), seconds / 3),
        }
    for each in found.values():
        if each.p99_ms > CHEAP_P99_MS_MAX or set(each.answers) != {200}:
            raise Violation(f"cheap requests had to wait, or were refused: {found}")
    measured: dict[str, object] = {name: each._asdict() for name, each in found.items()}
    return measured | {"costly_answers": dict(counted)}


def after_the_clients_are_gone(server: Server) -> dict[str, object]:
    """How long it takes until a read in a thread is answered, after costly ones whose clients went away."""
    draw = random.Random(3)
    place = urlsplit(server.url)
    for _ in range(CLIENTS):
        body = json.dumps({"filter": costly_filter(draw)}).encode()
        asking = socket.create_connection((place.hostname, place.port))
        head = head_of("/v1/count", place.netloc, len(body))
        asking.sendall(head.encode() + body)
        time.sleep(GONE_AFTER_S / CLIENTS)
        threading.Timer(GONE_AFTER_S / CLIENTS, asking.close).start()
    time.sleep(GONE_AFTER_S)
    began = time.monotonic()
    status = ask(server.url, "POST", "/v1/count", {"filter": {"none": 1}})
    found: dict[str, object] = {"seconds": round(time.monotonic() - began, 2), "status": status}
    if status != 200 or time.monotonic() - began > FREED_S_MAX:
        raise Violation(f"reads went on for clients that are gone: {found}")
    return found


def loads_left_open(server: Server, base: Path) -> dict[str, object]:
    """Memory while many bulk loads are open that send no more, and after they were left."""
    process, place = server.process.pid, urlsplit(server.url)
    before, peak, loads = anonymous_bytes(process), 0, list[socket.socket]()
    for _ in range(LOADS):
        load = socket.create_connection((place.hostname, place.port))
        load.settimeout(0.2)
        rows = 64 * LOAD_BYTES // (4 * DIM)
        more = f"X-Asteroid-N: {rows}\r\nX-Asteroid-Dim: {DIM}\r\n"
        head = head_of("/v1/build/bulk", place.netloc, 4 * rows * DIM, "application/octet-stream", more)
        with suppress(OSError):  # it waits, or was refused
            load.sendall(head.encode() + bytes(LOAD_BYTES - 1))
        loads.append(load)
        peak = max(peak, anonymous_bytes(process))
    for load in loads:
        load.close()
    time.sleep(LEFT_FOR_S)
    found: dict[str, object] = {
        "before_mib": before // MIB,
        "open_mib": peak // MIB,
        "left_mib": anonymous_bytes(process) // MIB,
    }
    if peak > LOAD_BUDGET + GROWTH_MAX:
        raise Violation(f"bulk loads fill the memory: {found}")
    return found


def stopped_while_counting(server: Server) -> dict[str, object]:
    """How long the server takes to end while costly reads are under way."""

    def count(draw: random.Random) -> None:
        ask(server.url, "POST", "/v1/count", {"filter": costly_filter(draw)})
        time.sleep(PAUSE_S)

    with repeated(count, CLIENTS):
        time.sleep(2 * GONE_AFTER_S)
        began = time.monotonic()
        server.stop()
    seconds = time.monotonic() - began
    if seconds > DRAIN_S + EXIT_S_MAX:
        raise Violation(f"the server took {seconds:.1f} s to end")
    return {"seconds": round(seconds, 2)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    measured, failed = dict[str, object](), False
    options = ("--dim", str(DIM), "--drain-s", str(DRAIN_S), "--log-level", "warning")
    steps: list[tuple[str, bool, Callable[[Server, Path], object]]] = [
        ("beside costly reads", True, lambda server, _: beside_costly_reads(server, arguments.seconds)),
        ("after the clients are gone", True, lambda server, _: after_the_clients_are_gone(server)),
        ("bulk loads left open", False, loads_left_open),
        ("stopped while counting", True, lambda server, _: stopped_while_counting(server)),
    ]
    for name, is_filled, step in steps:
        budget = ("--memory-budget", str(READ_BUDGET if is_filled else LOAD_BUDGET))
        with tempfile.TemporaryDirectory() as base, Server(Path(base) / "store", *options, *budget) as server:
            if is_filled:
                fill(server.url)
            try:
                measured[name] = step(server, Path(base))
            except Violation as violation:
                measured[name], failed = f"VIOLATION: {violation}", True
        sys.stdout.write(f"{name}: {json.dumps(measured[name])}\n")
        sys.stdout.flush()
    sys.exit(failed)


if __name__ == "__main__":
    main()
