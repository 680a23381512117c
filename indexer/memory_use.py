"""Where the memory is: what each part of a store holds in RAM, and what it maps of files."""

from __future__ import annotations

from collections.abc import Sequence

from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.results import MemoryUse
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable


def memory_use(
    memtables: Sequence[Memtable],
    segments: Sequence[Segment],
    budget: MemoryBudget,
    requests: int,
    loads: int,
) -> MemoryUse:
    """Adds up; asks the system about every page of the segments, so call it in a thread.

    ``requests`` is what remembered requests take, ``loads`` what bulk loads have gathered.
    """
    parts: list[Memtable | Segment] = [*memtables, *segments]
    return MemoryUse(
        tail_vectors=sum(memtable.vector_bytes for memtable in memtables),
        tail_payloads=sum(memtable.payload_bytes for memtable in memtables),
        tail_ids=sum(memtable.directory_bytes for memtable in memtables),
        tombstones=sum(part.deletions.ram_bytes for part in parts),
        directories=sum(segment.directory_bytes for segment in segments),
        graphs=budget.sealing.used + budget.building.used,
        log_buffers=budget.log.used,
        bulk_loads=loads,
        filter_masks=budget.filters.used,
        requests=requests,
        mapped=sum(segment.native.mapped_bytes for segment in segments),
        mapped_cached=sum(segment.native.cached_bytes for segment in segments),
    )
