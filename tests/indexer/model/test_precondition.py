"""Writes that depend on what their id is: of two who read the same, one wins, whatever happens meanwhile."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import numpy as np
import pytest

from asteroid_cloud.indexer import Condition, Engine, EngineOptions
from asteroid_cloud.query import fetch_one
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, NotFound
from tests.support.engines import opened, u64, vectors

pytestmark = pytest.mark.anyio
ROW = vectors(1, 4)


async def refused(engine: Engine, id: int, condition: Condition) -> str:
    """The code with which an upsert under the condition is refused."""
    with pytest.raises((Conflict, InvalidRequest)) as caught:
        await engine.upsert(u64(id), ROW, None, condition=condition)
    return caught.value.code


async def test_counters_lose_no_increment(tmp_path: Path) -> None:
    async with opened(tmp_path, EngineOptions(seal_rows=16)) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(3)), vectors(3, 4), [b'{"n":0}'] * 3)
        done, codes = [0, 0, 0], set[str]()

        async def count_up(id: int) -> None:
            for _ in range(15):
                while True:
                    snapshot = engine.snapshot()
                    text = fetch_one(snapshot, id, payload=True).payload or b""
                    number = msgspec.json.decode(text)["n"] + 1
                    await anyio.sleep(0)
                    try:
                        await engine.replace_payload(
                            id, b'{"n":%d}' % number, condition=Condition(since=snapshot.lsn)
                        )
                    except Conflict as error:
                        codes.add(error.code)
                        continue
                    done[id] += 1
                    break

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                for number in range(6):
                    group.start_soon(count_up, number % 3)
        texts = [fetch_one(engine.snapshot(), id, payload=True).payload for id in range(3)]
    assert done == [30, 30, 30]
    assert codes == {"precondition_failed"}
    assert texts == [b'{"n":30}'] * 3


async def test_a_change_is_noticed_in_every_place_a_row_can_be(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(4, "l2")
        before = (await engine.upsert(u64(1, 2), vectors(2, 4), None)).lsn
        await engine.flush()
        await engine.upsert(u64(2), ROW, None)
        assert await refused(engine, 2, Condition(since=before)) == "precondition_failed"
        await engine.flush()
        assert await refused(engine, 2, Condition(since=before)) == "precondition_failed"
        await engine.upsert(u64(1), ROW, None, condition=Condition(since=before))
        assert await refused(engine, 1, Condition(since=before)) == "precondition_failed"
        await engine.delete(u64(1), condition=Condition(since=engine.applied_lsn))
        assert await refused(engine, 1, Condition(since=before)) == "precondition_failed"
        with pytest.raises(Conflict):
            await engine.delete(u64(1), condition=Condition(since=before))
        assert (await engine.delete(u64(1), condition=Condition(since=engine.applied_lsn))).affected == 0
        assert await refused(engine, 1, Condition(since=engine.applied_lsn + 1)) == "bad_if_match"
        with pytest.raises(NotFound):
            await engine.merge_payload(1, b"{}", condition=Condition(since=engine.applied_lsn))


async def test_a_segment_vouches_for_its_rows_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(1), ROW, None)
        await engine.flush()
        read = engine.applied_lsn
        await engine.upsert(u64(2), ROW, None)
    async with opened(tmp_path) as engine:
        await engine.replace_payload(1, b"{}", condition=Condition(since=read))
        assert await refused(engine, 2, Condition(since=read)) == "precondition_failed"
        assert await refused(engine, 3, Condition(since=read)) == "precondition_failed", "nobody knows"
        await engine.upsert(u64(3), ROW, None, condition=Condition(since=engine.applied_lsn))


async def test_only_one_creates_what_is_not_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(4, "l2")
        won, codes = list[int](), list[str]()

        async def create(number: int) -> None:
            try:
                await engine.upsert(
                    u64(7), np.full((1, 4), number, np.float32), None, condition=Condition(exists=False)
                )
            except Conflict as error:
                codes.append(error.code)
            else:
                won.append(number)

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(create, number)
        assert len(won) == 1
        assert codes == ["precondition_failed"] * 7
        vector = fetch_one(engine.snapshot(), 7, vector=True).vector
        assert vector is not None
        assert vector[0] == pytest.approx(won[0], abs=0.01)
        assert await refused(engine, 8, Condition(exists=True)) == "precondition_failed"
        await engine.upsert(u64(7), ROW, None, condition=Condition(exists=True))
        await engine.delete_index()
        await engine.create_index(4, "l2")
        await engine.upsert(u64(7), ROW, None, condition=Condition(exists=False))
