"""Kills a server under load, again and again, and checks what it had acknowledged.

    python -m ops.crash --cycles 1500

Each cycle starts the server on the same data, checks every id ever written, lets four writers insert,
update and delete batches, and kills the server with SIGKILL at a random moment. A batch carries its number
in every row, so that half of one would show. The servers are forks of one process, to save the imports.
Stops at the first violation with exit status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from asteroid_cloud.api import open_blocking
from asteroid_cloud.client import AsteroidError, AsyncClient, RetryPolicy, Row
from ops.forked_server import ForkedServer
from ops.server import Server

DIM = 16
WRITERS = 4
IDS_PER_WRITER = 300
BATCH_ROWS_MAX = 20
NEIGHBOURS = 10
EF_SEARCH = 1000
"""Wide enough that a walk through so few rows finds what a scan finds."""


@dataclass
class Batch:
    """One write of one writer: a version number for some of its ids, or their deletion."""

    version: int
    ids: list[Any]
    is_delete: bool

    def vector(self, id_: int | str) -> list[float]:
        """What the id's vector is in this version; exact in 8 bits, so that it is read as it was sent."""
        rng = np.random.default_rng([self.version, id_ if isinstance(id_, int) else crc32(id_.encode())])
        row = rng.integers(0, 256, DIM).astype(np.float32)
        row[:2] = 0, 255
        return [float(value) for value in row]


@dataclass
class Writer:
    """What one writer knows of its own ids."""

    number: int
    acknowledged: dict[Any, Batch] = field(default_factory=dict)
    in_doubt: Batch | None = None
    version: int = 0
    has_names: bool = False
    """Whether ids are strings."""

    def next_batch(self, rng: random.Random) -> Batch:
        """A new batch over ids of its own."""
        self.version += 1
        first = self.number * 10**6
        ids = rng.sample(range(first, first + IDS_PER_WRITER), rng.randint(1, BATCH_ROWS_MAX))
        names = [f"é/{id_}\n" for id_ in ids] if self.has_names else ids
        return Batch(self.version * WRITERS + self.number, names, rng.random() < 0.2)

    def settle(self, batch: Batch) -> None:
        """The batch counts."""
        self.acknowledged.update(dict.fromkeys(batch.ids, batch))


class Violation(Exception):
    """The server lost, tore or invented data."""


async def write_on(client: AsyncClient, writer: Writer, rng: random.Random) -> None:
    """Writes batches until the server is gone."""
    while True:
        batch = writer.next_batch(rng)
        writer.in_doubt = batch
        if batch.is_delete:
            await client.delete_many(ids=batch.ids)
        else:
            rows = [(id_, batch.vector(id_), {"version": batch.version}) for id_ in batch.ids]
            await client.insert_batch(rows)
        writer.settle(batch)
        writer.in_doubt = None


async def check(client: AsyncClient, writers: list[Writer]) -> int:
    """Compares everything stored with what was acknowledged. Gives the number of rows."""
    stored = {row.id: row async for row in client.scroll(include=["payload", "vector"])}
    await check_search(client, stored)
    for writer in writers:
        decide(writer, stored)
        for id_, batch in writer.acknowledged.items():
            row = stored.pop(id_, None)
            if batch.is_delete != (row is None):
                raise Violation(f"id {id_}: version {batch.version} was acknowledged, found {row}")
            if row is not None and (
                (row.payload or {}).get("version") != batch.version or row.vector != batch.vector(id_)
            ):
                raise Violation(f"id {id_}: not as version {batch.version} left it: {row}")
    if stored:
        raise Violation(f"ids that nobody wrote: {sorted(stored)[:5]}")
    return sum(not batch.is_delete for writer in writers for batch in writer.acknowledged.values())


