"""What is measured of a store over time."""

from __future__ import annotations

import msgspec


class Epoch(msgspec.Struct, frozen=True):
    """The figures of the store at the end of an epoch."""

    number: int
    rows: int
    recall: float
    p50_ms: float
    p99_ms: float
    writes_per_s: float
    anon_mib: float
    disk_mib: float
    segments: int


class Grown(msgspec.Struct, frozen=True):
    """How loading went; seconds count from the first batch."""

    rows: int
    acknowledged_s: float
    indexed_s: float
    settled_s: float
    segments: int
    peak_anon_kib: int
    disk_bytes: int


class Reopened(msgspec.Struct, frozen=True):
    """A new process that has searched."""

    added_anon_kib: int
    file_kib: int
    per_s: float
