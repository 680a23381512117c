"""A small store with everything that a store can hold, and what a program sees of one.

    python tests/promises/compatibility/sample_store.py write FOLDER
    python tests/promises/compatibility/sample_store.py describe FOLDER

It uses public names of version 0.1.0 only, so that the interpreter of any version can run it: what one
version wrote, another must describe alike. tests/fixtures/store-0.1.0 was written by version 0.1.0.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

import asteroid_cloud.api as api

DIM, METRIC = 8, "cosine"
LOG_BYTES = 10**6
"""The log is kept whole, so that the feed begins with the first record."""


def rows(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Vectors of whole numbers."""
    return np.random.default_rng(seed).integers(-128, 128, (count, DIM)).astype(np.float32)


def payload(number: int) -> dict[str, Any] | None:
    """Every kind of value that columns know, and now and then nothing."""
    if number % 11 == 0:
        return None
    return {
        "number": number / 4,
        "name": f"row {number % 7} with a name that is longer than the key of a column",
        "at": f"2025-03-{1 + number % 28:02d}T12:00:00Z",
        "tags": ["even" if number % 2 == 0 else "odd", number % 3],
        "is_old": number < 50,
        "deep": {"est": None, "er": {"n": number % 5}},
    }


def write(path: str) -> None:
    """Segments of a bulk load and of single rows, deletes, a tag, and a tail that only the log holds."""
    with api.open_blocking(path, dim=DIM, metric=METRIC, log_retention_bytes=LOG_BYTES) as store:
        store.bulk_build(rows(100, 0), payloads=[payload(number) for number in range(100)])
        store.flush()
        store.tag("loaded")
        for first in (90, 150):
            numbers = range(first, first + 60)
            store.insert_batch(zip(numbers, rows(60, first), map(payload, numbers), strict=True))
            store.flush()
        store.delete_many(ids=[3, 5, 95, 160, 10**6])
        store.merge_payload(7, {"name": "merged", "deep": {"er": None}})
        store.flush()
        store.tag("flushed")
        store.insert_batch(zip(range(200, 230), rows(30, 1), map(payload, range(30)), strict=True))
        store.set_payload(201, {"only": "this"})
        store.merge_payload(8, {"tail": True})
        store.delete(9)


def describe(path: str) -> dict[str, Any]:
    """What a program sees of the store."""
    query = rows(1, 99)[0]
    with api.open_blocking(path, log_retention_bytes=LOG_BYTES) as store:
        index, stats = store.get_index(), store.stats()
        found = {
            "index": [index.dim, index.metric, index.bits, index.lsn],
            "stats": [stats.vectors, stats.segment_rows, stats.tail_rows, stats.last_lsn],
            "rows": [
                [row.id, row.payload, [round(float(value), 3) for value in vector_of(row)]]
                for row in _all(store)
            ],
            "tags": [[tag.name, tag.lsn, tag.vectors] for tag in store.tags()],
            "changes": [
                [each.lsn, each.kind, None if each.ids is None else [int(id_) for id_ in each.ids]]
                for each in store.changes(0, follow=False)
            ],
        }
        for name, filter_ in FILTERS.items():
            hits = store.search(query, k=10, filter=filter_, exact=True)
            found[name] = [[hit.id, round(hit.distance, 5)] for hit in hits]
    return found


FILTERS: dict[str, dict[str, Any]] = {
    "nearest": {},
    "nearest by number": {"number": {"$gte": 10, "$lt": 40}},
    "nearest by name": {"name": {"$prefix": "row 3"}},
    "nearest by tag": {"tags": {"$contains_any": ["odd"]}, "is_old": True},
    "nearest without": {"deep.er.n": {"$exists": False}},
}


def vector_of(row: api.Row) -> list[float]:
    """Its values, as far as they do not depend on the processor that decodes them."""
    assert row.vector is not None
    return [round(float(value), 3) for value in row.vector]


def _all(store: api.BlockingStore) -> list[api.Row]:
    return sorted(store.scroll(include=["vector", "payload"]), key=lambda row: row.id)


def main() -> None:
    """The command line."""
    command, path = sys.argv[1:]
    if command == "write":
        write(path)
    else:
        json.dump(describe(path), sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
