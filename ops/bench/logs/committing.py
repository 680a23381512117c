"""Acknowledged writes: many writers that share an fsync, one that waits for each, and large batches."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import anyio
import numpy as np

from asteroid_cloud.client import AsyncClient
from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.wal import LocalFiles, LocalLog, Lsn
from asteroid_cloud.wal.format.events import VectorsUpserted
from ops.bench.data import Dataset, Vectors
from ops.bench.loading import QUIET
from ops.bench.tables import Rows, Table, count
from ops.server import Server

WRITERS = 64
PASSES = 3
BATCH_ROWS, BURST_ROWS = 1000, 20_000
POLL_S, STILL_POLLS = 0.1, 26
"""The engine seals an idle memtable after two seconds."""
RATIO_MIN, BATCH_ROWS_PER_S_MIN = 20, 20_000

Write = Callable[[int], Awaitable[object]]
"""Writes a row with this id; returns when it is durable."""
Burst = Callable[[int], Awaitable[object]]
"""Writes BURST_ROWS rows with ids from the first one on, in batches; returns when they are durable."""


Rates = tuple[float, float, float]
"""Rows a second: of one writer, of many, and in batches."""


async def _rate(write: Write, writers: int, seconds: float, first_id: int) -> float:
    """Rows a second that ``writers`` get acknowledged, when each writes one row at a time."""
    acknowledged = 0
    began_s = time.perf_counter()

    async def work(number: int) -> None:
        nonlocal acknowledged
        at = first_id + (number << 24)
        while time.perf_counter() - began_s < seconds:
            await write(at)
            at += 1
            acknowledged += 1

    async with anyio.create_task_group() as group:
        for number in range(writers):
            group.start_soon(work, number)
    return acknowledged / (time.perf_counter() - began_s)


async def _passes(write: Write, burst: Burst, settle: Callable[[], Awaitable[None]], seconds: float) -> Rates:
    """One writer, many writers, and batches, in turn, each on an idle store; the medians of their rates."""
    ones, manys, batches = [], [], []
    for number in range(PASSES):
        first_id = number << 40
        ones.append(await _rate(write, 1, seconds, first_id))
        await settle()
        manys.append(await _rate(write, WRITERS, seconds, first_id + (1 << 38)))
        await settle()
        began_s = time.perf_counter()
        await burst(first_id + (1 << 39))
        batches.append(BURST_ROWS / (time.perf_counter() - began_s))
        await settle()
    return median(ones), median(manys), median(batches)


def _in_turn(write: Callable[[int, int], Awaitable[object]]) -> Burst:
    async def burst(first: int) -> None:
        for at in range(first, first + BURST_ROWS, BATCH_ROWS):
            await write(at, BATCH_ROWS)

    return burst


async def _rest(figures: Callable[[], Awaitable[object]]) -> None:
    """Returns when nothing has been sealed or merged for a while."""
    last, still = await figures(), 0
    while still < STILL_POLLS:
        await anyio.sleep(POLL_S)
        now = await figures()
        last, still = now, still + 1 if now == last else 0


async def _log_alone(dataset: Dataset, folder: Path, seconds: float) -> Rates:
    vectors = _some(dataset)
    log = await LocalLog.open(LocalFiles(), str(folder))

    async def write(first: int, rows: int) -> object:
        ids = np.arange(first, first + rows, dtype=np.uint64)
        at = first % (len(vectors) - rows + 1)
        return await log.append([VectorsUpserted(ids.tobytes(), vectors[at : at + rows].tobytes())])

    async def settle() -> None:
        await log.trim(Lsn(log.durable_lsn + 1))

    rates = await _passes(lambda first: write(first, 1), _in_turn(write), settle, seconds)
    await log.close()
    return rates


async def _embedded(dataset: Dataset, folder: Path, seconds: float) -> Rates:
    vectors = _some(dataset)
    async with Engine.open(str(folder), EngineOptions()) as engine:
        await engine.ready()
        await engine.create_index(dataset.dim, dataset.metric)

        async def write(first: int, rows: int) -> object:
            ids = np.arange(first, first + rows, dtype=np.uint64)
            at = first % (len(vectors) - rows + 1)
            return await engine.upsert(ids, vectors[at : at + rows], None)

        async def figures() -> object:
            stats = engine.stats()
            return stats.segments, stats.merging, stats.lag_records

        async def settle() -> None:
            await engine.flush()
            await _rest(figures)

        return await _passes(lambda first: write(first, 1), _in_turn(write), settle, seconds)


async def _over_http(dataset: Dataset, folder: Path, seconds: float) -> Rates:
    vectors = _some(dataset)
    with Server(folder, *QUIET) as server:
        async with AsyncClient(base_url=server.url, timeout=120, connections=WRITERS) as client:
            await client.create_index(dataset.dim, dataset.metric)

            async def write(first: int) -> object:
                return await client.insert(first, vectors[first % len(vectors)])

            async def burst(first: int) -> object:
                items = ((first + row, vectors[row % len(vectors)]) for row in range(BURST_ROWS))
                return await client.insert_batch(items, chunk_size=BATCH_ROWS, progress=False)

            async def figures() -> object:
                stats = await client.stats()
                return stats["segments"], stats["merging"], stats["lag_records"]

            return await _passes(write, burst, lambda: _rest(figures), seconds)


def _some(dataset: Dataset) -> Vectors:
    return np.array(dataset.base_rows()[: 2 * BATCH_ROWS])


def table(dataset: Dataset, folder: Path, seconds: float) -> Table:
    """Measures both ways of writing."""
    rows: Rows = []
    for name, way in (("the log alone", _log_alone), ("embedded", _embedded), ("HTTP", _over_http)):
        one, many, batches = anyio.run(way, dataset, folder / name, seconds)
        rows.append((name, count(one), count(many), f"{many / one:.1f}×", count(batches)))
    heads = ("", "1 writer, writes/s", f"{WRITERS} writers, writes/s", "ratio", "batches of 1,000, rows/s")
    note = (
        f"{dataset.dim} values a row, no payloads; each acknowledged after its fsync, and searchable. "
        f"Promised: ≥ {RATIO_MIN}× what one writer gets that waits for an fsync each, "
        f"≥ {BATCH_ROWS_PER_S_MIN:,} rows/s in batches of one writer, {BURST_ROWS:,} rows at a time on a "
        "store at rest. The log alone: no index is made. HTTP: server and client share the cores."
    )
    return Table("Acknowledged writes", heads, rows, note)
