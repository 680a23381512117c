"""Every way of reading agrees with a plain loop over one snapshot, while writers change the index."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import anyio
import numpy as np
import pytest
from anyio import to_thread

from asteroid_cloud.indexer import Engine, EngineOptions, Snapshot
from asteroid_cloud.query import (
    FilterCache,
    SearchRequest,
    count,
    facets,
    fetch,
    field_range,
    matching_batches,
    parse_filter,
    scroll,
    search,
)
from tests.support import oracle
from tests.support.parts import random_vectors

pytestmark = pytest.mark.anyio

DIM, IDS, LOOKS, WRITERS = 4, 300, 12, 3
STEADY = range(IDS, IDS + 100)
"""Ids that are replaced again and again, and never deleted."""
BUSY = EngineOptions(seal_rows=64, segments_max=2, idle_seal_s=0.003, idle_flush_s=0.005, links_max=4)
FILTERS: list[dict[str, Any]] = [
    {},
    {"n": {"$gte": 5}},
    {"word": {"$prefix": "Ä"}},
    {"word": {"$ieq": "äb"}, "n": {"$ne": 3}},
    {"tags": {"$size": {"$gte": 1}}, "$nor": [{"tags": {"$contains_any": ["x"]}}]},
    {"at": {"$after": "2026-01-01T06:00:00Z", "$on_or_before": "2026-01-01T12:00:00+01:00"}},
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def payload(chance: Random) -> bytes:
    hour, offset = chance.randrange(24), chance.randrange(-3, 4)
    document = {
        "n": chance.choice([chance.randrange(10), chance.randrange(10) + 0.5, "9", None]),
        "word": chance.choice(["äb", "ÄB", "Äc", "b", ""]),
        "tags": chance.sample(["x", "y", 1, True], chance.randrange(3)),
        "at": f"2026-01-01T{hour:02}:00:00{'-' if offset < 0 else '+'}{abs(offset):02}:00",
    }
    kept = {name: value for name, value in document.items() if chance.random() < 0.8}
    return json.dumps(kept).encode() if kept else b""


async def write(engine: Engine, seed: int, done: anyio.Event) -> None:
    """Replaces and deletes rows until it is told to end."""
    chance = Random(seed)
    while not done.is_set():
        ids = np.array(chance.sample(range(IDS + len(STEADY)), 20), np.uint64)
        await engine.upsert(ids, random_vectors(20, DIM, seed), [payload(chance) for _ in range(20)])
        await engine.delete(np.array(chance.sample(range(IDS), 10), np.uint64))


def documents(snapshot: Snapshot) -> dict[int, dict[str, Any]]:
    """What the snapshot holds, id by id, without filter or mask."""
    ids = np.arange(IDS + len(STEADY), dtype=np.uint64)
    records = [record for record in fetch(snapshot, ids, payload=True) if record is not None]
    return {record.id: json.loads(record.payload or b"{}") for record in records}


def walk(snapshot: Snapshot, masks: FilterCache, form: dict[str, Any]) -> Iterator[int]:
    cursor: str | None = None
    while True:
        page = scroll(snapshot, masks, limit=37, filter=parse_filter(form), cursor=cursor)
        yield from (record.id for record in page.records)
        cursor = page.cursor
        if cursor is None:
            return


def compare(snapshot: Snapshot, masks: FilterCache) -> int:
    """Asks everything of one snapshot; how many matches there were in all."""
    held, total = documents(snapshot), 0
    assert snapshot.live == len(held)
    for form in FILTERS:
        filter = parse_filter(form)
        expected = {id: each for id, each in held.items() if oracle.matches(form, each)}
        assert count(snapshot, masks, filter) == len(expected)
        assert list(walk(snapshot, masks, form)) == sorted(expected)
        batches = matching_batches(snapshot, masks, filter, rows=50)
        assert sorted(id for batch in batches for id in batch.tolist()) == sorted(expected)
        request = SearchRequest(vector=np.zeros(DIM, np.float32), k=IDS + len(STEADY), filter=filter)
        assert sorted(search(snapshot, request, masks).ids.tolist()) == sorted(expected)
        words = [each["word"] for each in expected.values() if "word" in each]
        found = facets(snapshot, masks, ("word",), filter)
        assert {each.value: each.count for each in found.values} == Counter(words)
        assert (found.rows, found.rows_without_field) == (len(expected), len(expected) - len(words))
        strings = field_range(snapshot, masks, ("word",), filter).strings
        bounds = None if strings is None else (strings.rows, strings.min, strings.max)
        assert bounds == ((len(words), min(words), max(words)) if words else None)
        total += len(expected)
    return total


async def test_all_reads_agree_on_a_snapshot_while_rows_come_and_go(tmp_path: Path) -> None:
    done, masks, totals, lsns = anyio.Event(), FilterCache(), list[int](), set[int]()
    async with Engine.open(str(tmp_path), BUSY) as engine:
        await engine.ready()
        await engine.create_index(DIM, "l2")
        await engine.upsert(np.array(STEADY, np.uint64), random_vectors(len(STEADY), DIM), None)
        async with anyio.create_task_group() as group:
            for seed in range(WRITERS):
                group.start_soon(write, engine, seed, done)
            for _ in range(LOOKS):
                snapshot = engine.snapshot()
                totals.append(await to_thread.run_sync(compare, snapshot, masks))
                lsns.add(snapshot.lsn)
                await engine.wait_for(snapshot.lsn + 3, 20.0)
            done.set()
    assert len(lsns) == LOOKS, "each look saw another state"
    assert min(totals) >= len(STEADY)


async def test_a_walk_through_changing_rows_meets_each_that_stays_once(tmp_path: Path) -> None:
    done, masks, seen = anyio.Event(), FilterCache(), list[int]()
    async with Engine.open(str(tmp_path), BUSY) as engine:
        await engine.ready()
        await engine.create_index(DIM, "l2")
        await engine.upsert(np.array(STEADY, np.uint64), random_vectors(len(STEADY), DIM), None)
        async with anyio.create_task_group() as group:
            for seed in range(WRITERS):
                group.start_soon(write, engine, seed, done)
            cursor: str | None = None
            while cursor is not None or not seen:
                snapshot = engine.snapshot()
                page = await to_thread.run_sync(page_of, snapshot, masks, cursor)
                await engine.wait_for(snapshot.lsn + 3, 20.0)
                seen += [record.id for record in page.records]
                cursor = page.cursor
            done.set()
    assert seen == sorted(set(seen)), "in order, none twice"
    assert set(STEADY) <= set(seen)


def page_of(snapshot: Snapshot, masks: FilterCache, cursor: str | None) -> Any:
    return scroll(snapshot, masks, limit=17, cursor=cursor)
