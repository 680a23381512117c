"""The figures of an open store."""

from __future__ import annotations

import time

from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.results import EngineStats
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.recovery.wiring import StoreParts


def engine_stats(parts: StoreParts, budget: MemoryBudget) -> EngineStats:
    """The figures of an open store at this moment."""
    state, applier, log = parts.state, parts.applier, parts.log
    lag = log.count(parts.checkpointer.lsn, applier.applied_lsn)
    snapshot = applier.snapshot
    return EngineStats(
        vectors=snapshot.live if snapshot else 0,
        without_vector=sum(view.without_vector for view in snapshot.parts) if snapshot else 0,
        dim=snapshot.spec.dim if snapshot else None,
        metric=snapshot.spec.metric if snapshot else None,
        segments=len(state.segments),
        segments_of_0_1=sum(segment.is_of_0_1 for segment in state.segments),
        segment_rows=sum(segment.rows for segment in state.segments),
        tombstones=sum(part.deletions.count for part in state.parts),
        tail_rows=state.tail_rows,
        tail_bytes=state.tail_bytes,
        rows_lost=parts.recovery.losses.rows,
        records_lost=parts.recovery.losses.records_known,
        degraded=parts.recovery.losses.is_open,
        lag_records=lag,
        lag_seconds=time.monotonic() - parts.checkpointer.behind_since_s if lag else 0.0,
        log_bytes=log.size_bytes,
        segment_bytes=sum(segment.file_bytes for segment in state.segments),
        last_lsn=applier.applied_lsn,
        durable_lsn=log.durable_lsn,
        checkpoint_lsn=parts.checkpointer.lsn,
        clock_behind_ms=log.clock_behind_ms,
        clock_jumps=log.clock_jumps,
        log_syncs=log.syncs,
        memory_budget_bytes=budget.bytes_max,
        merging=parts.merger.is_merging,
        building=parts.builder.construction.report(),
        kernels=core.kernels(),
        text=parts.texts.progress,
    )
