"""States that a store can be in: how its rows came in, and in how many segments they lie."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import msgspec
import numpy as np

from asteroid_cloud.indexer import Engine, EngineOptions
from ops.bench.shapes.data import Vectors

SLICE = 2_000
NEVER_S = 1e9
DELETED_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class State:
    """One way in which rows come to lie where they are searched."""

    name: str
    segments: int
    """Segments that rows are cut into at first; 0: they stay in the tail."""
    merged_to: int = 0
    """Segments that merging leaves; 0: nothing is merged."""
    is_bulk: bool = False
    has_deletes: bool = False

    def options(self, rows: int) -> EngineOptions:
        """Options under which an engine comes to this state and stays there."""
        cut = rows + 1 if self.segments == 0 else -(-rows // self.segments)
        most = self.merged_to or max(self.segments, 1)
        idle_s = NEVER_S if self.segments == 0 else 0.02
        return EngineOptions(
            memory_budget_bytes=2**31,
            seal_rows=cut,
            segments_max=most,
            idle_seal_s=idle_s,
            idle_flush_s=idle_s,
        )


STATES = (
    State("tail", 0),
    State("insertion", 1),
    State("batch build", 1, is_bulk=True),
    State("join", 2, merged_to=1),
    State("merge of merges", 12, merged_to=2),
    State("4 segments", 4),
    State("16 segments", 16),
    State("batch build, deletes", 1, is_bulk=True, has_deletes=True),
    State("4 segments, deletes", 4, has_deletes=True),
)


@asynccontextmanager
async def store_in(state: State, base: Vectors, metric: str, folder: Path) -> AsyncIterator[Engine]:
    """An engine with these rows, row i under id i, once it is in the state."""
    async with Engine.open(str(folder), state.options(len(base))) as engine:
        await engine.ready()
        await engine.create_index(base.shape[1], metric)
        payloads = [msgspec.json.encode(payload) for payload in payloads_of(base)]
        if state.is_bulk:
            async with engine.bulk() as bulk:
                await bulk.rows(base)
                await bulk.payloads(0, payloads)
                await bulk.commit(2)
        else:
            for first in range(0, len(base), SLICE):
                some = base[first : first + SLICE]
                ids = np.arange(first, first + len(some), dtype=np.uint64)
                await engine.upsert(ids, some, payloads[first : first + SLICE])
        if state.has_deletes:
            await engine.delete(deleted_ids(len(base)))
        if state.segments:
            await engine.flush()
            while state.merged_to and len(engine.snapshot().parts) > state.merged_to:
                await anyio.sleep(0.05)
        yield engine


def deleted_ids(rows: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """The ids that states with deletes lack."""
    chosen = np.random.default_rng(5).random(rows) < DELETED_SHARE
    return np.flatnonzero(chosen).astype(np.uint64)


def payloads_of(base: Vectors) -> list[dict[str, int]]:
    """Payloads for filters: ``r`` is random in 0…999; ``c`` is the rank along the first axis, in 0…999."""
    rows = len(base)
    random = np.random.default_rng(9).integers(1000, size=rows)
    ranks = np.argsort(np.argsort(base[:, 0].astype(np.float64), kind="stable"), kind="stable") * 1000 // rows
    return [{"r": int(r), "c": int(c)} for r, c in zip(random, ranks, strict=True)]
