"""How many rows can be built at a time within a share of the memory budget, and how much RAM that takes."""

from __future__ import annotations

from dataclasses import dataclass

from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.memory.share import Share
from asteroid_cloud.indexer.model.spec import IndexSpec

BUILD_ROW_BYTES = 64
"""RAM of a row of a segment under construction beside the graph builder: ids, orders, places of payloads."""
BUILD_ROWS_MIN = 1024
"""Rows that are built at a time however small the budget."""


@dataclass(frozen=True, slots=True)
class BuildSizes:
    """Sizes of builds whose graphs have ``links_max`` links a node."""

    budget: MemoryBudget
    links_max: int

    def memtable_rows_max(self, spec: IndexSpec) -> int:
        """Rows of one memtable that can be sealed within the share for sealing."""
        return self.rows_at_once(spec, self.budget.sealing)

    def rows_at_once(self, spec: IndexSpec, share: Share) -> int:
        """Rows that can be linked all at once within a share, with the graph builder in RAM."""
        row_bytes = self.builder_row_bytes(spec) + BUILD_ROW_BYTES + self._link_row_bytes
        return max(share.bytes_max // row_bytes, BUILD_ROWS_MIN)

    def link_rows_max(self, spec: IndexSpec, rows: int, share: Share) -> int:
        """Rows linked at a time in a graph over ``rows``, to stay within a share.

        What each of ``rows`` takes until the build ends is set aside first, up to three quarters of the
        share: a build of more than about a million rows takes more than its share.
        """
        left = share.bytes_max - self._lasting_bytes(spec, rows, share)
        return max(max(left, share.bytes_max // 4) // self._link_row_bytes, BUILD_ROWS_MIN)

    def build_bytes(self, spec: IndexSpec, rows: int, share: Share) -> int:
        """About what building a graph over so many rows takes, by the same figures."""
        linked = min(rows, self.link_rows_max(spec, rows, share))
        return self._lasting_bytes(spec, rows, share) + linked * self._link_row_bytes

    def builder_row_bytes(self, spec: IndexSpec) -> int:
        """Bytes of one row in the graph builder."""
        return spec.row_bytes + 4 * (1 + 2 * self.links_max) + 32

    def needs_scratch_file(self, spec: IndexSpec, rows: int, share: Share) -> bool:
        """Whether a graph builder of so many rows is too large for RAM and goes into a scratch file."""
        return rows > self.rows_at_once(spec, share)

    @property
    def _link_row_bytes(self) -> int:
        # Candidates of each row, the links back to it, and where these begin.
        return 8 * (48 + self.links_max) + 16 * self.links_max + 16

    def _lasting_bytes(self, spec: IndexSpec, rows: int, share: Share) -> int:
        in_file = self.needs_scratch_file(spec, rows, share)
        return rows * (BUILD_ROW_BYTES + (0 if in_file else self.builder_row_bytes(spec)))
