"""faiss: HNSW over 8-bit scalars."""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import NDArray

from ops.bench.peers.system import BUILD_BREADTH, LINKS, Ids, System, Vectors
from ops.bench.workload import K

TRAINING_ROWS = 10_000


class FaissSQ8(System):
    """In memory; saved to one file. Its quantiser is trained on the first rows that it sees."""

    def create(self) -> None:
        faiss.omp_set_num_threads(1)
        self._index = faiss.IndexHNSWSQ(self.dim, faiss.ScalarQuantizer.QT_8bit, LINKS)
        self._index.hnsw.efConstruction = BUILD_BREADTH
        self._waiting: list[Vectors] = []

    def insert(self, ids: Ids, vectors: Vectors) -> None:
        if self._index.is_trained:
            self._index.add(vectors)
            return
        self._waiting.append(vectors)
        if sum(map(len, self._waiting)) >= TRAINING_ROWS:
            self._train()

    def save(self) -> None:
        if not self._index.is_trained:
            self._train()
        faiss.write_index(self._index, str(self.folder / "index"))

    def build(self, vectors: Vectors, threads: int) -> None:
        self.create()
        faiss.omp_set_num_threads(threads)
        self._index.train(vectors[:TRAINING_ROWS])
        self._index.add(vectors)
        self.save()

    def open(self) -> None:
        faiss.omp_set_num_threads(1)
        self._index = faiss.read_index(str(self.folder / "index"))

    def set_breadth(self, breadth: int) -> None:
        self._parameters = faiss.SearchParametersHNSW(efSearch=breadth)

    def search(self, vector: Vectors) -> NDArray[np.integer]:
        found: NDArray[np.integer] = self._index.search(vector[None], K, params=self._parameters)[1][0]
        return found

    def _train(self) -> None:
        rows = np.concatenate(self._waiting)
        self._waiting.clear()
        self._index.train(rows)
        self._index.add(rows)


ADAPTER = FaissSQ8
