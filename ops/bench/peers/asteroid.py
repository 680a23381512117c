"""This store: filled through the embedded API, searched through the query layer on a snapshot."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import asteroid_cloud.api as api
from ops.bench.loading import Watch
from ops.bench.peers.system import Finished, Ids, System, Vectors
from ops.bench.searching import native


class Asteroid(System):
    """This store; a batch is acknowledged when it is on the disk, and settling includes merges."""

    def __init__(self, folder: Path, dim: int, rows: int) -> None:
        super().__init__(folder, dim, rows)
        self._opened = ExitStack()
        self._breadth = 0

    def create(self) -> None:
        self._store = self._opened.enter_context(api.open_blocking(self.folder, self.dim, "cosine"))

    def insert(self, ids: Ids, vectors: Vectors) -> None:
        items = zip(ids.tolist(), vectors, strict=True)
        self._store.insert_batch(items, chunk_size=len(ids), progress=False)

    def finish(self) -> Finished:
        began_s = time.perf_counter()
        self._store.flush()
        watch = Watch(self._store.stats, began_s)
        watch.until_settled()
        return Finished(began_s + watch.indexed_s, began_s + watch.settled_s)

    def build(self, vectors: Vectors, threads: int) -> None:
        self.create()
        self._store.bulk_build(vectors, threads=threads)

    def open(self) -> None:
        self._search = self._opened.enter_context(native(self.folder))

    def set_breadth(self, breadth: int) -> None:
        self._breadth = breadth

    def search(self, vector: Vectors) -> Sequence[int]:
        return self._search(vector, self._breadth, None)

    def close(self) -> None:
        self._opened.close()


ADAPTER = Asteroid
