"""Writing: what the embedded store and the routes hand to the engine, once it is checked."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.service.checks import check_dim, integer
from asteroid_cloud.api.service.ids import one_id
from asteroid_cloud.api.service.preconditions import match_of
from asteroid_cloud.api.service.process_info import processors
from asteroid_cloud.api.service.results import BulkReport, WriteOutcome
from asteroid_cloud.indexer import (
    NUMBER_OF,
    BulkResult,
    Condition,
    Engine,
    Id,
    ItemConditions,
    OnExisting,
    Upserts,
    WriteCounts,
    WriteResult,
)
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest, Overloaded, StorageError


async def put(
    engine: Engine,
    id: Id,
    vector: NDArray[np.float32] | None,
    payload: bytes | None,
    condition: Condition | None = None,
    on_existing: OnExisting | None = None,
) -> WriteResult:
    """Stores a row with a finite vector, or none; a payload of None keeps the old one, b"" clears it.

    Raises Conflict ``precondition_failed`` for ``condition``, ``id_exists`` for ``on_existing``.
    """
    spec, bare = engine.snapshot().spec, None
    if vector is None:
        vectors, bare = np.empty((0, spec.dim), np.float32), np.array([True])
    else:
        check_dim(len(vector), spec)
        vectors = vector[None]
    ids, payloads = one_id(id), None if payload is None else [payload]
    if on_existing is None or on_existing == "replace":
        return await engine.upsert(ids, vectors, payloads, condition=condition, bare=bare)
    match = match_of(condition)
    conditions = ItemConditions(np.array([match]), np.array([NUMBER_OF[on_existing]], np.uint8))
    try:
        return await engine.decided.upsert(Upserts(ids, vectors, payloads, conditions, bare))
    except AsteroidError as error:
        error.details.pop("index", None)
        raise


def result_of(counts: WriteCounts) -> WriteOutcome:
    """What became of a single item."""
    if counts.skipped:
        return "skipped"
    return "replaced" if counts.replaced else "inserted"


async def put_batch(engine: Engine, rows: Upserts) -> WriteResult:
    """Stores a checked batch, all of it or nothing; a failure of the engine says that it was nothing.

    Raises Conflict ``id_exists`` or ``precondition_failed`` with the ``index`` of the item that refuses.
    """
    try:
        if rows.conditions is None:
            return await engine.upsert(rows.ids, rows.vectors, rows.payloads, bare=rows.bare)
        return await engine.decided.upsert(rows)
    except (StorageError, Overloaded) as error:
        error.details.update(inserted=0, failed_index=0)
        raise


def chosen_threads(asked: int) -> int:
    """How many threads build: those asked for, at most the processors; all of them for 0."""
    threads = integer("threads", asked)
    if threads < 0:
        raise InvalidRequest("threads must be an integer that is not negative", code="bad_threads")
    return min(threads or processors(), processors())


def bulk_report(result: BulkResult, started_s: float) -> BulkReport:
    """What a bulk load did, in how much time."""
    elapsed_s = time.perf_counter() - started_s
    return BulkReport(
        n=result.rows,
        elapsed_ms=round(elapsed_s * 1e3, 3),
        vectors_per_sec=round(result.rows / elapsed_s, 1),
        threads=result.threads,
        payloads_written=result.payloads,
        lsn=result.lsn,
    )
