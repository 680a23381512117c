"""What an engine reports: its phase, its figures, and the result of a write."""

from __future__ import annotations

from typing import Literal

import msgspec

from asteroid_cloud.indexer.model.data_loss import DataLoss, RecoveryMode
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import LogSyncs
from asteroid_cloud.wal.errors import AsteroidError

PhaseName = Literal["opening", "recovering", "ready", "failed"]


class Phase(msgspec.Struct, frozen=True):
    """Where the engine stands; ``progress`` is the share of recovery that is done, 0 … 1."""

    name: PhaseName
    progress: float
    detail: str
    error: AsteroidError | None = None
    eta_s: float | None = None
    """How long the rest of recovery will take at the speed so far; None when unknown."""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """What opening the store found on the disk, and what was done about it."""

    checkpoint_lsn: int
    """Records up to here came from segments, whose every byte was checked."""
    segments: int
    segment_rows: int
    log_first_lsn: int
    durable_lsn: int
    """The newest record that was whole: nothing acknowledged came after it."""
    records_replayed: int
    bytes_cut: int
    """What a write that was never acknowledged left at the end of the log; 0 after a clean end."""
    cut_from: str | None
    """The file of the log that it was in."""
    cut_offset: int | None
    cut_reason: str | None
    kept_as: str | None
    """The file beside it that these bytes are moved to, before the first write at the latest."""
    checking_s: float
    replaying_s: float
    mode: RecoveryMode = "tail"
    mended: list[str] = []
    """What was damaged and was repaired, in a sentence each."""
    losses: DataLoss = DataLoss()
    """What was given up now or at earlier starts, until ``lost.json`` in the store's folder is removed."""


class MemoryUse(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes by what they are for; all but the last two are memory of the process's own."""

    tail_vectors: int
    """Rows not in a segment yet."""
    tail_payloads: int
    tail_ids: int
    """Where each of these rows' ids and payloads are."""
    tombstones: int
    """Deleted rows, a bit a row, twice once there is one (for readers); deletions since the checkpoint."""
    directories: int
    """The records that walks begin with, and where each block of payloads lies."""
    graphs: int
    """An estimate of what the seal and the merge or bulk load that are running take; 0 when none is."""
    log_buffers: int
    """Records that wait to be written or to be applied."""
    bulk_loads: int = 0
    """What open bulk loads have gathered and not handed to the log yet."""
    filter_masks: int = 0
    """Bitmaps of filters that are kept for the next search."""
    requests: int = 0
    """What is remembered of requests with a key."""
    mapped: int
    """Segments' files, mapped."""
    mapped_cached: int
    """Of these, what the system has in its page cache, and may take back."""


class Building(msgspec.Struct, frozen=True):
    """A segment under construction."""

    kind: Literal["seal", "merge", "bulk"]
    rows: int
    bytes: int
    """An estimate of the RAM that it takes."""
    done: float
    """The share of its rows' links that is made, 0 … 1; writing the files comes after that."""


class TextProgress(msgspec.Struct, frozen=True):
    """How much of what is in segments is indexed as text; newer rows always are."""

    rows: int
    """Rows in segments."""
    indexed: int
    """Of these, those whose words are found."""

    @property
    def is_done(self) -> bool:
        """Whether all of them are."""
        return self.indexed >= self.rows


class EngineStats(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's figures at one moment; bytes, rows and records are counts, not estimates."""

    vectors: int
    without_vector: int = 0
    """Of these rows, those that have no vector."""
    dim: int | None
    metric: str | None
    segments: int
    segments_of_0_1: int = 0
    """Of these, those that version 0.1 has written; they are built again one after another."""
    segment_rows: int
    tombstones: int
    tail_rows: int
    tail_bytes: int
    rows_lost: int
    """Rows that were given up with damaged segments; 0 as a rule."""
    records_lost: int = 0
    """Records of the log that were given up, as far as their number is known; 0 as a rule."""
    degraded: bool = False
    """Whether something was given up that nobody has acknowledged."""
    lag_records: int
    """Records applied that no durable segment holds yet."""
    lag_seconds: float
    """How long ago the oldest of them was applied; 0 when there are none."""
    log_bytes: int
    segment_bytes: int
    last_lsn: int
    durable_lsn: int
    checkpoint_lsn: int
    clock_behind_ms: int = 0
    """How far the clock is behind the newest record, in milliseconds; 0 unless it went back."""
    clock_jumps: int = 0
    """How often the clock has jumped since the store was opened, as far as writes met it."""
    log_syncs: LogSyncs = LogSyncs()
    """How long the syncs of the log have taken since the store was opened."""
    memory_budget_bytes: int
    merging: bool
    building: list[Building]
    """Segments under construction: sealing, merging, bulk loads."""
    kernels: str
    text: TextProgress | None = None
    """How far the text index is; None where there is none."""


class WriteCounts(msgspec.Struct, frozen=True):
    """What a write did to how many of its items."""

    deleted: int = 0
    """Ids that were there and are gone; those named twice count once."""
    inserted: int = 0
    """Items that were written, those that replace included."""
    replaced: int = 0
    """Of these, items whose id existed when it was their turn."""
    skipped: int = 0
    """Items that were not written because their id existed."""
    patched: int = 0
    set: int = 0


NO_COUNTS = WriteCounts()


class WriteResult(msgspec.Struct, frozen=True):
    """The LSN of a write, and how many ids it touched; ``lsn`` is the newest one when nothing was logged."""

    lsn: int
    affected: int
    counts: WriteCounts = NO_COUNTS
    """Of writes that insert, and of mixed ones."""


DONE = 0
"""The status of a request whose answer follows from its record, or that has only begun."""


class Remembered(msgspec.Struct, frozen=True):
    """What is known of a request."""

    lsn: Lsn
    """What its answer is as of."""
    affected: int
    """How many ids it has touched."""
    is_whole: bool
    """Whether it came to its end."""
    status: int = DONE
    """Of its answer; DONE when that follows from ``lsn`` and ``affected``."""
    answer: bytes = b""
    replaced: int = 0
    """Of an insertion: how many of the items found their id stored."""
