"""Rows without a vector: each part holds their ids and payloads, and no search by distance meets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asteroid_cloud import query
from asteroid_cloud.indexer import Engine, EngineOptions, FeedParts, IndexSpec, Mixed, SetFields, Upserts
from asteroid_cloud.indexer.check.verify import Verification
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.indexer.model.errors import no_vector_given
from asteroid_cloud.indexer.reindex.reindex import Reindex
from asteroid_cloud.query import FilterCache, RecallRequest, SearchRequest, parse_filter
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import Conflict, InvalidRequest
from asteroid_cloud.wal.format import RowsWritten, bare_rows
from asteroid_cloud.wal.format.events import packed_bits
from asteroid_cloud.wal.read.selection import touching
from tests.support.engines import opened

pytestmark = pytest.mark.anyio
DIM = 4
OPTIONS = EngineOptions(
    seal_rows=64, segments_max=2, idle_seal_s=0.02, idle_flush_s=0.02, links_max=4, keep_log=True
)
Rows = dict[Any, tuple[Any, bytes]]
"""What there should be: for each id its vector, or None, and its payload."""


def id_of(number: int, ids: str) -> Any:
    return number if ids == "integer" else f"row {number}"


async def write(
    engine: Engine, rows: Rows, numbers: list[int], share: float, rng: np.random.Generator
) -> None:
    """Upserts rows of which about that share has no vector."""
    spec = engine.snapshot().spec
    keys = spec.ids.of([id_of(number, "string" if spec.has_string_ids else "integer") for number in numbers])
    vectors = rng.normal(size=(len(numbers), DIM)).astype(np.float32)
    bare = rng.random(len(numbers)) < share
    payloads = [b'{"n":%d}' % number for number in numbers]
    await engine.upsert(keys, vectors[~bare], payloads, bare=bare)
    for key, vector, is_bare, payload in zip(keys.tolist(), vectors, bare.tolist(), payloads, strict=True):
        rows[key] = (None if is_bare else vector, payload)


def check(engine: Engine, rows: Rows) -> None:
    """Everything is there, and searches give exactly what has a vector."""
    snapshot, cache = engine.snapshot(), FilterCache()
    assert snapshot.live == query.count(snapshot, cache) == len(rows)
    assert engine.stats().without_vector == sum(vector is None for vector, _ in rows.values())
    found = query.fetch(snapshot, snapshot.spec.ids.of(list(rows)), payload=True, vector=True)
    for (id_, (vector, payload)), record in zip(rows.items(), found, strict=True):
        assert record is not None
        assert (record.id, record.payload) == (id_, payload)
        assert (record.vector is None) == (vector is None)
        if vector is not None:
            assert record.vector == pytest.approx(vector, abs=0.01)
    page = query.scroll(snapshot, cache, limit=1000, vector=True)
    assert [record.id for record in page.records] == sorted(rows)
    low = parse_filter({"n": {"$lt": 100}})
    assert query.count(snapshot, cache, low) == sum(number_of(text) < 100 for _, text in rows.values())
    for filter in (parse_filter({}), low):
        expected = sorted(
            id_
            for id_, (vector, text) in rows.items()
            if vector is not None and (filter.matches_all or number_of(text) < 100)
        )
        for exact in (False, True):
            request = SearchRequest(vector=np.zeros(DIM, np.float32), k=1000, exact=exact, filter=filter)
            assert sorted(query.search(snapshot, request, cache).ids.tolist()) == expected
            if expected:
                few = SearchRequest(vector=np.ones(DIM, np.float32), k=1, exact=exact, filter=filter)
                assert len(query.search_batch(snapshot, [few, few], cache)[1].ids) == 1
    searchable = sum(vector is not None for vector, _ in rows.values())
    drawn = list(query.recalls(snapshot, RecallRequest(num=20), cache))
    assert len(drawn) == (min(20, searchable) if searchable > 1 else 0), "each is compared with others"


def number_of(text: bytes) -> int:
    return int(text.split(b":")[1].split(b",")[0].rstrip(b"}"))


@pytest.mark.parametrize("ids", ["integer", "string"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.97, 1.0])
async def test_any_mix_is_kept_by_writes_seals_merges_and_restarts(
    tmp_path: Path, ids: str, share: float
) -> None:
    rng, rows = np.random.default_rng(int(share * 100)), Rows()
    async with opened(tmp_path / "data", OPTIONS) as engine:
        await engine.create_index(DIM, "l2", ids=ids, vector="optional")
        for step in range(40):
            await write(engine, rows, rng.integers(0, 300, int(rng.integers(1, 30))).tolist(), share, rng)
            if step % 5 == 0:
                id_ = next(iter(rows))
                await engine.merge_payload(id_, b'{"x":1}')
                rows[id_] = rows[id_][0], b'{"n":%d,"x":1}' % number_of(rows[id_][1])
            if step % 7 == 0:
                gone = list(rows)[:3]
                await engine.delete(engine.snapshot().spec.ids.of(gone))
                for id_ in gone:
                    del rows[id_]
            if step % 11 == 0:
                await engine.flush()
            check(engine, rows)
        digest = snapshot_digest(engine.snapshot())
    async with opened(tmp_path / "data", OPTIONS) as engine:
        check(engine, rows)
        await engine.flush()
        await engine.purge()
        check(engine, rows)
        assert snapshot_digest(engine.snapshot()) == digest
        await engine.backup(str(tmp_path / "backup"))
    for folder in ("data", "backup"):
        report = Verification(LocalFiles(), str(tmp_path / folder)).run()
        assert not report.findings, report.findings
    compared = Reindex(LocalFiles(), str(tmp_path / "data"), OPTIONS).compare(lambda done, total: None)
    assert compared.agrees, compared


async def test_a_vector_comes_and_goes_and_its_payload_stays(tmp_path: Path) -> None:
    one, bare = np.array([1], np.uint64), np.array([True])
    vector = np.ones((1, DIM), np.float32)
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "cosine", vector="optional")
        for is_sealed in (False, True):
            await engine.upsert(one, vector, [b'{"a":1}'])
            await engine.upsert(one, vector[:0], None, bare=bare)
            if is_sealed:
                await engine.flush()
            record = query.fetch_one(engine.snapshot(), 1, payload=True, vector=True)
            assert (record.payload, record.vector) == (b'{"a":1}', None)
            with pytest.raises(Conflict) as refused:
                query.search(engine.snapshot(), SearchRequest(id=1), FilterCache())
            assert refused.value.code == "no_vector"
            await engine.replace_payload(1, b'{"a":2}')
            assert query.fetch_one(engine.snapshot(), 1, vector=True).vector is None
            await engine.upsert(one, vector, None)
            record = query.fetch_one(engine.snapshot(), 1, payload=True, vector=True)
            assert (record.payload, record.vector is None) == (b'{"a":2}', False)


async def test_where_vectors_are_required_none_is_left_out(tmp_path: Path) -> None:
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2")
        with pytest.raises(InvalidRequest) as refused:
            await engine.upsert(
                np.array([1], np.uint64), np.zeros((0, DIM), np.float32), None, bare=np.array([True])
            )
        assert refused.value.code == no_vector_given().code == "bad_vector"
        assert engine.snapshot().live == 0


async def test_of_a_batch_the_last_counts_with_a_vector_or_without(tmp_path: Path) -> None:
    ids, vectors = np.array([1, 2, 1, 2], np.uint64), np.ones((4, DIM), np.float32)
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2", vector="optional")
        await engine.upsert(ids, vectors[:2], None, bare=np.array([True, False, False, True]))
        found = query.fetch(engine.snapshot(), ids[:2], vector=True)
        assert [record is not None and record.vector is None for record in found] == [False, True]


async def test_the_feed_says_which_have_none(tmp_path: Path) -> None:
    ids = np.arange(5, dtype=np.uint64)
    vectors = np.arange(5 * DIM, dtype=np.float32).reshape(5, DIM)
    bare = np.array([True, False, True, False, False])
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2", vector="optional")
        await engine.upsert(ids, vectors[~bare], None, bare=bare)
        await engine.upsert(ids, vectors, None)
        with engine.changes(1, FeedParts(vectors=True)) as feed:
            first, second = await feed.next()
    assert first.bare is not None
    assert first.vectors is not None
    assert first.bare.tolist() == bare.tolist()
    assert (first.vectors[~bare] == vectors[~bare]).all()
    assert second.bare is None


def test_a_spec_says_whether_rows_need_a_vector() -> None:
    assert IndexSpec(3, "l2").needs_vectors


@pytest.mark.parametrize("is_sealed", [False, True])
async def test_a_mixed_write_changes_payloads_of_rows_without_a_vector(
    tmp_path: Path, is_sealed: bool
) -> None:
    """Those of a segment could not be applied, though the record was durable: the store stopped."""
    vectors, bare = np.ones((4, DIM), np.float32), np.array([True, False, True, False])
    async with opened(tmp_path / "data", OPTIONS) as engine:
        await engine.create_index(DIM, "l2", vector="optional")
        ids = engine.snapshot().spec.ids.of([1, 2, 3, 4])
        await engine.upsert(ids, vectors[~bare], [b'{"n":1}'] * 4, bare=bare)
        if is_sealed:
            await engine.flush()
        none = ids[:0]
        sets = [(id_, SetFields(b'{"s":1}', [])) for id_ in (1, 2, 3)]
        await engine.decided.write(Mixed(none, Upserts(none, vectors[:0]), sets=sets), 1000)
        rows: Rows = {1: (None, b'{"n":1,"s":1}'), 2: (vectors[1], b'{"n":1,"s":1}')}
        rows |= {3: (None, b'{"n":1,"s":1}'), 4: (vectors[3], b'{"n":1}')}
        check(engine, rows)
    async with opened(tmp_path / "data", OPTIONS) as engine:
        check(engine, rows)


@pytest.mark.parametrize("chosen", [[5], [6], [7, 5], [6, 8]])
def test_the_part_of_a_mixed_write_that_changes_some_rows_keeps_their_vectors(chosen: list[int]) -> None:
    vectors, bare = np.arange(8, dtype="<f4").reshape(2, 4), packed_bits([True, False, True, False])
    ids = np.array([5, 6, 7, 8], "<u8").tobytes()
    event = RowsWritten(b"", ids, vectors.tobytes(), [b"", b"{}", None, b""], bare=bare)
    [part] = touching(event, frozenset(chosen), {})
    assert isinstance(part, RowsWritten)
    kept = {6: vectors[0].tobytes(), 8: vectors[1].tobytes()}
    assert part.vectors == b"".join(kept.get(id_, b"") for id_ in sorted(chosen))
    assert bare_rows(part) == [id_ not in kept for id_ in sorted(chosen)]
