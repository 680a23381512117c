"""What an index is (its dimension and metric) and how it is tuned."""

from __future__ import annotations

import msgspec

from asteroid_cloud.indexer import _core
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import DIM_MAX, KIB, MIB

METRICS = ("l2", "cosine", "ip")


class IndexSpec(msgspec.Struct, frozen=True):
    """The dimension and the metric ("l2", "cosine" or "ip") that an index is created with, for good."""

    dim: int
    metric: str

    @property
    def native_metric(self) -> _core.Metric:
        """The metric as the native core names it."""
        return {"l2": _core.Metric.l2, "cosine": _core.Metric.cosine, "ip": _core.Metric.ip}[self.metric]

    @property
    def record_bytes(self) -> int:
        """Bytes of one quantised vector in RAM."""
        return _core.record_bytes(self.dim)


def checked_spec(dim: int, metric: str) -> IndexSpec:
    """A spec whose parts are within the contract; raises InvalidRequest ``bad_dim`` or ``bad_metric``."""
    if isinstance(dim, bool) or not isinstance(dim, int) or not 1 <= dim <= DIM_MAX:
        raise InvalidRequest(f"dim must be an integer from 1 to {DIM_MAX}", code="bad_dim")
    if not isinstance(metric, str) or metric.lower() not in METRICS:
        raise InvalidRequest(f"metric must be one of {', '.join(METRICS)}", code="bad_metric")
    return IndexSpec(dim, metric.lower())


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
    segments_per_tier: int = 4
    """Segments of like size that are merged into one."""
    links_max: int = 16
    """M of the graph: links a node on the upper levels, half of those on the ground."""
    ef_construction: int = 200
    """Breadth of the search that finds a new node's links."""
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
        """Rows of one graph that stays within ``graph_bytes_max``."""
        # A node's record and links, and hnswlib's label, lock, level and upper links beside them.
        row_bytes = spec.record_bytes + 4 * (1 + 2 * self.links_max) + 128
        return max(self.graph_bytes_max // row_bytes, 1024)

    @property
    def tail_rows_max(self) -> int:
        """Rows likewise: what keeps the scan of the tail short."""
        return 4 * self.seal_rows
