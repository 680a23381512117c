"""The log's size on the disk, when the store is idle and when its rows are replaced all the time."""

from __future__ import annotations

from pathlib import Path

import anyio

from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.wal.disk import StoreLayout
from ops.bench.data import Dataset
from ops.bench.logs.rows import batches
from ops.bench.memory import bytes_under
from ops.bench.tables import Table, count, mebibytes

ROWS_MAX = 20_000
ROUNDS = 20
QUIET_BYTES_MAX = 64 << 10


async def _keep(dataset: Dataset, folder: Path) -> Table:
    some = [batch for batch, _ in zip(batches(dataset, 1000), range(ROWS_MAX // 1000), strict=False)]
    log = Path(StoreLayout(str(folder)).collection().log)
    async with Engine.open(str(folder), EngineOptions()) as engine:
        await engine.ready()
        await engine.create_index(dataset.dim, dataset.metric)
        for batch in some:
            await engine.upsert(*batch)
        written = bytes_under(log)
        await engine.flush()
        quiet, once = bytes_under(log), bytes_under(folder)
        logs, disks = [], []
        for _ in range(ROUNDS):
            for batch in some:
                await engine.upsert(*batch)
            logs.append(bytes_under(log))
            disks.append(bytes_under(folder))
        await engine.flush()
        log_after = bytes_under(log)
    rows: list[tuple[str, ...]] = [
        ("all rows inserted", mebibytes(written / 1024), ""),
        ("flushed, nothing else happening", f"{quiet / 1024:.0f} KiB", mebibytes(once / 1024)),
        (f"{ROUNDS} rounds of replacing all rows: at most", *_mebibytes(max(logs), max(disks))),
        (
            "in the second half of them: at most",
            *_mebibytes(max(logs[ROUNDS // 2 :]), max(disks[ROUNDS // 2 :])),
        ),
        ("flushed", f"{log_after / 1024:.0f} KiB", ""),
    ]
    total = sum(len(ids) for ids, _, _ in some)
    note = (
        f"{count(total)} rows with their payloads, in batches of 1,000. Promised: the log of a quiet "
        f"store takes ≤ {QUIET_BYTES_MAX >> 10} KiB. "
        "While rows are replaced as fast as can be, segments hold dead rows until they are merged."
    )
    return Table("The log on the disk", ("", "log", "whole folder"), rows, note)


def _mebibytes(*sizes: int) -> tuple[str, ...]:
    return tuple(mebibytes(size / 1024) for size in sizes)


def table(dataset: Dataset, folder: Path) -> Table:
    """Measures one store in both states."""
    return anyio.run(_keep, dataset, folder)
