"""Engines for tests: small segments, so that sealing and merging happen all the time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Engine, EngineOptions, Hits, PartPlan, search_parts
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.ids import INTEGER_IDS, STRING_IDS, Id, Keys
from asteroid_cloud.query import MATCH_ALL, FilterCache
from asteroid_cloud.query.selection.matching_rows import searchable_rows

SMALL = EngineOptions(seal_rows=64, segments_max=2, idle_seal_s=0.01, idle_flush_s=0.02)


def budget_of(options: EngineOptions) -> MemoryBudget:
    """The memory budget that an engine with these options has."""
    return MemoryBudget(options.memory_budget_bytes)


@asynccontextmanager
async def opened(path: Path, options: EngineOptions = SMALL) -> AsyncIterator[Engine]:
    """An engine that has recovered."""
    async with Engine.open(str(path), options) as engine:
        await engine.ready()
        yield engine


def vectors(rows: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors."""
    drawn = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def u64(*ids: int) -> NDArray[np.uint64]:
    """Ids as an array."""
    return np.array(ids, np.uint64)


def keys(ids: Sequence[Id]) -> Keys:
    """Ids as an array, whichever kind they are of; none at all are integers."""
    return (STRING_IDS if any(isinstance(id_, str) for id_ in ids) else INTEGER_IDS).of(ids)


def find(engine: Engine, query: NDArray[np.float32], k: int, ef: int = 128, exact: bool = False) -> Hits:
    """A plain search over everything that has a vector."""
    cache = FilterCache()
    rows = [(view, searchable_rows(view, MATCH_ALL, cache)) for view in engine.snapshot().parts]
    plans = [PartPlan(view, found.mask, found.count, False) for view, found in rows]
    return search_parts(plans, np.atleast_2d(query), k, ef, exact=exact)


def contents(engine: Engine) -> dict[int, tuple[tuple[float, ...], object]]:
    """Everything stored: id → (vector, payload or None)."""
    found: dict[int, tuple[tuple[float, ...], object]] = {}
    for view in engine.snapshot().parts:
        ids = view.all_ids()
        rows = view.find(ids)
        ordinals = np.unique(rows[rows >= 0]).astype(np.uint32)
        values, payloads = view.vectors(ordinals), view.payloads(ordinals)
        for id_, value, payload in zip(view.ids(ordinals).tolist(), values, payloads, strict=True):
            assert id_ not in found, f"id {id_} is alive twice"
            found[id_] = (tuple(value.tolist()), msgspec.json.decode(payload) if payload else None)
    return found
