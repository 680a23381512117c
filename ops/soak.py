"""A server under a mixed load for a long time: memory, files and log must not grow, and no data may be lost.

    python -m ops.soak --minutes 20

Four writers insert, update and delete batches over the same ids, readers search. The first quarter of
the time is the warm-up. After it memory, open files and the size of the data are measured every two seconds.
At the end the server is started again and every id is checked. Exit status 1 when a bound does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asteroid_cloud.client import AsyncClient
from ops.crash import DIM, WRITERS, Violation, Writer, check_all, write_on
from ops.server import Server

LOOK_EVERY_S = 2.0
SLOPE_MIB_A_MINUTE_MAX = 1.0
FILES_MORE_MAX = 32
DATA_MIB_MAX = 64
READERS = 2
PAUSE_S = 0.02


def anonymous_bytes(process: int) -> int:
    """The resident memory of a process that is no file's."""
    status = Path(f"/proc/{process}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(line.split()[1]) * 1024


@dataclass
class Seen:
    """What was looked at, from the end of the warm-up on."""

    minutes: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    data_mib: list[float] = field(default_factory=list)

    def look(self, process: int, folder: Path, at_s: float) -> None:
        """Adds the figures of this moment."""
        self.minutes.append(at_s / 60)
        self.memory_mib.append(anonymous_bytes(process) / 2**20)
        self.files.append(len(os.listdir(f"/proc/{process}/fd")))
        self.data_mib.append(sum(size_of(path) for path in folder.rglob("*")) / 2**20)

    @property
    def slope(self) -> float:
        """MiB that memory grows by in a minute, by least squares."""
        return float(np.polyfit(self.minutes, self.memory_mib, 1)[0])

    def judge(self) -> str:
        """The figures in a line; raises Violation when one is out of bounds."""
        more_files, most_data = max(self.files) - self.files[0], max(self.data_mib)
        told = f"memory {max(self.memory_mib):.0f} MiB at most, {self.slope:+.2f} MiB a minute; "
        told += f"{max(self.files)} files open at most; data {most_data:.1f} MiB at most"
        is_steady = self.slope < SLOPE_MIB_A_MINUTE_MAX and more_files <= FILES_MORE_MAX
        if not is_steady or most_data > DATA_MIB_MAX:
            raise Violation(told)
        return told


def size_of(path: Path) -> int:
    """The bytes of a file; 0 when it is gone by now."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


async def read_on(client: AsyncClient, rng: random.Random) -> None:
    """Searches for ever."""
    while True:
        await client.search([rng.random() for _ in range(DIM)], k=10)
        await asyncio.sleep(PAUSE_S)


async def load(server: Server, folder: Path, seconds: float, rng: random.Random) -> tuple[Seen, list[Writer]]:
    """The load; what was seen meanwhile, and what the writers know."""
    writers, seen, started = [Writer(number) for number in range(WRITERS)], Seen(), time.monotonic()
    async with AsyncClient(base_url=server.url) as client:
        while not await client.ready():
            await asyncio.sleep(PAUSE_S)
        tasks = [asyncio.create_task(write_on(client, writer, rng)) for writer in writers]
        tasks += [asyncio.create_task(read_on(client, rng)) for _ in range(READERS)]
        while (passed_s := time.monotonic() - started) < seconds:
            await asyncio.sleep(LOOK_EVERY_S)
            if passed_s > seconds / 4:
                seen.look(server.process.pid, folder, passed_s)
            for task in tasks:
                if task.done():
                    raise Violation(f"a caller ended: {task.exception()!r}")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return seen, writers


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "store"
        with Server(folder, "--dim", str(DIM), "--seal-rows", "256") as server:
            try:
                rng = random.Random(arguments.seed)
                seen, writers = asyncio.run(load(server, folder, 60 * arguments.minutes, rng))
                told = seen.judge()
                server.stop()  # what is under way ends with it
                server.start()
                rows = asyncio.run(check_all(server, writers))
            except Violation as violation:
                sys.exit(f"VIOLATION: {violation}")
    sys.stdout.write(f"{arguments.minutes:g} minutes: {told}; {rows} rows as they were acknowledged\n")


if __name__ == "__main__":
    main()
