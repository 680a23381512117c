"""Writing: what the embedded store and the routes hand to the engine, once it is checked."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.service.checks import check_dim, integer
from asteroid_cloud.api.service.process_info import processors
from asteroid_cloud.api.service.results import BulkReport
from asteroid_cloud.indexer import BulkResult, Condition, Engine, WriteResult
from asteroid_cloud.wal.errors import InvalidRequest, Overloaded, StorageError


async def put(
    engine: Engine,
    id: int,
    vector: NDArray[np.float32],
    payload: bytes | None,
    condition: Condition | None = None,
) -> WriteResult:
    """Stores one finite vector; a payload of None keeps the old one, b"" clears it."""
    check_dim(len(vector), engine.snapshot().spec)
    payloads = None if payload is None else [payload]
    return await engine.upsert(np.array([id], np.uint64), vector[None], payloads, condition=condition)


async def put_batch(
    engine: Engine,
    ids: NDArray[np.uint64],
    vectors: NDArray[np.float32],
    payloads: Sequence[bytes | None] | None,
) -> WriteResult:
    """Stores a checked batch, all of it or nothing; a failure of the engine says that it was nothing."""
    try:
        return await engine.upsert(ids, vectors, payloads)
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
