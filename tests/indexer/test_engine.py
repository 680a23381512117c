"""The engine: what is acknowledged is seen, stays, and is found right."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions, snapshot_digest
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, LockHeld, NotFound
from tests.support.engines import SMALL, contents, find, opened, u64, vectors

pytestmark = pytest.mark.anyio
DIM = 16


async def fill(engine: Engine, rows: int, first: int = 0, seed: int = 0) -> np.ndarray:
    """Creates the index if need be and inserts rows with payloads {"n": id}."""
    if engine.spec is None:
        await engine.create_index(DIM, "l2")
    drawn = vectors(rows, DIM, seed)
    for start in range(0, rows, 50):
        ids = np.arange(first + start, first + min(start + 50, rows), dtype=np.uint64)
        texts = [b'{"n":%d}' % id_ for id_ in ids.tolist()]
        await engine.upsert(ids, drawn[start : start + 50], texts)
    return drawn


async def test_a_write_is_seen_at_once_and_by_its_lsn(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(DIM, "cosine")
        written = await engine.upsert(u64(2**63), vectors(1, DIM), None)
        assert engine.snapshot().lsn == written.lsn == engine.applied_lsn == 2
        assert find(engine, vectors(1, DIM)[0], 5).ids.tolist() == [[2**63]]


@pytest.mark.parametrize("flush", [False, True])
async def test_a_restart_changes_nothing(tmp_path: Path, flush: bool) -> None:
    async with opened(tmp_path) as engine:
        await fill(engine, 300)
        await engine.delete(np.arange(0, 50, dtype=np.uint64))
        await engine.upsert(u64(60), vectors(1, DIM, 9), None)
        if flush:
            await engine.flush()
        before, digest = contents(engine), snapshot_digest(engine.snapshot())
        lsn = engine.applied_lsn
    async with opened(tmp_path) as engine:
        assert contents(engine) == before
        assert snapshot_digest(engine.snapshot()) == digest
        assert engine.applied_lsn == lsn
        assert engine.stats().vectors == 250


async def test_ids_of_any_size_cost_the_same(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(DIM, "l2")
        ids = u64(0, 2**31 + 5, 2**63, 2**64 - 1)
        await engine.upsert(ids, vectors(4, DIM), None)
        await engine.flush()
        for position, id_ in enumerate(ids.tolist()):
            assert find(engine, vectors(4, DIM)[position], 1).ids.tolist() == [[id_]]
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 64 * 1024


async def test_the_next_ten_are_right_after_the_nearest_200_of_3000_are_deleted(tmp_path: Path) -> None:
    async with opened(tmp_path, EngineOptions(seal_rows=3000)) as engine:
        await fill(engine, 3000)
        await engine.flush()
        query = vectors(1, DIM, 77)[0]
        everything = contents(engine)
        stored = np.array([everything[id_][0] for id_ in range(3000)])
        order = np.argsort(((stored - query) ** 2).sum(1), kind="stable")
        await engine.delete(order[:200].astype(np.uint64))
        for exact, at_least in ((True, 10), (False, 9)):
            hits = find(engine, query, 10, exact=exact)
            assert hits.found.tolist() == [10]
            assert len(set(hits.ids[0].tolist()) & set(order[200:210].tolist())) >= at_least
        assert find(engine, query, 3000).found.tolist() == [2800]


async def test_an_id_updated_300_times_is_found_once_and_hides_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        drawn = await fill(engine, 500)
        for turn in range(300):
            await engine.upsert(u64(7), vectors(1, DIM, 1000 + turn), None)
        await engine.upsert(u64(7), drawn[7:8], None)
        await engine.flush()
        hits = find(engine, drawn[7], 20)
        truth = np.argsort(((drawn - drawn[7]) ** 2).sum(1), kind="stable")[:20]
        assert hits.ids[0, 0] == 7
        assert hits.ids[0].tolist().count(7) == 1
        assert len(set(hits.ids[0].tolist()) & set(truth.tolist())) >= 18
        assert contents(engine)[7][1] == {"n": 7}, "the payload stays unless one is given"


async def test_payloads_stay_clear_and_change_as_the_contract_says(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await fill(engine, 100)
        one = vectors(1, DIM, 5)
        await engine.upsert(u64(1, 2, 3), vectors(3, DIM, 6), [None, b"", b'{"x":1}'])
        await engine.merge_payload(4, b'{"y":{"z":null,"w":2}}')
        await engine.replace_payload(5, b'{"only":null}')
        await engine.delete(u64(6))
        await engine.upsert(u64(6), one, None)
        stored = {id_: payload for id_, (_, payload) in contents(engine).items()}
        assert stored[1] == {"n": 1}
        assert stored[2] is None
        assert stored[3] == {"x": 1}
        assert stored[4] == {"n": 4, "y": {"w": 2}}
        assert stored[5] == {"only": None}
        assert stored[6] is None, "after a delete an id starts with no payload"


async def test_within_a_batch_the_last_one_wins(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(DIM, "l2")
        drawn = vectors(3, DIM)
        result = await engine.upsert(u64(9, 8, 9), drawn, [b'{"first":1}', None, None])
        assert result.affected == 3
        assert find(engine, drawn[2], 1).ids.tolist() == [[9]]
        assert contents(engine)[9][1] == {"first": 1}
        assert engine.stats().vectors == 2


async def test_kills_after_a_checkpoint_do_not_cost_a_payload(tmp_path: Path) -> None:
    """Replay must meet the rows as the checkpoint's record left them, not as later ones did."""
    async with opened(tmp_path, EngineOptions(seal_rows=64)) as engine:
        await fill(engine, 40)
        await engine.flush()
        await engine.upsert(u64(3), vectors(1, DIM, 8), None)
        await engine.merge_payload(4, b'{"more":1}')
        before = contents(engine)
    async with opened(tmp_path) as engine:
        assert contents(engine) == before
        await engine.flush()
        assert contents(engine) == before


