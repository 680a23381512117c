"""hnswlib, the reference implementation of HNSW, over float32."""

from __future__ import annotations

import hnswlib
import numpy as np
from numpy.typing import NDArray

from ops.bench.peers.system import BUILD_BREADTH, LINKS, Ids, System, Vectors
from ops.bench.workload import K


class HnswlibFloat32(System):
    """In memory; saved to one file."""

    def create(self) -> None:
        self._index = hnswlib.Index("l2", self.dim)
        self._index.init_index(self.rows, M=LINKS, ef_construction=BUILD_BREADTH)

    def insert(self, ids: Ids, vectors: Vectors) -> None:
        self._index.add_items(vectors, ids, num_threads=1)

    def save(self) -> None:
        self._index.save_index(str(self.folder / "index"))

    def build(self, vectors: Vectors, threads: int) -> None:
        self.create()
        self._index.add_items(vectors, num_threads=threads)
        self.save()

    def open(self) -> None:
        self._index = hnswlib.Index("l2", self.dim)
        self._index.load_index(str(self.folder / "index"), max_elements=self.rows)

    def set_breadth(self, breadth: int) -> None:
        self._index.set_ef(breadth)

    def search(self, vector: Vectors) -> NDArray[np.integer]:
        found: NDArray[np.integer] = self._index.knn_query(vector, K, num_threads=1)[0][0]
        return found


ADAPTER = HnswlibFloat32
