"""hnswlib over float32 on the same rows, at the same ef: what a graph of the usual kind finds."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ops.bench.peers.system import BUILD_BREADTH, LINKS
from ops.bench.shapes.makers import Vectors
from ops.bench.shapes.truth import Flags, Ids

NAME = "hnswlib"


def is_installed() -> bool:
    """Whether there is something to compare with."""
    try:
        import_module(NAME)
    except ImportError:
        return False
    return True


class Peer:
    """One graph over all rows, whichever state ours is in. Row i has the label i."""

    def __init__(self, base: Vectors, metric: str) -> None:
        self._rows = len(base)
        self._index: Any = import_module(NAME).Index(metric, base.shape[1])
        self._index.init_index(len(base), M=LINKS, ef_construction=BUILD_BREADTH)
        self._index.add_items(base, num_threads=1)
        self._hidden: NDArray[np.intp] = np.empty(0, np.intp)

    def allow(self, allowed: Flags) -> None:
        """Hides all other rows, as deleted ones: they are walked over and not found."""
        for row in self._hidden.tolist():
            self._index.unmark_deleted(row)
        self._hidden = np.flatnonzero(~allowed)
        for row in self._hidden.tolist():
            self._index.mark_deleted(row)

    def ask(self, queries: Vectors, k: int, ef: int) -> list[Ids]:
        """The labels that each query finds; none where it finds fewer than k."""
        k = min(k, self._rows - len(self._hidden))
        self._index.set_ef(max(ef, k))
        found = []
        for query in queries:
            try:
                labels = self._index.knn_query(query[None], k, num_threads=1)[0][0]
            except RuntimeError:
                labels = []
            found.append(np.asarray(labels, np.uint64))
        return found
