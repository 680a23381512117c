"""zvec: HNSW over 8-bit integers, with the float32 vectors beside them."""

from __future__ import annotations

from collections.abc import Sequence

import zvec

from ops.bench.peers.system import BUILD_BREADTH, LINKS, Ids, System, Vectors
from ops.bench.workload import K

FIELD = "vector"


class ZvecInt8(System):
    """A collection in a folder; its graph is made by `optimize` after the last batch."""

    can_build = False

    def create(self) -> None:
        _start()
        graph = zvec.HnswIndexParam(
            metric_type=zvec.MetricType.L2,
            m=LINKS,
            ef_construction=BUILD_BREADTH,
            quantize_type=zvec.QuantizeType.INT8,
        )
        vectors = zvec.VectorSchema(FIELD, zvec.DataType.VECTOR_FP32, self.dim, graph)
        schema = zvec.CollectionSchema("bench", fields=[], vectors=vectors)
        self._collection = zvec.create_and_open(str(self.folder / "collection"), schema)

    def insert(self, ids: Ids, vectors: Vectors) -> None:
        pairs = zip(ids, vectors, strict=True)
        self._collection.insert([zvec.Doc(id=str(id_), vectors={FIELD: row}) for id_, row in pairs])

    def save(self) -> None:
        self._collection.flush()
        self._collection.optimize(zvec.OptimizeOption(concurrency=1))
        self._collection.flush()

    def open(self) -> None:
        _start()
        self._collection = zvec.open(str(self.folder / "collection"))

    def set_breadth(self, breadth: int) -> None:
        self._parameters = zvec.HnswQueryParam(ef=breadth)

    def search(self, vector: Vectors) -> Sequence[int]:
        asked = zvec.Query(FIELD, vector=vector, param=self._parameters)
        return [int(found.id) for found in self._collection.query(asked, topk=K, output_fields=[])]

    def close(self) -> None:
        self._collection.close()


def _start() -> None:
    zvec.init(
        log_type=zvec.LogType.CONSOLE, log_level=zvec.LogLevel.ERROR, query_threads=1, optimize_threads=1
    )


ADAPTER = ZvecInt8