async def test_void_calls_say_why(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        with pytest.raises(Conflict, match="no index"):
            engine.snapshot()
        await engine.create_index(DIM, "l2")
        with pytest.raises(Conflict) as again:
            await engine.create_index(DIM, "l2")
        assert again.value.code == "index_already_initialized"
        with pytest.raises(InvalidRequest) as wrong:
            await engine.upsert(u64(1), vectors(1, DIM + 1), None)
        assert wrong.value.code == "wrong_dim"
        for call in (engine.replace_payload, engine.merge_payload):
            with pytest.raises(NotFound):
                await call(5, b"{}")
        lsn = engine.applied_lsn
        assert (await engine.delete(u64(1, 2))).affected == 0
        assert engine.applied_lsn == lsn, "a delete of nothing writes nothing"


async def test_a_batch_that_does_not_fit_together_never_reaches_the_log(tmp_path: Path) -> None:
    """It would be in the log for ever, and each restart would trip over it."""
    async with opened(tmp_path) as engine:
        await engine.create_index(DIM, "l2")
        lsn = engine.applied_lsn
        for ids, rows, payloads in [(2, 3, None), (3, 2, None), (2, 2, [None]), (2, 2, [b"{}"] * 3)]:
            with pytest.raises(InvalidRequest):
                await engine.upsert(u64(*range(ids)), vectors(rows, DIM), payloads)
        assert engine.applied_lsn == lsn
        await engine.upsert(u64(*range(20_000)), np.zeros((20_000, DIM), np.float32), None)
    async with opened(tmp_path) as engine:
        assert engine.stats().vectors == 20_000


async def test_deleting_the_index_removes_everything_for_good(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await fill(engine, 200)
        await engine.flush()
        await engine.delete_index()
        assert engine.spec is None
        await engine.create_index(4, "ip")
        await engine.upsert(u64(1), vectors(1, 4), None)
        await engine.flush()
    async with opened(tmp_path) as engine:
        assert engine.stats().vectors == 1
        assert engine.spec == engine.snapshot().spec
        assert not list((tmp_path / "index").glob("segment-000000000001.*"))


async def test_flushing_trims_the_log_and_merging_keeps_segments_few(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await fill(engine, 2000)
        await engine.flush()
        assert engine.stats().lag_records == 0
        assert engine.stats().log_bytes < 4096
        with anyio.fail_after(60):
            while engine.stats().segments > 5 or engine.stats().merging:
                await anyio.sleep(0.02)
        assert engine.stats().vectors == 2000 == len(contents(engine))


async def test_dead_rows_leave_the_disk(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await fill(engine, 1000)
        await engine.flush()
        full = engine.stats().segment_bytes
        await engine.delete(np.arange(900, dtype=np.uint64))
        await engine.flush()
        with anyio.fail_after(60):
            while engine.stats().tombstones or engine.stats().segments > 1:
                await anyio.sleep(0.02)
        assert engine.stats().segment_bytes < full / 4
        assert engine.stats().vectors == 100


async def test_a_store_is_open_once(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(LockHeld):
            async with Engine.open(str(tmp_path)):
                raise AssertionError("opened twice")
    async with opened(tmp_path):
        pass  # and again, once the first has gone


async def test_writers_wait_while_the_tail_is_full(tmp_path: Path) -> None:
    tight = EngineOptions(seal_rows=16, memory_budget_bytes=1 << 20, ef_construction=20)
    async with opened(tmp_path, tight) as engine:
        await engine.create_index(DIM, "l2")
        peak = 0
        for start in range(0, 2000, 20):
            ids = np.arange(start, start + 20, dtype=np.uint64)
            await engine.upsert(ids, vectors(20, DIM, start), None)
            peak = max(peak, engine.stats().tail_rows)
        assert peak <= tight.tail_rows_max
        assert engine.stats().vectors == 2000


@pytest.mark.parametrize("flushed", [True, False])
async def test_a_bulk_load_counts_at_once_and_survives(tmp_path: Path, flushed: bool) -> None:
    drawn = vectors(700, DIM)
    async with opened(tmp_path) as engine:
        await engine.create_index(DIM, "cosine")
        async with engine.bulk() as loader:
            await loader.rows(drawn[:400])
            await loader.rows(drawn[400:])
            await loader.payloads(5, [b'{"five":5}', None, b'{"seven":7}'])
            assert engine.stats().vectors == 0
            result = await loader.commit(2)
        assert (result.rows, result.payloads) == (700, 2)
        before = contents(engine)
        assert len(before) == 700
        assert before[5][1] == {"five": 5}
        assert before[6][1] is None
        if flushed:
            await engine.flush()
        hits = find(engine, drawn[:100], 1)
        assert float(np.mean(hits.ids[:, 0] == np.arange(100))) > 0.98
    async with opened(tmp_path) as engine:
        assert contents(engine) == before


async def test_a_bulk_load_that_is_left_leaves_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(DIM, "l2")
        async with engine.bulk() as loader:
            await loader.rows(vectors(100, DIM))
        await engine.flush()
        assert engine.stats().vectors == 0
        assert engine.stats().log_bytes < 4096
        await fill(engine, 10)
        with pytest.raises(Conflict) as full:
            async with engine.bulk():
                pass
        assert full.value.code == "index_not_empty"


async def test_a_snapshot_outlives_the_files_of_its_segments(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await fill(engine, 300)
        await engine.flush()
        snapshot = engine.snapshot()

        def names() -> set[str]:
            return {path.name for path in (tmp_path / "index").glob("segment-*")}

        before = names()
        everything = np.arange(300, dtype=np.uint64)
        await engine.delete(everything[everything % 3 > 0])  # so that every segment is worth rewriting
        await engine.flush()
        with anyio.fail_after(60):
            while names() & before or engine.stats().tombstones:
                await anyio.sleep(0.02)
        for view in snapshot.parts:
            everyone = np.arange(view.rows, dtype=np.uint32)
            ids, payloads = view.ids(everyone).tolist(), view.payloads(everyone)
            assert [msgspec.json.decode(text)["n"] for text in payloads] == ids
            assert view.vectors(everyone).shape == (view.rows, DIM)


async def test_stats_count_exactly(tmp_path: Path) -> None:
    async with opened(tmp_path, SMALL) as engine:
        await fill(engine, 130)
        await engine.delete(u64(1, 2, 3))
        stats = engine.stats()
        assert stats.vectors == engine.snapshot().live == 127
        assert stats.last_lsn == stats.durable_lsn == engine.applied_lsn
        assert msgspec.json.decode(msgspec.json.encode(stats))["dim"] == DIM
