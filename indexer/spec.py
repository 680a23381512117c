"""What an index is (its dimension and metric) and how it is tuned."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import _core
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import DIM_MAX, KIB, MIB

METRICS = ("l2", "cosine", "ip")


BITS = (8, 16)
BITS_DEFAULT = 16


class IndexSpec(msgspec.Struct, frozen=True):
    """The dimension, the metric ("l2", "cosine" or "ip") and the precision of an index, for good."""

    dim: int
    metric: str
    bits: int = BITS_DEFAULT
    """Bits that each value of a vector is kept in. Graphs are walked with 8; with 16, a second byte, read
    for the last few candidates of a search only, makes results as good as float32's."""

    @property
    def native_metric(self) -> _core.Metric:
        """The metric as the native core names it."""
        return {"l2": _core.Metric.l2, "cosine": _core.Metric.cosine, "ip": _core.Metric.ip}[self.metric]

    @property
    def has_fine(self) -> bool:
        """Whether residuals are kept beside the 8-bit codes."""
        return self.bits == 16

    @property
    def record_bytes(self) -> int:
        """Bytes of the part of a quantised vector that graphs are walked with."""
        return _core.record_bytes(self.dim)

    @property
    def row_bytes(self) -> int:
        """Bytes of one quantised vector."""
        return _core.row_bytes(self.dim, self.has_fine)

    def encode(self, vectors: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Quantises finite float32 [n, dim]; gives uint8 [n, row_bytes]."""
        return _core.encode(vectors, self.native_metric, self.has_fine)


def checked_spec(dim: int, metric: str, bits: int = BITS_DEFAULT) -> IndexSpec:
    """A spec whose parts are within the contract.

    Raises InvalidRequest ``bad_dim``, ``bad_metric`` or ``bad_bits``.
    """
    if isinstance(dim, bool) or not isinstance(dim, int) or not 1 <= dim <= DIM_MAX:
        raise InvalidRequest(f"dim must be an integer from 1 to {DIM_MAX}", code="bad_dim")
    if not isinstance(metric, str) or metric.lower() not in METRICS:
        raise InvalidRequest(f"metric must be one of {', '.join(METRICS)}", code="bad_metric")
    if type(bits) is not int or bits not in BITS:
        raise InvalidRequest("bits must be 8 or 16", code="bad_bits")
    return IndexSpec(dim, metric.lower(), bits)


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How much memory, how many threads, how eager; every field has a default that suits most."""

    memory_budget_bytes: int = 256 * MIB
    """Bound on the tail and on graphs under construction together."""
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
    keep_log: bool = False
    """Never trim the log, so that it reaches back to the first record; it then grows without bound."""

    @property
    def tail_bytes_max(self) -> int:
        """Bytes that acknowledged but unsealed rows may take before writers are made to wait."""
        return max(self.memory_budget_bytes // 2, 64 * KIB)

    @property
    def graph_bytes_max(self) -> int:
        """Bytes that one graph under construction may take."""
        return max(self.memory_budget_bytes // 2, 64 * KIB)

    def graph_rows_max(self, spec: IndexSpec) -> int:
        """Rows that one graph is built over at a time, to stay within ``graph_bytes_max``."""
        # Candidates of each node, links back to it, and its place in the order; the records themselves
        # are in the draft.
        row_bytes = 8 * (48 + 4 * self.links_max) + 8 * 2 * self.links_max + 32
        if self.draft_folder_needed(spec, self.graph_bytes_max // row_bytes):
            return max(self.graph_bytes_max // row_bytes, 1024)
        return max(self.graph_bytes_max // (row_bytes + self.draft_row_bytes(spec)), 1024)

    def draft_row_bytes(self, spec: IndexSpec) -> int:
        """Bytes of one row of a segment in the making."""
        return spec.row_bytes + 4 * (1 + 2 * self.links_max) + 64

    def draft_folder_needed(self, spec: IndexSpec, rows: int) -> bool:
        """Whether a draft of so many rows is too large for RAM and goes into a scratch file."""
        return rows * self.draft_row_bytes(spec) > self.graph_bytes_max // 4

    @property
    def tail_rows_max(self) -> int:
        """Rows likewise: what keeps the scan of the tail short."""
        return 4 * self.seal_rows
