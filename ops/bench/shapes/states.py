"""States that a store can be in: how its rows came in, and in how many segments they lie."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Engine, EngineOptions
from ops.bench.shapes.filters import Fields
from ops.bench.shapes.makers import Vectors

SLICE = 2_000
NEVER_S = 1e9
EF = 128
"""What searches have unless told otherwise."""
POLL_S = 0.01
SEGMENTS_MAX = 64
DELETED_SHARE = 0.15
"""Less than what has a segment rewritten."""
SMALL, LARGE, HUGE = 8_000, 32_000, 104_000
"""Rows, such that each segment of a state is walked at its ef, also after deletes."""
ROW_BY_ROW = 4_000
"""A memtable of no more rows is sealed row by row, as HNSW does it; one segment of them is scanned at EF."""


@dataclass(frozen=True, slots=True)
class State:
    """One way in which rows come to lie where they are searched."""

    name: str
    segments: int
    """Segments that rows are cut into at first; 0: they stay in the memtable."""
    rows: int = SMALL
    tail_share: float = 0.0
    """Of the rows, beside the segments: the share that is not sealed yet."""
    is_merged: bool = False
    """Each segment is merged with what was there before, as soon as it is sealed."""
    is_bulk: bool = False
    is_filtered: bool = False
    """Whether the laboratory asks it under every filter; others are asked without one."""
    ef: int = EF
    """Asked with this ef."""
    is_long: bool = False
    """Whether it takes long: measured for a few shapes only."""

    def block_rows(self, rows: int) -> int:
        """Rows of a segment when it is sealed."""
        return math.ceil(rows * (1 - self.tail_share) / self.segments) if self.segments else rows + 1

    def options(self, rows: int, threads: int) -> EngineOptions:
        """Options under which an engine comes to this state and stays there: nothing happens for quiet."""
        return EngineOptions(
            memory_budget_bytes=2**31,
            seal_rows=self.block_rows(rows),
            segments_max=1 if self.is_merged else SEGMENTS_MAX,
            idle_seal_s=NEVER_S,
            idle_flush_s=NEVER_S,
            build_threads=threads,
        )


TAIL = State("tail", 0)
INSERTION = State("insertion", 1, ROW_BY_ROW, ef=64)
SEALED = State("sealed at once", 1)
JOIN = State("join", 2, is_merged=True)
MERGES = State("merge of merges", 12, is_merged=True)
BATCH = State("batch build", 1, LARGE, is_bulk=True, is_filtered=True)
FOUR = State("4 segments", 4, LARGE, is_filtered=True)
LOADING = State("loading", 4, LARGE, tail_share=0.12)
SIXTEEN = State("16 segments", 16, HUGE, is_long=True)
STATES = (INSERTION, TAIL, SEALED, JOIN, MERGES, BATCH, FOUR, LOADING, SIXTEEN)


@asynccontextmanager
async def store_in(
    state: State, base: Vectors, metric: str, fields: Fields, folder: Path, threads: int = 1
) -> AsyncIterator[Engine]:
    """An engine with these rows, row i under id i, once it is in the state."""
    async with Engine.open(str(folder), state.options(len(base), threads)) as engine:
        await engine.ready()
        await engine.create_index(base.shape[1], metric)
        if state.is_bulk:
            async with engine.bulk() as bulk:
                await bulk.rows(base)
                await bulk.payloads(0, fields.payloads(0, len(base)))
                await bulk.commit(threads)
        else:
            await _write(engine, state, base, fields)
        yield engine


async def _write(engine: Engine, state: State, base: Vectors, fields: Fields) -> None:
    """Each block is a segment before the next one is begun; what is beside the segments stays unsealed."""
    sealed = 0
    for first, last, ends_block in slices(len(base), state.block_rows(len(base))):
        ids = np.arange(first, last, dtype=np.uint64)
        await engine.upsert(ids, base[first:last], fields.payloads(first, last))
        if ends_block and sealed < state.segments:
            sealed += 1
            await engine.flush()
            await _until(engine, segments=1 if state.is_merged else sealed)


def slices(rows: int, block: int) -> Iterator[tuple[int, int, bool]]:
    """Writes of at most SLICE rows: first row, end, and whether a block ends there."""
    for start in range(0, rows, block):
        end = min(start + block, rows)
        for first in range(start, end, SLICE):
            last = min(first + SLICE, end)
            yield first, last, last == end


async def _until(engine: Engine, segments: int) -> None:
    """Waits until so many segments are there."""
    while sum(not view.part.is_flat for view in engine.snapshot().parts) != segments:
        await anyio.sleep(POLL_S)


def deleted_among(rows: int) -> NDArray[np.bool_]:
    """Which rows are deleted where that is to be measured."""
    return np.random.default_rng(5).random(rows) < DELETED_SHARE
