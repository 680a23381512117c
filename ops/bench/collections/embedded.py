"""Searches of one collection inside this process, alone and while another one is loaded at full speed."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import numpy as np

from asteroid_cloud.api.service.collections import AskedDefinition, Collection, open_collections
from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.query import SearchRequest
from asteroid_cloud.wal.limits import MIB
from ops.bench.collections.wire import BODIES, vectors
from ops.bench.timing import Timing, timing_of

ROWS = 20_000
"""Of the collection that is searched."""
BATCH_ROWS = 500


def measure(folder: Path, dim: int, seconds: float, budget_mib: int) -> tuple[Timing, Timing, float]:
    """Quiet, beside the load, and the rows a second of that."""
    return anyio.run(_measure, folder, dim, seconds, budget_mib)


async def _measure(folder: Path, dim: int, seconds: float, budget_mib: int) -> tuple[Timing, Timing, float]:
    options = EngineOptions(memory_budget_bytes=budget_mib * MIB)
    async with open_collections(str(folder), options) as all_:
        for name in ("searched", "loaded"):
            await all_.create(name, AskedDefinition(dim=dim, metric="cosine"))
        async with all_.use("searched") as searched, all_.use("loaded") as loaded:
            await _load(searched, dim, rows_max=ROWS)
            await searched.engine.flush()
            with anyio.move_on_after(60):
                while searched.engine.stats().merging or searched.engine.stats().building:
                    await anyio.sleep(0.1)
            await _search(searched, dim, 1.0)
            quiet = await _search(searched, dim, seconds)
            async with anyio.create_task_group() as group:
                rows: list[float] = []

                async def load() -> None:
                    began_s = time.perf_counter()
                    done = await _load(loaded, dim, seconds=seconds)
                    rows.append(done / (time.perf_counter() - began_s))

                group.start_soon(load)
                beside = await _search(searched, dim, seconds)
            return quiet, beside, rows[0]


async def _search(collection: Collection, dim: int, seconds: float) -> Timing:
    queries, taken = vectors(BODIES, dim, 3), list[float]()
    until_s = time.perf_counter() + seconds
    while (began_s := time.perf_counter()) < until_s:
        request = SearchRequest(vector=queries[len(taken) % BODIES], k=10)
        await collection.reads.search(await collection.reads.snapshot(), request)
        taken.append(time.perf_counter() - began_s)
        await anyio.sleep(0)
    return timing_of(taken, seconds)


async def _load(collection: Collection, dim: int, *, rows_max: int = 1 << 40, seconds: float = 1e9) -> int:
    some, done, until_s = vectors(BATCH_ROWS, dim, 5), 0, time.perf_counter() + seconds
    while done < rows_max and time.perf_counter() < until_s:
        ids = np.arange(done, done + BATCH_ROWS, dtype=np.uint64)
        await collection.engine.upsert(ids, np.roll(some, done // BATCH_ROWS, 1), None)
        done += BATCH_ROWS
    return done
