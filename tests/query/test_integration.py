"""The whole package over a real engine: blocks and segments, replaced and deleted rows, walks and scans."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions, Snapshot
from asteroid_cloud.query import (
    MATCH_ALL,
    FilterCache,
    SearchRequest,
    count,
    facets,
    fetch_one,
    field_range,
    matching_batches,
    parse_filter,
    scroll,
    search,
    search_batch,
)
from tests.support import oracle
from tests.support.parts import random_vectors

pytestmark = pytest.mark.anyio

DIM = 16
ROWS = 6000
FILTERS: list[dict[str, object]] = [
    {},
    {"n": {"$lt": 3}},
    {"n": {"$gte": 1}, "tags": {"$contains_any": ["even"]}},
    {"$or": [{"n": 7}, {"deep.er": {"$exists": True}}]},
    {"n": {"$not": {"$lte": 8}}},
    {"n": {"$ne": None}},
    {"none": 1},
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def payload(id: int) -> bytes:
    if id % 11 == 0:
        return b""
    document: dict[str, object] = {"n": id % 10, "tags": ["even"] if id % 2 == 0 else []}
    if id % 100 == 1:
        document["deep"] = {"er": None}
    return json.dumps(document).encode()


def matching(model: dict[int, bytes], filter: dict[str, object]) -> set[int]:
    return {id for id, text in model.items() if oracle.matches(filter, json.loads(text or b"{}"))}


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[tuple[Snapshot, dict[int, bytes]]]:
    """A snapshot with a segment and a tail, and what should be in it."""
    async with Engine.open(str(tmp_path), EngineOptions()) as engine:
        await engine.ready()
        await engine.create_index(DIM, "l2")
        vectors = random_vectors(ROWS, DIM)
        model = {id: payload(id) for id in range(ROWS)}
        ids = np.arange(ROWS, dtype=np.uint64)
        await engine.upsert(ids, vectors, [model[id] for id in range(ROWS)])
        await engine.flush()
        await engine.upsert(ids[:500], random_vectors(500, DIM, seed=1), None)
        await engine.upsert(ids[100:200], vectors[100:200], [b'{"n":9}'] * 100)
        model.update(dict.fromkeys(range(100, 200), b'{"n":9}'))
        await engine.replace_payload(4000, b'{"n":null}')
        model[4000] = b'{"n":null}'
        dead = list(range(3000, 3700))
        written = await engine.delete(np.array(dead, np.uint64))
        for id in dead:
            del model[id]
        await engine.wait_for(written.lsn, 20.0)
        yield engine.snapshot(), model


async def test_everything_agrees_with_a_plain_model(
    stored: tuple[Snapshot, dict[int, bytes]],
) -> None:
    snapshot, model = stored
    assert {view.part.is_flat for view in snapshot.parts} == {True, False}
    masks = FilterCache()
    query = random_vectors(1, DIM, seed=3)[0]
    for form in FILTERS:
        filter, expected = parse_filter(form), matching(model, form)
        assert count(snapshot, masks, filter) == len(expected)
        assert {
            id for ids in matching_batches(snapshot, masks, filter, rows=50) for id in ids.tolist()
        } == expected
        found = facets(snapshot, masks, ("n",), filter, limit=99)
        documents = [json.loads(model[id] or b"{}") for id in expected]
        tally = Counter(document["n"] for document in documents if "n" in document)
        assert {each.value: each.count for each in found.values} == tally
        assert (found.rows, found.rows_with_field) == (len(expected), sum(tally.values()))
        numbers = field_range(snapshot, masks, ("n",), filter).numbers
        listed = [value for value in tally if value is not None]
        assert (numbers and (numbers.min, numbers.max)) == ((min(listed), max(listed)) if listed else None)
        whole = SearchRequest(vector=query, k=10_000, filter=filter)
        assert sorted(search(snapshot, whole, masks).ids.tolist()) == sorted(expected)
        exact = search(snapshot, SearchRequest(vector=query, k=10, filter=filter, exact=True), masks)
        quick = search(snapshot, SearchRequest(vector=query, k=10, filter=filter, ef_search=16), masks)
        assert len(exact) == len(quick) == min(10, len(expected))
        shared = set(exact.ids.tolist()) & set(quick.ids.tolist())
        assert len(shared) >= 0.5 * len(exact), "a walk finds most of what a scan does"


async def test_a_walk_meets_every_record_once(stored: tuple[Snapshot, dict[int, bytes]]) -> None:
    snapshot, model = stored
    masks, seen, cursor = FilterCache(), list[tuple[int, bytes | None]](), None
    while True:
        page = scroll(snapshot, masks, limit=700, cursor=cursor, payload=True)
        seen += [(record.id, record.payload) for record in page.records]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [(id, model[id] or b"{}") for id in sorted(model)]


async def test_plans_and_batches_over_real_parts(stored: tuple[Snapshot, dict[int, bytes]]) -> None:
    snapshot, model = stored
    masks = FilterCache()
    request = SearchRequest(id=42, k=5, ef_search=8, include_payload=True, explain=True)
    single = search(snapshot, request, masks)
    assert single.explain is not None
    assert {choice.method for choice in single.explain.parts} == {"scan", "walk"}
    assert single.explain.visited < snapshot.live
    assert 42 not in single.ids.tolist()
    assert single.payloads == [model[id] or b"{}" for id in single.ids.tolist()]
    others = [
        SearchRequest(vector=vector, k=5, filter=MATCH_ALL) for vector in random_vectors(3, DIM, seed=8)
    ]
    together = search_batch(snapshot, [request, *others], masks, threads=2)
    apart = [search(snapshot, each, masks) for each in (request, *others)]
    assert [each.ids.tolist() for each in together] == [each.ids.tolist() for each in apart]


async def test_a_record_found_by_id_is_nearest_to_itself(
    stored: tuple[Snapshot, dict[int, bytes]],
) -> None:
    snapshot, model = stored
    for id in (0, 150, 450, 2999, 4000, ROWS - 1):
        record = fetch_one(snapshot, id, payload=True, vector=True)
        assert record.payload == (model[id] or b"{}")
        assert record.vector is not None
        hits = search(snapshot, SearchRequest(vector=record.vector, k=1), FilterCache()).hits
        assert hits[0].id == id
        assert hits[0].distance == pytest.approx(0, abs=1e-3)
