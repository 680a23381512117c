"""Rows that arrive as fast as they can never make segments pile up, and end in few of them."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions
from tests.support.engines import opened, vectors

pytestmark = pytest.mark.anyio

ROWS, DIM, BATCH = 60_000, 16, 500
OPTIONS = EngineOptions(seal_rows=3000, ef_construction=20, links_max=4, idle_seal_s=0.05, idle_flush_s=0.1)


class Sampler:
    """Notes how many segments snapshots have, for as long as it runs."""

    def __init__(self, engine: Engine) -> None:
        self.counts: set[int] = set()
        self._engine = engine

    async def run(self) -> None:
        """Looks again and again, until cancelled."""
        while True:
            parts = self._engine.snapshot().parts
            self.counts.add(sum(1 for view in parts if not view.part.is_flat))
            await anyio.sleep(0.002)


async def test_segments_never_exceed_the_bound_while_rows_come_as_fast_as_they_can(tmp_path: Path) -> None:
    drawn = vectors(ROWS, DIM)
    async with opened(tmp_path, OPTIONS) as engine, anyio.create_task_group() as group:
        await engine.create_index(DIM, "l2")
        sampler = Sampler(engine)
        group.start_soon(sampler.run)
        for first in range(0, ROWS, BATCH):
            ids = np.arange(first, first + BATCH, dtype=np.uint64)
            await engine.upsert(ids, drawn[first : first + BATCH], None)
        await engine.flush()
        assert max(sampler.counts) <= OPTIONS.segments_bound == 8
        assert len(sampler.counts) > 2, "it saw segments come and go"
        with anyio.fail_after(60):
            while engine.stats().segments > OPTIONS.segments_max or engine.stats().merging:
                await anyio.sleep(0.01)
        assert engine.snapshot().live == ROWS
        group.cancel_scope.cancel()
