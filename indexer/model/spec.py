"""What an index is, for good: its dimension, its metric, and the precision of its vectors."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.ids import INTEGER_IDS, STRING_IDS, IdKind
from asteroid_cloud.indexer.native import core
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.format import IndexCreated
from asteroid_cloud.wal.limits import DIM_MAX

METRICS = ("l2", "cosine", "ip")
IDS = ("integer", "string")
VECTORS = ("required", "optional")

BITS = (8, 16)
BITS_DEFAULT = 16
OUTLIERS_DEFAULT_MAX = 4
"""Values that a row under l2 may keep apart, unless it has few dimensions."""


class IndexSpec(msgspec.Struct, frozen=True):
    """The dimension, the metric ("l2", "cosine" or "ip") and the precision of an index, for good."""

    dim: int
    metric: str
    bits: int = BITS_DEFAULT
    """Bits that each value of a vector is kept in. Graphs are walked with 8; with 16, a second byte, read
    for the last few candidates of a search only, makes results as good as float32's."""

    outliers: int = 0
    """Values of a row that may be kept apart as floats, because they lie far from the others. It follows from
    the dimension and the metric; indexes of version 0.1 have none."""
    id_kind: Literal["string"] | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="ids")
    """Left out for integers, so that files of such indexes are as they were before there were strings."""
    vector_need: Literal["optional"] | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="vector")
    """Left out where each row needs a vector, for the same reason."""

    @classmethod
    def of(cls, event: IndexCreated) -> IndexSpec:
        """The spec of an index that a record creates."""
        return cls(
            event.dim,
            event.metric,
            event.bits,
            event.outliers,
            "string" if event.ids == "string" else msgspec.UNSET,
            "optional" if event.vector == "optional" else msgspec.UNSET,
        )

    @property
    def creation(self) -> IndexCreated:
        """The event that creates such an index."""
        ids, vector = self.id_kind or "integer", self.vector_need or "required"
        return IndexCreated(self.dim, self.metric, self.bits, self.outliers, ids, vector)

    @property
    def has_string_ids(self) -> bool:
        """Whether ids are strings; else they are integers."""
        return self.id_kind == "string"

    @property
    def needs_vectors(self) -> bool:
        """Whether each row has a vector."""
        return self.vector_need is msgspec.UNSET

    @property
    def native_metric(self) -> core.Metric:
        """The metric as the native core names it."""
        return {"l2": core.Metric.l2, "cosine": core.Metric.cosine, "ip": core.Metric.ip}[self.metric]

    @property
    def ids(self) -> IdKind:
        """What the ids of this index are."""
        return STRING_IDS if self.has_string_ids else INTEGER_IDS

    @property
    def has_fine(self) -> bool:
        """Whether residuals are kept beside the 8-bit codes."""
        return self.bits == 16

    @property
    def record_bytes(self) -> int:
        """Bytes of the part of a quantised vector that graphs are walked with."""
        return core.record_bytes(self.dim, self.outliers)

    @property
    def row_bytes(self) -> int:
        """Bytes of one quantised vector."""
        return core.row_bytes(self.dim, self.has_fine, self.outliers)

    def encode(self, vectors: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Quantises finite float32 [n, dim]; gives uint8 [n, row_bytes]."""
        return core.encode(vectors, self.native_metric, self.has_fine, self.outliers)


def checked_spec(
    dim: int, metric: str, bits: int = BITS_DEFAULT, ids: str = "integer", vector: str = "required"
) -> IndexSpec:
    """A spec whose parts are within the contract.

    Raises InvalidRequest ``bad_dim``, ``bad_metric``, ``bad_bits``, ``bad_ids`` or ``bad_vector``.
    """
    if isinstance(dim, bool) or not isinstance(dim, int) or not 1 <= dim <= DIM_MAX:
        raise InvalidRequest(f"dim must be an integer from 1 to {DIM_MAX}", code="bad_dim")
    if not isinstance(metric, str) or metric.lower() not in METRICS:
        raise InvalidRequest(f"metric must be one of {', '.join(METRICS)}", code="bad_metric")
    if type(bits) is not int or bits not in BITS:
        raise InvalidRequest("bits must be 8 or 16", code="bad_bits")
    if ids not in IDS:
        raise InvalidRequest('ids must be "integer" or "string"', code="bad_ids")
    if vector not in VECTORS:
        raise InvalidRequest('vector must be "required" or "optional"', code="bad_vector")
    metric = metric.lower()
    return IndexSpec.of(IndexCreated(dim, metric, bits, outliers_of(dim, metric), ids, vector))


def outliers_of(dim: int, metric: str) -> int:
    """Values that a row of a new index may keep apart. Two values are exact without that."""
    return min(OUTLIERS_DEFAULT_MAX, dim // 2) if metric == "l2" and dim > 2 else 0
