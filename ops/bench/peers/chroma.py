"""chromadb in the process."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import chromadb
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings

from ops.bench.peers.system import BUILD_BREADTH, LINKS, Ids, System, Vectors
from ops.bench.workload import K

COLLECTION = "bench"


class Chroma(System):
    """A persistent client on a folder."""

    can_build = False

    def create(self) -> None:
        graph = {"space": "l2", "ef_construction": BUILD_BREADTH, "max_neighbors": LINKS, "num_threads": 1}
        self._collection = self._client().create_collection(
            COLLECTION, embedding_function=None, configuration={"hnsw": graph}
        )

    def insert(self, ids: Ids, vectors: Vectors) -> None:
        self._collection.add(ids=list(map(str, ids)), embeddings=vectors)

    def open(self) -> None:
        self._collection = self._client().get_collection(COLLECTION, embedding_function=None)

    def set_breadth(self, breadth: int) -> None:
        """A loaded graph keeps the ef that it was loaded with, so it is loaded again."""
        self._collection.modify(configuration={"hnsw": {"ef_search": breadth}})
        del self._collection
        SharedSystemClient.clear_system_cache()
        gc.collect()
        self.open()

    def search(self, vector: Vectors) -> Sequence[int]:
        found = self._collection.query(query_embeddings=vector[None], n_results=K, include=["distances"])
        return list(map(int, found["ids"][0]))

    def _client(self) -> chromadb.ClientAPI:
        return chromadb.PersistentClient(str(self.folder), Settings(anonymized_telemetry=False))


ADAPTER = Chroma
