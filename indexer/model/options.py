"""How an index is tuned: how much memory, how many threads, how soon it seals and merges."""

from __future__ import annotations

from typing import Literal

import msgspec

from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.wal.append import NOTHING, LogBuffers, Retention
from asteroid_cloud.wal.limits import KIB, MIB

TAIL_ROW_BYTES = 96
"""RAM of a row in the tail beside its vector and payload: its id in a map, its payload's place."""
BUILD_ROW_BYTES = 64
"""RAM of a row of a segment under construction beside the draft: ids, orders, the places of payloads."""
INSERTION_ROW_BYTES = 112
"""RAM of a row in hnswlib's graph beside its record and its links on the ground."""
BUILD_ROWS_MIN = 1024
"""Rows that are built at a time however small the budget."""


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How much memory, how many threads, how eager; every field has a default that suits most."""

    memory_budget_bytes: int = 256 * MIB
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
    """Breadth of the search that finds a new node's links while the tail is sealed."""
    build_threads: int = 1
    """Threads that build one graph in the background."""
    warm_mapped: bool = False
    """Read the segments' pages before they are searched; otherwise searches read what they touch."""
    mapped_bytes_max: int | None = None
    """Bound on the segments' pages in RAM, passed for moments only; None leaves them to the system."""
    keep_log: bool = False
    """Never trim the log, so that it reaches back to the first record; it then grows without bound."""

    recovery: Literal["strict", "tail", "salvage"] = "tail"
    """How far to go to open a store that is damaged; see ``mending``."""
    log_retention: Retention = NOTHING
    """How much of the log is kept beyond what a restart needs."""

    @property
    def tail_bytes_max(self) -> int:
        """Bytes of unsealed rows, and of kills since the checkpoint, beyond which writers wait: a quarter."""
        return self._share(1, 4)

    @property
    def kill_bytes_max(self) -> int:
        """Of it, the bytes of kills that make a checkpoint due."""
        return self._share(1, 16)

    @property
    def seal_bytes_max(self) -> int:
        """Bytes that sealing a block may take beside the block: an eighth."""
        return self._share(1, 8)

    @property
    def graph_bytes_max(self) -> int:
        """Bytes that the one merge or bulk load that builds at a time may take: three eighths."""
        return self._share(3, 8)

    @property
    def mask_bytes_max(self) -> int:
        """Bytes of filters' bitmaps that are kept for those who search: a sixteenth."""
        return self._share(1, 16)

    @property
    def log_buffers(self) -> LogBuffers:
        """What may wait in the log's memory: an eighth, half of it for the follower.

        The other half is four times what is being committed: events, encoded, joined and compressed.
        """
        return LogBuffers(self._share(1, 64), self._share(1, 16))

    @property
    def tail_rows_max(self) -> int:
        """Rows of the tail, likewise: what keeps its scan short."""
        return 4 * self.seal_rows

    def block_rows_max(self, spec: IndexSpec) -> int:
        """Rows of one block that can be sealed within ``seal_bytes_max``."""
        # The draft, and a graph over a second copy of the records, with hnswlib's locks and tables.
        row_bytes = self.draft_row_bytes(spec) + BUILD_ROW_BYTES
        row_bytes += spec.record_bytes + 4 * (1 + 2 * self.links_max) + INSERTION_ROW_BYTES
        return max(self.seal_bytes_max // row_bytes, BUILD_ROWS_MIN)

    def seal_bytes(self, spec: IndexSpec, rows: int) -> int:
        """About what sealing a block of so many rows takes, by the same figures."""
        return rows * self.seal_bytes_max // self.block_rows_max(spec)

    def graph_rows_max(self, spec: IndexSpec, rows: int) -> int:
        """Rows linked at a time in a graph over ``rows``, to stay within ``graph_bytes_max``.

        What each of ``rows`` takes for as long as the building lasts is set aside first, as far as it does
        not take more than three quarters: above about a million rows a build takes more than its share.
        """
        left = self.graph_bytes_max - self._lasting_bytes(spec, rows)
        return max(max(left, self.graph_bytes_max // 4) // self._link_row_bytes, BUILD_ROWS_MIN)

    def graph_bytes(self, spec: IndexSpec, rows: int) -> int:
        """About what building a graph over so many rows takes, by the same figures."""
        linked = min(rows, self.graph_rows_max(spec, rows))
        return self._lasting_bytes(spec, rows) + linked * self._link_row_bytes

    def draft_row_bytes(self, spec: IndexSpec) -> int:
        """Bytes of one row of a segment in the making."""
        return spec.row_bytes + 4 * (1 + 2 * self.links_max) + 32

    def draft_folder_needed(self, spec: IndexSpec, rows: int) -> bool:
        """Whether a draft of so many rows is too large for RAM and goes into a scratch file."""
        return rows * self.draft_row_bytes(spec) > self.graph_bytes_max // 4

    @property
    def _link_row_bytes(self) -> int:
        # Candidates of each row, the links back to it, and where these begin.
        return 8 * (48 + self.links_max) + 16 * self.links_max + 16

    def _lasting_bytes(self, spec: IndexSpec, rows: int) -> int:
        draft = 0 if self.draft_folder_needed(spec, rows) else rows * self.draft_row_bytes(spec)
        return draft + rows * BUILD_ROW_BYTES

    @property
    def fields_bytes_max(self) -> int:
        """Bytes of payloads' values that are sorted at a time when a segment's fields are written."""
        return self._share(1, 32)

    def _share(self, part: int, of: int) -> int:
        return max(self.memory_budget_bytes * part // of, 64 * KIB)
