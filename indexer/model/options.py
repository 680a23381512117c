"""How an index is tuned: how much memory, how many threads, how soon it seals and merges."""

from __future__ import annotations

import os
from typing import Literal

import msgspec

from asteroid_cloud.wal.append import SLOW_SYNC_S, Retention
from asteroid_cloud.wal.limits import MIB, PAYLOAD_BYTES_DEFAULT

BUDGET_BYTES_DEFAULT = 256 * MIB
BUILD_THREADS_DEFAULT_MAX = 2
TAIL_MEMTABLES = 4
"""Full memtables beyond which writers wait."""


def build_threads_default() -> int:
    """As many as there are processors for this process, two at most."""
    if hasattr(os, "sched_getaffinity"):
        return min(BUILD_THREADS_DEFAULT_MAX, len(os.sched_getaffinity(0)))
    return min(BUILD_THREADS_DEFAULT_MAX, os.cpu_count() or 1)


class RetentionChange(msgspec.Struct, frozen=True):
    """What is to change of what a store keeps of its log; what is left out stays as it is stored."""

    bytes_max: int | msgspec.UnsetType | None = msgspec.UNSET
    """Bytes of all files together; None ends the bound."""
    age_ms_max: int | msgspec.UnsetType | None = msgspec.UNSET
    """Of a file's newest record, in milliseconds; None ends the bound."""


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How much memory, how many threads, how eager; every field has a default that suits most."""

    memory_budget_bytes: int = BUDGET_BYTES_DEFAULT
    """Bound on what is held in RAM: the tail, graphs under construction, bitmaps, what waits for the log."""
    seal_rows: int = 16_384
    """Rows of the tail that become one segment."""
    idle_seal_s: float = 2.0
    """Quiet time after which a tail worth a graph is sealed early."""
    idle_flush_s: float = 30.0
    """Quiet time after which even a tiny tail is sealed, so that the log of a quiet store shrinks."""
    segments_max: int = 4
    """Segments up to which a search is quick; when there are more, the smallest are merged."""
    links_max: int = 16
    """M of the graph: links a node on the upper levels, half of those on the ground."""
    ef_construction: int = 100
    """The ef of the search that finds a new node's links while a small memtable is sealed."""
    build_threads: int = msgspec.field(default_factory=build_threads_default)
    """Threads that build one graph in the background; one of them while somebody searches."""
    memtables_per_seal: int = 2
    """Full memtables that become one segment together, when rows arrive faster than they are sealed."""
    warm_mapped: bool = False
    """Read the segments' pages before they are searched; otherwise searches read what they touch."""
    mapped_bytes_max: int | None = None
    """Bound on the segments' pages in RAM, passed for moments only; None leaves them to the system."""
    keep_log: bool | None = None
    """Never trim the log, so that it reaches back to the first record; None for as it is stored."""
    recovery: Literal["strict", "tail", "salvage"] = "tail"
    """How far to go to open a damaged store; see ``recovery/store_repair``."""
    log_retention: Retention | RetentionChange | None = None
    """How much of the log is kept beyond what a restart needs; None for as it is stored."""

    payload_bytes_max: int = PAYLOAD_BYTES_DEFAULT
    """What a payload that is written may have; larger ones from before are served."""
    slow_sync_s: float = SLOW_SYNC_S
    """A sync of the log that takes this long is logged."""
    idempotency_keys: int = 100_000
    """Requests with a key that are remembered, the newest; 0 for none."""
    idempotency_age_ms: int = 24 * 3600 * 1000
    """For how long they are, in milliseconds."""

    @property
    def tail_rows_max(self) -> int:
        """Rows of the tail beyond which writers wait: every search scans them."""
        return TAIL_MEMTABLES * self.seal_rows

    @property
    def segments_bound(self) -> int:
        """Segments that there may be: sealing never leaves more, and writers are slowed before."""
        return 2 * self.segments_max
