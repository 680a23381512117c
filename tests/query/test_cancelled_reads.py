"""Any read can be ended at any of its reports, and leaves no trace for those that come after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from asteroid_cloud import query
from asteroid_cloud.indexer import EngineOptions, Snapshot
from asteroid_cloud.query import Filter, FilterCache, RecallRequest, SearchRequest, Work, parse_filter
from asteroid_cloud.wal.errors import TooCostly
from tests.support.engines import opened

DIM, ROWS, SEALED = 8, 700, 512
OPTIONS = EngineOptions(seal_rows=SEALED, ef_construction=20)
FILTER = parse_filter(
    {"$or": [{"n": {"$lt": 90}}, {"list": {"$contains_any": [3]}}, {"text": {"$ieq": "TEXT 5"}}]}
)
VECTOR = np.linspace(0, 1, DIM, dtype=np.float32)
Read = Callable[[Snapshot, FilterCache, Work], Any]


def plain(found: Any) -> Any:
    """An answer as it can be compared."""
    return msgspec.to_builtins(found, enc_hook=lambda each: getattr(each, "tolist", lambda: str(each))())


def search(filter: Filter, **fields: Any) -> Read:
    request = SearchRequest(vector=VECTOR, filter=filter, include_payload=True, **fields)
    return lambda snapshot, cache, work: query.search(snapshot, request, cache, work=work).hits


def recall(snapshot: Snapshot, cache: FilterCache, work: Work) -> Any:
    return list(query.recalls(snapshot, RecallRequest(num=5, filter=FILTER), cache, work))


READS: dict[str, Read] = {
    "search": search(FILTER),
    "wide": search(query.MATCH_ALL, ef_search=600),
    "exact": search(FILTER, exact=True),
    "batch": lambda snapshot, cache, work: [
        result.hits
        for result in query.search_batch(
            snapshot, [SearchRequest(vector=VECTOR, k=k, filter=FILTER) for k in (1, 5)], cache, work=work
        )
    ],
    "count": lambda snapshot, cache, work: query.count(snapshot, cache, FILTER, work),
    "ids": lambda snapshot, cache, work: [
        ids.tolist() for ids in query.matching_batches(snapshot, cache, FILTER, rows=50, work=work)
    ],
    "among": lambda snapshot, cache, work: query.matching_among(
        snapshot, FILTER, np.arange(0, ROWS, 7, dtype=np.uint64), work
    )[1],
    "scroll": lambda snapshot, cache, work: [
        record.id
        for record in query.scroll(
            snapshot, cache, limit=100, filter=FILTER, payload=True, vector=True, work=work
        ).records
    ],
    "fetch": lambda snapshot, cache, work: [
        record and record.payload
        for record in query.fetch(snapshot, np.arange(60, dtype=np.uint64), payload=True, work=work)
    ],
    "facets": lambda snapshot, cache, work: query.facets(snapshot, cache, ("list",), FILTER, work=work),
    "range": lambda snapshot, cache, work: query.field_range(snapshot, cache, ("n",), FILTER, work),
    "recall": recall,
}


@pytest.mark.anyio
async def test_a_read_that_is_ended_anywhere_leaves_no_trace(tmp_path: Path) -> None:
    draw = Random(7)
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2")
        vectors = np.random.default_rng(1).normal(size=(ROWS, DIM)).astype(np.float32)
        payloads = [
            msgspec.json.encode({"n": n, "list": [n % 7, "x" * 20], "text": f"Text {n}", "odd": "é" * 300})
            for n in range(ROWS)
        ]
        await engine.upsert(np.arange(SEALED, dtype=np.uint64), vectors[:SEALED], payloads[:SEALED])
        await engine.flush()
        rest = np.arange(SEALED, ROWS, dtype=np.uint64)
        await engine.upsert(rest, vectors[SEALED:], payloads[SEALED:])
        snapshot = engine.snapshot()
        assert {view.part.is_flat for view in snapshot.parts} == {True, False}
        for name, read in READS.items():
            snapshot.memo.clear()
            whole = Work()
            expected = plain(read(snapshot, FilterCache(), whole))
            assert whole.spent > 0, name
            # Where each report falls is found by ending the read earlier and earlier.
            most, ended = whole.spent - 1, 0
            while most >= 0 and ended < 60:
                snapshot.memo.clear()
                cache, work = FilterCache(), Work(most)
                with pytest.raises(TooCostly):
                    read(snapshot, cache, work)
                assert not cache._evaluations, name
                snapshot_plans = dict(snapshot.memo)
                assert plain(read(snapshot, cache, Work())) == expected, (name, most)
                assert all(snapshot.memo[key] is plan for key, plan in snapshot_plans.items())
                most, ended = draw.randrange(most) if most else -1, ended + 1
            assert ended > 3, name
