"""aster-vec: a graph in memory, vectors in a file."""

from __future__ import annotations

from collections.abc import Sequence

import astervec

from ops.bench.peers.system import BUILD_BREADTH, LINKS, Ids, System, Vectors
from ops.bench.workload import K


class AsterVec(System):
    """Opened with the degree and ef of the other graphs; its own defaults are smaller."""

    def create(self) -> None:
        self._open(is_new=True)

    def insert(self, ids: Ids, vectors: Vectors) -> None:
        for id_, row in zip(ids.tolist(), vectors, strict=True):
            self._database.insert(id_, row)

    def save(self) -> None:
        self._database.flush_vector_writes()

    def build(self, vectors: Vectors, threads: int) -> None:
        self.create()
        self._database.bulk_build(vectors, threads=threads)
        self.save()

    def open(self) -> None:
        self._open(is_new=False)

    def set_breadth(self, breadth: int) -> None:
        self._breadth = breadth

    def search(self, vector: Vectors) -> Sequence[int]:
        return [found.id for found in self._database.search_knn(vector, K, self._breadth)]

    def close(self) -> None:
        self._database.close()

    def _open(self, *, is_new: bool) -> None:
        options = astervec.AsterVecDBOptions()
        options.dim, options.m, options.m_max = self.dim, LINKS, 2 * LINKS
        options.ef_construction = float(BUILD_BREADTH)
        options.reinit = is_new
        options.vector_file_path = str(self.folder / "vectors.bin")
        self._database = astervec.AsterVecDB.open(str(self.folder), options)


ADAPTER = AsterVec