async def check_search(client: AsyncClient, stored: Mapping[Any, Row]) -> None:
    """Compares searches, exact and through the graphs, with distances computed here over all rows."""
    if not stored:
        return
    ids = list(stored)
    rows = np.array([row.vector for row in stored.values()], np.float32)
    query = rows[len(rows) // 2] + 1
    distances = np.sqrt(((rows - query) ** 2).sum(axis=1))
    nearest = sorted(range(len(ids)), key=lambda row: (distances[row], ids[row]))[:NEIGHBOURS]
    for exact in (True, False):
        hits = await client.search(query, k=NEIGHBOURS, ef_search=EF_SEARCH, exact=exact)
        found = np.array([hit.distance for hit in hits])
        if len(found) != len(nearest) or not np.allclose(found, distances[nearest], rtol=1e-4):
            raise Violation(f"a search (exact: {exact}) found {hits}, a scan {[ids[row] for row in nearest]}")


def decide(writer: Writer, stored: Mapping[Any, object]) -> None:
    """A batch that was not acknowledged must be there wholly or not at all."""
    batch, writer.in_doubt = writer.in_doubt, None
    if batch is None:
        return
    there = {id_: is_as(stored.get(id_), batch) for id_ in batch.ids}
    if batch.is_delete:
        # Ids that were absent before say nothing of a delete.
        known = writer.acknowledged
        telling = [there[id_] for id_ in batch.ids if id_ in known and not known[id_].is_delete]
    else:
        telling = list(there.values())
    if any(telling) and not all(telling):
        raise Violation(f"half of batch {batch.version} is there: {there}")
    if telling and all(telling):
        writer.settle(batch)


def is_as(row: object, batch: Batch) -> bool:
    """Whether a stored row is what the batch made of it."""
    if batch.is_delete or row is None:
        return batch.is_delete and row is None
    payload = getattr(row, "payload", None) or {}
    return bool(payload.get("version") == batch.version)


async def run_cycle(server: Server, writers: list[Writer], rng: random.Random) -> None:
    """Checks, writes, kills."""
    await check_all(server, writers)
    async with AsyncClient(base_url=server.url, retries=RetryPolicy(attempts_max=1)) as client:
        tasks = [asyncio.create_task(write_on(client, writer, rng)) for writer in writers]
        await asyncio.sleep(rng.uniform(0.0, 0.8))
        server.kill()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(ended, AsteroidError):
                raise Violation(f"a writer ended with {ended!r}")


async def check_all(server: Server, writers: list[Writer]) -> int:
    """The check, once recovery is over; the number of rows seen."""
    async with AsyncClient(base_url=server.url) as client:
        while not await client.ready():  # looked at more often than a client that retries would
            if server.process.poll() is not None:
                raise Violation(f"the server ended by itself, with status {server.process.returncode}")
            await asyncio.sleep(0.01)
        return await check(client, writers)


def run(cycles: int, seed: int, folder: Path, ids: str = "integer") -> int:
    """Runs the cycles; the number of rows that survived. Raises Violation."""
    with open_blocking(folder) as store:
        store.create_index(DIM, ids=ids)
    rng = random.Random(seed)
    writers = [Writer(number, has_names=ids == "string") for number in range(WRITERS)]
    for _ in range(cycles):
        server = ForkedServer(folder, "--seal-rows", "256")
        server.start()
        try:
            asyncio.run(run_cycle(server, writers, rng))
        finally:
            server.kill()
    with ForkedServer(folder) as last:
        return asyncio.run(check_all(last, writers))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--cycles", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--ids", choices=["integer", "string"], default="integer")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    sys.stdout.write(f"seed {seed}\n")
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = run(arguments.cycles, seed, Path(folder) / "store", arguments.ids)
        except Violation as violation:
            sys.stdout.write(f"VIOLATION: {violation}\n")
            sys.exit(1)
    sys.stdout.write(
        f"{arguments.cycles} kills, {rows} rows live at the end, nothing lost, torn or invented\n"
    )


if __name__ == "__main__":
    main()
