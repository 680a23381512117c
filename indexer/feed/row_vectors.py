"""The vectors of a record, cut out for the rows of one piece."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.state.bare_rows import Bare, bare_flags, with_vectors
from asteroid_cloud.wal.format import VectorsUpserted, ids_in


class RowVectors:
    """Of an event whatever it holds, for one without effect is in the log too."""

    def __init__(self, event: VectorsUpserted) -> None:
        rows, floats = ids_in(event.ids), np.frombuffer(event.vectors, "<f4")
        self._bare = bare_flags(event.bare, rows)
        there = with_vectors(rows, self._bare)
        self.dim = len(floats) // max(1, there)
        self._floats = floats[: self.dim * there].reshape(there, self.dim)

    def between(self, start: int, end: int) -> tuple[NDArray[np.float32], Bare]:
        """Those of rows ``start`` … ``end`` − 1, with zeros for rows that have none, and which these are."""
        if self._bare is None:
            return self._floats[start:end].copy(), None  # a view would keep the whole record
        bare = self._bare[start:end].copy()
        first, there = with_vectors(start, self._bare[:start]), with_vectors(end - start, bare)
        vectors = np.zeros((end - start, self.dim), np.float32)
        vectors[~bare] = self._floats[first : first + there]
        return vectors, bare
