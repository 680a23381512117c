"""A process that writes a log of some size and is killed: `python -m ops.bench.logs.killed JOB`."""

from __future__ import annotations

import os
import signal
import sys
from itertools import cycle

import anyio
import msgspec
import numpy as np

from asteroid_cloud.indexer import Engine, EngineOptions
from ops.bench.data import Dataset
from ops.bench.logs.rows import batches

WRITERS = 64
# Nothing is sealed before the kill, so that the whole log must be replayed.
UNHURRIED = EngineOptions(
    memory_budget_bytes=4 << 30, seal_rows=1 << 20, idle_seal_s=1e9, idle_flush_s=1e9, keep_log=True
)


class Doomed(msgspec.Struct, frozen=True):
    """What to write before the kill."""

    dataset: Dataset
    folder: str
    batch_rows: int
    log_bytes: int


async def _write(job: Doomed) -> None:
    writers = WRITERS if job.batch_rows == 1 else 1
    async with Engine.open(job.folder, UNHURRIED) as engine:
        await engine.ready()
        await engine.create_index(job.dataset.dim, job.dataset.metric)
        numbers, rounds = iter(range(1 << 40)), cycle([job.dataset])
        items = (batch for dataset in rounds for batch in batches(dataset, job.batch_rows))

        async def write() -> None:
            for ids, vectors, payloads in items:
                fresh = np.array([next(numbers) for _ in ids], np.uint64)
                await engine.upsert(fresh, vectors, payloads)
                if engine.stats().log_bytes >= job.log_bytes:
                    os.kill(os.getpid(), signal.SIGKILL)

        async with anyio.create_task_group() as group:
            for _ in range(writers):
                group.start_soon(write)


if __name__ == "__main__":
    anyio.run(_write, msgspec.json.decode(sys.argv[1], type=Doomed))
