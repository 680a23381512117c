"""Forks in the middle of traffic: no process may ever get the answer to a request of another.

    python -m ops.forks --forks 1000

Threads and an event loop of this process ask a server through one ``Client`` and one ``AsyncClient``.
Meanwhile children are forked, four at a time, which ask through the same two objects. Each answer names the
id that was asked for. Exit status 1 when one names another, or a child hangs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from asteroid_cloud.client import AsyncClient, Client
from ops.server import Server

IDS = 64
CALLS_EACH = 10
AT_ONCE = 4
THREADS = 2
CHILD_S_MAX = 60.0
"""A child that takes longer is taken to hang."""


class Violation(Exception):
    """An answer that belongs to another request."""


def fill(client: Client) -> None:
    """The ids that are asked for."""
    client.create_index(1)
    client.insert_batch([(id, [float(id)], {"id": id}) for id in range(IDS)])


def check(id: int, answer: object) -> None:
    """Raises Violation unless the answer is that of the id."""
    if answer != {"id": id}:
        raise Violation(f"asked for {id}, was answered {answer!r}")


def ask(client: Client, calls: int = CALLS_EACH) -> None:
    """Asks some times, one after the other."""
    for _ in range(calls):
        id = random.randrange(IDS)
        check(id, client.get_payload(id))


async def ask_at_once(client: AsyncClient) -> None:
    """Asks some times, all at once."""
    ids = [random.randrange(IDS) for _ in range(CALLS_EACH)]
    for id, answer in zip(ids, await asyncio.gather(*map(client.get_payload, ids)), strict=True):
        check(id, answer)


class Traffic:
    """Calls of the parent that go on while it forks; leaving the block raises what went wrong."""

    def __init__(self, blocking: Client, awaiting: AsyncClient) -> None:
        self._blocking = blocking
        self._awaiting = awaiting
        self._over = threading.Event()
        self._errors: list[BaseException] = []
        works = [self._ask] * THREADS + [lambda: asyncio.run(self._ask_at_once())]
        self._threads = [threading.Thread(target=self._run, args=(work,)) for work in works]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._errors.append(error)
            raise

    def _ask(self) -> None:
        while not self._over.is_set():
            ask(self._blocking)

    async def _ask_at_once(self) -> None:
        while not self._over.is_set():
            await ask_at_once(self._awaiting)
        await self._awaiting.aclose()


def forked(blocking: Client, awaiting: AsyncClient) -> int:
    """The process id of a child that asks through clients that its parent has used."""
    if child := os.fork():
        return child
    status = 1
    try:
        random.seed()
        ask(blocking)
        asyncio.run(ask_at_once(awaiting))
        ask(blocking)
        status = 0
    finally:
        if status:
            traceback.print_exc()
        os._exit(status)


def ended_well(child: int) -> bool:
    """Whether the child ended in time and without an error."""
    until = time.monotonic() + CHILD_S_MAX
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def run(url: str, forks: int) -> None:
    """Forks that often; raises Violation."""
    with Client(base_url=url) as blocking:
        fill(blocking)
        awaiting = AsyncClient(base_url=url)
        failed = 0
        with Traffic(blocking, awaiting):
            for begun in range(0, forks, AT_ONCE):
                children = [forked(blocking, awaiting) for _ in range(min(AT_ONCE, forks - begun))]
                failed += sum(not ended_well(child) for child in children)
    if failed:
        raise Violation(f"{failed} of {forks} children failed or hung")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--forks", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as base, Server(Path(base) / "store") as server:
        try:
            run(server.url, arguments.forks)
        except Violation as violation:
            sys.exit(f"VIOLATION: {violation}")
    sys.stdout.write(f"{arguments.forks} forks: every answer was that of its request\n")


if __name__ == "__main__":
    main()
