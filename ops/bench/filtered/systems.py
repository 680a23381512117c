"""The systems: each is built once and then searched under each condition."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

import asteroid_cloud.api as api
from ops.bench.filtered.cases import Bools, Condition, Rows, Vectors
from ops.bench.peers.system import BUILD_BREADTH, LINKS
from ops.bench.searching import native
from ops.bench.workload import BATCH_ROWS, USUAL_BREADTH, K

Ask = Callable[[Vectors], Sequence[int]]


class Filtering:
    """One system; ids are row numbers, vectors have length 1."""

    name = ""

    def build(self, folder: Path, vectors: Vectors, rows: Rows, payloads: list[bytes]) -> None:
        """Stores everything, and opens it for searching by one thread."""
        raise NotImplementedError

    def under(self, condition: Condition, allowed: Bools) -> Ask | None:
        """A search under a condition, ready to be timed; None when the system cannot express it."""
        raise NotImplementedError

    def close(self) -> None:
        """Releases everything."""


class Asteroid(Filtering):
    """This store, through the query layer, with whole payloads."""

    name = "this store"

    def build(self, folder: Path, vectors: Vectors, rows: Rows, payloads: list[bytes]) -> None:
        with api.open_blocking(folder, vectors.shape[1], "cosine") as store:
            store.bulk_build(vectors, payloads=[json.loads(text) for text in payloads])
        self._opened = ExitStack()
        self._search = self._opened.enter_context(native(folder))

    def under(self, condition: Condition, allowed: Bools) -> Ask | None:
        return lambda vector: self._search(vector, USUAL_BREADTH, condition)

    def close(self) -> None:
        self._opened.close()


class FaissSQ8(Filtering):
    """In memory. It has no payloads, so the bitmap of each condition is made outside the timing."""

    name = "faiss HNSW-SQ8"

    def build(self, folder: Path, vectors: Vectors, rows: Rows, payloads: list[bytes]) -> None:
        import faiss

        self._faiss = faiss
        faiss.omp_set_num_threads(2)
        self._index = faiss.IndexHNSWSQ(vectors.shape[1], faiss.ScalarQuantizer.QT_8bit, LINKS)
        self._index.hnsw.efConstruction = BUILD_BREADTH
        self._index.train(vectors[:10_000])
        self._index.add(vectors)
        faiss.omp_set_num_threads(1)

    def under(self, condition: Condition, allowed: Bools) -> Ask | None:
        bits = np.packbits(allowed, bitorder="little")
        chosen = self._faiss.IDSelectorBitmap(bits)
        parameters = self._faiss.SearchParametersHNSW(efSearch=USUAL_BREADTH, sel=chosen)

        def ask(vector: Vectors, kept: object = bits) -> Sequence[int]:
            found: list[int] = self._index.search(vector[None], K, params=parameters)[1][0].tolist()
            return found

        return ask


class ZvecInt8(Filtering):
    """On disk, with inverted indexes over both fields."""

    name = "zvec int8"

    def build(self, folder: Path, vectors: Vectors, rows: Rows, payloads: list[bytes]) -> None:
        import zvec

        self._zvec = zvec
        zvec.init(
            log_type=zvec.LogType.CONSOLE, log_level=zvec.LogLevel.ERROR, query_threads=1, optimize_threads=2
        )
        graph = zvec.HnswIndexParam(
            metric_type=zvec.MetricType.L2,
            m=LINKS,
            ef_construction=BUILD_BREADTH,
            quantize_type=zvec.QuantizeType.INT8,
        )
        ranged = zvec.InvertIndexParam(enable_range_optimization=True)
        fields = [
            zvec.FieldSchema("r", zvec.DataType.INT64, index_param=ranged),
            zvec.FieldSchema("lexname", zvec.DataType.STRING, index_param=zvec.InvertIndexParam()),
            zvec.FieldSchema("id", zvec.DataType.INT64, index_param=ranged),
        ]
        schema = zvec.CollectionSchema(
            "bench",
            fields=fields,
            vectors=zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, vectors.shape[1], graph),
        )
        self._collection = zvec.create_and_open(str(folder / "collection"), schema)
        for start in range(0, len(vectors), BATCH_ROWS):
            self._collection.insert(
                [
                    zvec.Doc(
                        id=str(i),
                        vectors={"v": vectors[i]},
                        fields={"r": int(rows.r[i]), "lexname": str(rows.topic[i]), "id": i},
                    )
                    for i in range(start, min(start + BATCH_ROWS, len(vectors)))
                ]
            )
        self._collection.flush()
        self._collection.optimize(zvec.OptimizeOption(concurrency=2))
        self._parameters = zvec.HnswQueryParam(ef=USUAL_BREADTH)

    def under(self, condition: Condition, allowed: Bools) -> Ask | None:
        text = sql(condition)

        def ask(vector: Vectors) -> Sequence[int]:
            asked = self._zvec.Query("v", vector=vector, param=self._parameters)
            found = self._collection.query(asked, topk=K, filter=text, output_fields=[])
            return [int(each.id) for each in found]

        return ask

    def close(self) -> None:
        self._collection.close()


def sql(condition: Any) -> str:
    """A condition as the text of a WHERE clause."""
    signs = {"$lt": "<", "$lte": "<=", "$gt": ">", "$gte": ">=", "$ne": "!=", "$eq": "="}
    parts = []
    for field, test in condition.items():
        if field == "$or":
            parts.append("(" + " or ".join(sql(each) for each in test) + ")")
        elif not isinstance(test, dict):
            parts.append(f"{field} = {_quoted(test)}")
        elif "$in" in test:
            parts.append(f"{field} in ({', '.join(map(_quoted, test['$in']))})")
        else:
            parts += [f"{field} {signs[sign]} {_quoted(value)}" for sign, value in test.items()]
    return " and ".join(parts)


def _quoted(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


SYSTEMS: dict[str, type[Filtering]] = {"asteroid": Asteroid, "faiss": FaissSQ8, "zvec": ZvecInt8}
