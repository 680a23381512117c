"""lancedb: one partition with an HNSW graph over 8-bit scalars."""

from __future__ import annotations

import lancedb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ops.bench.peers.system import BUILD_BREADTH, LINKS, Ids, System, Vectors
from ops.bench.workload import K


class LanceHnswSQ(System):
    """A table in a folder; its graph is made by `create_index` after the last batch."""

    can_build = False

    def create(self) -> None:
        self._schema = pa.schema([("id", pa.int64()), ("vector", pa.list_(pa.float32(), self.dim))])
        self._table = lancedb.connect(str(self.folder)).create_table("bench", schema=self._schema)

    def insert(self, ids: Ids, vectors: Vectors) -> None:
        rows = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), self.dim)
        self._table.add(pa.Table.from_arrays([pa.array(ids), rows], schema=self._schema))

    def save(self) -> None:
        self._table.optimize()
        self._table.create_index(
            metric="l2",
            index_type="IVF_HNSW_SQ",
            num_partitions=1,
            m=LINKS,
            ef_construction=BUILD_BREADTH,
            vector_column_name="vector",
        )

    def open(self) -> None:
        self._table = lancedb.connect(str(self.folder)).open_table("bench")

    def set_breadth(self, breadth: int) -> None:
        self._breadth = breadth

    def search(self, vector: Vectors) -> NDArray[np.integer]:
        asked = self._table.search(vector).limit(K).nprobes(1).ef(self._breadth)
        found: NDArray[np.integer] = asked.select(["id", "_distance"]).to_arrow()["id"].to_numpy()
        return found


ADAPTER = LanceHnswSQ
