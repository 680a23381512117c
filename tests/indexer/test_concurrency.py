"""Writers and readers at once, while segments are sealed and merged: nobody sees what is half done."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import msgspec
import numpy as np
import pytest
from anyio import to_thread

from asteroid_cloud.indexer import Engine, EngineOptions, Snapshot, snapshot_digest
from tests.support.engines import contents, find, opened, u64, vectors

pytestmark = pytest.mark.anyio

DIM, WRITERS, TURNS, IDS = 6, 6, 40, 12
BUSY = EngineOptions(
    seal_rows=48, segments_max=2, idle_seal_s=0.003, idle_flush_s=0.005, ef_construction=20, links_max=4
)


class Writer:
    """Has ids of its own, whose newest turn it remembers; each batch writes all of them."""

    def __init__(self, number: int) -> None:
        self.ids = np.arange(number * IDS, (number + 1) * IDS, dtype=np.uint64)
        self.number = number

    async def work(self, engine: Engine) -> None:
        """Each write is visible once it is acknowledged, and the delete every few turns too."""
        for turn in range(TURNS):
            texts = [b'{"turn":%d}' % turn] * IDS
            written = await engine.upsert(self.ids, vectors(IDS, DIM, self.number), list(texts))
            snapshot = engine.snapshot()
            assert snapshot.lsn >= written.lsn
            assert turns_of(snapshot, self.ids) == [turn] * IDS
            if turn % 5 == 3:
                assert (await engine.delete(self.ids)).affected == IDS
                assert turns_of(engine.snapshot(), self.ids) == []


def turns_of(snapshot: Snapshot, ids: np.ndarray) -> list[int]:
    """The turn of each of ``ids`` that is alive; an id alive twice would be there twice."""
    turns: list[int] = []
    for view in snapshot.parts:
        rows = view.find(ids)
        texts = view.payloads(rows[rows >= 0].astype(np.uint32))
        turns += [msgspec.json.decode(text)["turn"] for text in texts]
    return turns


async def read(engine: Engine, done: anyio.Event) -> None:
    """Looks again and again: batches are whole, LSNs go up, old snapshots stay what they were."""
    old, digest = engine.snapshot(), await to_thread.run_sync(snapshot_digest, engine.snapshot())
    while not done.is_set():
        snapshot = engine.snapshot()
        assert snapshot.lsn >= old.lsn
        for number in range(WRITERS):
            turns = turns_of(snapshot, Writer(number).ids)
            assert len(turns) in (0, IDS)
            assert len(set(turns)) <= 1, "a batch is half there"
        assert sum(view.live for view in snapshot.parts) == snapshot.live
        assert await to_thread.run_sync(snapshot_digest, old) == digest
        old, digest = snapshot, await to_thread.run_sync(snapshot_digest, snapshot)


async def test_writers_and_readers_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path, BUSY) as engine:
        await engine.create_index(DIM, "l2")
        done = anyio.Event()
        async with anyio.create_task_group() as readers:
            for _ in range(2):
                readers.start_soon(read, engine, done)
            async with anyio.create_task_group() as writers:
                for number in range(WRITERS):
                    writers.start_soon(Writer(number).work, engine)
            done.set()
        assert engine.failure is None
        before = contents(engine)
        assert sorted(before) == list(range(WRITERS * IDS))
        assert all(payload == {"turn": TURNS - 1} for _, payload in before.values())
        for number in range(WRITERS):
            hits = find(engine, vectors(IDS, DIM, number), 1)
            assert hits.ids[:, 0].tolist() == Writer(number).ids.tolist()
    async with opened(tmp_path, BUSY) as engine:
        assert contents(engine) == before


async def test_cancelled_writers_leave_nothing_half_done(tmp_path: Path) -> None:
    """What a caller who has gone away began is there whole or not at all, and nobody behind it waits."""
    async with opened(tmp_path, BUSY) as engine:
        await engine.create_index(DIM, "l2")
        for turn in range(30):
            async with anyio.create_task_group() as group:
                group.start_soon(Writer(0).work, engine)
                group.start_soon(Writer(1).work, engine)
                for _ in range(turn):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        with anyio.fail_after(20):
            written = await engine.upsert(u64(99), vectors(1, DIM), None)
            await engine.flush()
        assert engine.applied_lsn >= written.lsn
        before = contents(engine)
        assert len(before) in (1, 1 + IDS, 1 + 2 * IDS)
    async with opened(tmp_path, BUSY) as engine:
        assert contents(engine) == before
