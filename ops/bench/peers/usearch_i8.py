"""usearch with 8-bit integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

from ops.bench.peers.system import BUILD_BREADTH, LINKS, Ids, System, Vectors
from ops.bench.workload import K


class UsearchI8(System):
    """In memory; saved to one file, which can be mapped instead of read."""

    is_mapped = False

    def create(self) -> None:
        self._index = Index(
            ndim=self.dim, metric="cos", dtype="i8", connectivity=LINKS, expansion_add=BUILD_BREADTH
        )

    def insert(self, ids: Ids, vectors: Vectors) -> None:
        self._index.add(ids, vectors, threads=1)

    def save(self) -> None:
        self._index.save(str(self.folder / "index"))

    def build(self, vectors: Vectors, threads: int) -> None:
        self.create()
        self._index.add(np.arange(len(vectors)), vectors, threads=threads)
        self.save()

    def open(self) -> None:
        self._index = Index.restore(str(self.folder / "index"), view=self.is_mapped)

    def set_breadth(self, breadth: int) -> None:
        self._index.expansion_search = breadth

    def search(self, vector: Vectors) -> NDArray[np.integer]:
        found: NDArray[np.integer] = self._index.search(vector, K, threads=1).keys
        return found


ADAPTER = UsearchI8
