"""Carries out the calls of one embedded store, in a process that is told what to do on standard input.

It runs under each of the two interpreters, so it uses nothing of the store but what is promised to callers.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any

from rows import BATCH, EF, QUERIES, items, vectors

from asteroid_cloud.api import open_blocking

DIM = 384


class Calls:
    """What may be asked for, by name."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._queries = vectors(QUERIES, DIM, 2)
        self._batches: dict[int, tuple[list[int], Any, list[dict[str, Any]]]] = {}
        self._next_id = itertools.count()

    def fresh(self, dim: str) -> None:
        """An empty index of that dimension."""
        self._store.delete_index()
        self._store.create_index(int(dim), "cosine")
        rows = items(int(dim), 0, BATCH)
        self._batches[int(dim)] = (
            [row["id"] for row in rows],
            vectors(BATCH, int(dim), 1),
            [row["metadata"] for row in rows],
        )

    def search(self, count: str) -> None:
        """Searches, one after the other."""
        for at in range(int(count)):
            self._store.search(self._queries[at % QUERIES], k=10, ef_search=EF)

    def batches(self, dim: str, count: str) -> None:
        """Batches of rows with payloads."""
        ids, rows, payloads = self._batches[int(dim)]
        triples = [(id, row, payload) for id, row, payload in zip(ids, rows, payloads, strict=True)]
        for _ in range(int(count)):
            self._store.insert_batch(triples)

    def inserts(self, dim: str, count: str) -> None:
        """Single rows with payloads."""
        _, rows, payloads = self._batches[int(dim)]
        for at in range(int(count)):
            self._store.insert(next(self._next_id), rows[at % BATCH], payloads[at % BATCH])


def main() -> None:
    """Opens the store of the folder that is named, and does line by line what comes."""
    with open_blocking(sys.argv[1]) as store:
        calls = Calls(store)
        for line in sys.stdin:
            name, *words = line.split()
            getattr(calls, name)(*words)
            print("done", flush=True)


if __name__ == "__main__":
    main()
