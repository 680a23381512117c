"""Writes with conditions beside others: what was decided is still true where the record stands in the log."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, snapshot_digest
from asteroid_cloud.indexer.decide.items import NO_MATCH, NUMBER_OF, ItemConditions, OnExisting, Upserts
from asteroid_cloud.indexer.decide.mixed import Mixed, SetFields
from asteroid_cloud.indexer.decided_writes import TRIES_BESIDE_OTHERS
from asteroid_cloud.indexer.write_path import Writer
from asteroid_cloud.wal.errors import Conflict, NotFound
from tests.support.engines import contents, opened, u64

pytestmark = pytest.mark.anyio
DIM = 2


def rows(ids: list[int], on_existing: OnExisting, match: int = NO_MATCH, value: float = 0.0) -> Upserts:
    """Rows of these ids with one value."""
    vectors = np.full((len(ids), DIM), value, np.float32)
    modes = np.full(len(ids), NUMBER_OF[on_existing], np.uint8)
    return Upserts(u64(*ids), vectors, None, ItemConditions(np.full(len(ids), match, np.int64), modes))


async def test_of_many_that_insert_the_same_id_one_does(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as engine:
        await engine.create_index(DIM, "l2")

        async def insert(number: int) -> str:
            ids = [number % 7, 100 + number]
            try:
                await engine.decided.upsert(rows(ids, "fail", value=number))
            except Conflict as error:
                return error.code
            return "written"

        told = await asyncio.gather(*(insert(number) for number in range(70)))
        assert Counter(told) == {"written": 7, "id_exists": 63}
        stored = contents(engine)
        assert len(stored) == 14
        for number, what in enumerate(told):
            assert (100 + number in stored) == (what == "written")


async def test_what_is_skipped_and_what_is_deleted_meanwhile_add_up(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as engine:
        await engine.create_index(DIM, "l2")
        inserted, deleted = Counter[int](), Counter[int]()

        async def work(seed: int) -> None:
            draw = np.random.default_rng(seed)
            for _ in range(30):
                ids = draw.choice(12, int(draw.integers(1, 5)), replace=False).tolist()
                if draw.random() < 0.4:
                    gone = await engine.delete(u64(*ids))
                    deleted[0] += gone.affected
                else:
                    result = await engine.decided.upsert(rows(ids, "skip", value=seed))
                    assert result.counts.inserted + result.counts.skipped == len(ids)
                    assert result.counts.replaced == 0
                    inserted[0] += result.counts.inserted

        await asyncio.gather(*(work(seed) for seed in range(8)))
        assert inserted[0] - deleted[0] == engine.snapshot().live


async def test_no_update_is_lost_between_two_that_match_the_same_position(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as engine:
        await engine.create_index(DIM, "l2")
        await engine.decided.upsert(rows([1], "fail", value=0))
        lsn_of = {0: engine.applied_lsn}
        done, refused = 0, set[tuple[str, object]]()

        async def add() -> None:
            nonlocal done
            for _ in range(20):
                value, lsn = done, lsn_of[done]
                try:
                    result = await engine.decided.upsert(rows([1], "replace", lsn, value + 1))
                except Conflict as error:
                    refused.add((error.code, error.details["index"]))
                    continue
                assert done == value
                done, lsn_of[value + 1] = value + 1, result.lsn

        await asyncio.gather(*(add() for _ in range(6)))
        assert done >= 20
        assert refused == {("precondition_failed", 0)}
        assert contents(engine)[1][0][0] == pytest.approx(done, abs=0.1)


async def test_a_write_whose_ids_change_all_the_time_is_decided_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path / "data") as engine:
        await engine.create_index(DIM, "l2")
        tries, log = 0, Writer.log

        async def disturbed(self: Writer, *args: Any, **given: Any) -> Any:
            nonlocal tries
            if given.get("unchanged") is not None:
                tries += 1
                if tries <= TRIES_BESIDE_OTHERS:
                    await engine.upsert(u64(1), np.full((1, DIM), tries, np.float32), None)
            return await log(self, *args, **given)

        monkeypatch.setattr(Writer, "log", disturbed)
        result = await engine.decided.upsert(rows([2, 1], "skip"))
        assert tries == TRIES_BESIDE_OTHERS + 1
        assert (result.counts.inserted, result.counts.skipped) == (1, 1)
        assert contents(engine)[1][0][0] == pytest.approx(TRIES_BESIDE_OTHERS, abs=0.1)


async def test_refused_writes_leave_no_record_and_a_replay_decides_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as engine:
        await engine.create_index(DIM, "l2")
        await engine.decided.upsert(rows([1, 2, 3], "fail", value=1))
        before = engine.durable_lsn
        for bad, code in (
            (rows([4, 3], "fail"), "id_exists"),
            (rows([4, 4], "fail"), "id_exists"),
            (rows([2], "replace", 1), "precondition_failed"),
        ):
            with pytest.raises(Conflict) as caught:
                await engine.decided.upsert(bad)
            assert caught.value.code == code
        nothing = await engine.decided.upsert(rows([1, 2], "skip", value=2))
        assert (nothing.lsn, nothing.counts.skipped) == (engine.applied_lsn, 2)
        assert engine.durable_lsn == before
        await engine.decided.upsert(rows([3, 4, 4], "skip", value=3))
        expected, digest = contents(engine), snapshot_digest(engine.snapshot())
    async with opened(tmp_path / "data") as engine:
        assert contents(engine) == expected
        assert snapshot_digest(engine.snapshot()) == digest


async def test_an_index_that_is_made_anew_meanwhile_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path / "data") as engine:
        await engine.create_index(DIM, "l2")
        await engine.decided.upsert(rows([1], "fail"))
        log = Writer.log
        once: list[Engine] = [engine]

        async def replaced(self: Writer, *args: Any, **given: Any) -> Any:
            if given.get("unchanged") is not None and once:
                once.pop()
                await engine.delete_index()
                await engine.create_index(DIM, "cosine")
            return await log(self, *args, **given)

        monkeypatch.setattr(Writer, "log", replaced)
        result = await engine.decided.upsert(rows([1, 2], "skip", value=1))
        assert (result.counts.inserted, result.counts.skipped) == (2, 0)


def mixed(
    deletes: list[int], upserted: Upserts, patches: list[tuple[int, bytes]], sets: list[tuple[int, SetFields]]
) -> Mixed:
    return Mixed(u64(*deletes), upserted, patches, sets)


async def test_a_mixed_write_is_the_same_after_a_restart_and_is_refused_by_none(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as engine:
        await engine.create_index(DIM, "l2")
        await engine.upsert(u64(*range(200)), np.ones((200, DIM), np.float32), [b'{"n":1}'] * 200)
        before = engine.durable_lsn
        fields = SetFields(b'{"s":null}', [["n"]])
        patches = [(300, b'{"p":1}'), (5, b'{"n":null}')]
        write = mixed([1, 2], rows([2, 300], "fail", value=3), patches, [(6, fields)])
        result = await engine.decided.write(write, 1000)
        counts = result.counts
        assert (result.lsn, engine.durable_lsn) == (before + 1, before + 1)
        assert (counts.deleted, counts.inserted, counts.replaced, counts.patched, counts.set) == (
            2,
            2,
            0,
            2,
            1,
        )
        with pytest.raises(NotFound) as caught:
            await engine.decided.write(mixed([6], rows([], "fail"), [], [(7, fields), (6, fields)]), 1000)
        assert (caught.value.details["list"], caught.value.details["index"]) == ("sets", 1)
        assert engine.durable_lsn == before + 1
        expected, digest = contents(engine), snapshot_digest(engine.snapshot())
        assert {id: expected.get(id, (0, "gone"))[1] for id in (1, 2, 5, 6, 300)} == {
            1: "gone", 2: None, 5: None, 6: {"s": None}, 300: {"p": 1},
        }  # fmt: skip
    async with opened(tmp_path / "data") as engine:
        assert contents(engine) == expected
        assert snapshot_digest(engine.snapshot()) == digest
        await engine.flush()
        assert snapshot_digest(engine.snapshot()) == digest


async def test_no_snapshot_shows_half_of_a_mixed_write(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as engine:
        await engine.create_index(DIM, "l2")
        await engine.upsert(u64(*range(10)), np.zeros((10, DIM), np.float32), [b'{"v":0}'] * 10)
        done = False

        async def swap() -> None:
            nonlocal done
            for turn in range(40):
                here, there = (0, 10) if turn % 2 == 0 else (10, 0)
                ids = [there + number for number in range(10)]
                patches = [(id, b'{"v":%d}' % (turn + 1)) for id in ids]
                upserted = rows(ids, "fail", value=turn + 1)
                await engine.decided.write(mixed(list(range(here, here + 10)), upserted, patches, []), 1000)
            done = True

        async def look() -> None:
            while not done:
                found = contents(engine)
                assert len(found) == 10
                assert len({str(payload) for _, payload in found.values()}) == 1
                assert {id // 10 for id in found} in ({0}, {1})
                await asyncio.sleep(0)

        await asyncio.gather(swap(), look())
