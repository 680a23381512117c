"""How many rows can be built at a time within the memory budget, and how much RAM that takes."""

from __future__ import annotations

from dataclasses import dataclass

from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.spec import IndexSpec

BUILD_ROW_BYTES = 64
"""RAM of a row of a segment under construction beside the graph builder: ids, orders, places of payloads."""
INSERTION_ROW_BYTES = 112
"""RAM of a row in hnswlib's graph beside its record and its links on the ground level."""
BUILD_ROWS_MIN = 1024
"""Rows that are built at a time however small the budget."""


@dataclass(frozen=True, slots=True)
class BuildSizes:
    """Sizes of builds whose graphs have ``links_max`` links a node."""

    budget: MemoryBudget
    links_max: int

    def memtable_rows_max(self, spec: IndexSpec) -> int:
        """Rows of one memtable that can be sealed within the share for sealing."""
        # The graph builder, and a graph over a second copy of the records, with hnswlib's locks and tables.
        row_bytes = self.builder_row_bytes(spec) + BUILD_ROW_BYTES
        row_bytes += spec.record_bytes + 4 * (1 + 2 * self.links_max) + INSERTION_ROW_BYTES
        return max(self.budget.sealing.bytes_max // row_bytes, BUILD_ROWS_MIN)

    def seal_bytes(self, spec: IndexSpec, rows: int) -> int:
        """About what sealing a memtable of so many rows takes, by the same figures."""
        return rows * self.budget.sealing.bytes_max // self.memtable_rows_max(spec)

    def link_rows_max(self, spec: IndexSpec, rows: int) -> int:
        """Rows linked at a time in a graph over ``rows``, to stay within the share for building.

        What each of ``rows`` takes until the build ends is set aside first, up to three quarters of the
        share: a build of more than about a million rows takes more than its share.
        """
        share = self.budget.building.bytes_max
        left = share - self._lasting_bytes(spec, rows)
        return max(max(left, share // 4) // self._link_row_bytes, BUILD_ROWS_MIN)

    def build_bytes(self, spec: IndexSpec, rows: int) -> int:
        """About what building a graph over so many rows takes, by the same figures."""
        linked = min(rows, self.link_rows_max(spec, rows))
        return self._lasting_bytes(spec, rows) + linked * self._link_row_bytes

    def builder_row_bytes(self, spec: IndexSpec) -> int:
        """Bytes of one row in the graph builder."""
        return spec.row_bytes + 4 * (1 + 2 * self.links_max) + 32

    def needs_scratch_file(self, spec: IndexSpec, rows: int) -> bool:
        """Whether a graph builder of so many rows is too large for RAM and goes into a scratch file."""
        return rows * self.builder_row_bytes(spec) > self.budget.building.bytes_max // 4

    @property
    def _link_row_bytes(self) -> int:
        # Candidates of each row, the links back to it, and where these begin.
        return 8 * (48 + self.links_max) + 16 * self.links_max + 16

    def _lasting_bytes(self, spec: IndexSpec, rows: int) -> int:
        builder = 0 if self.needs_scratch_file(spec, rows) else rows * self.builder_row_bytes(spec)
        return builder + rows * BUILD_ROW_BYTES
