"""Going back in time begins another history: numbers never come twice, and what was left is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.indexer import (
    Condition,
    Engine,
    EngineOptions,
    FeedParts,
    Point,
    PointInTimeRestore,
    reindex_into,
    restore_backup,
    undo_replacement,
)
from asteroid_cloud.indexer.check.verify import Verification
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.append.sequencer import Sequencer
from asteroid_cloud.wal.errors import AsteroidError, Conflict, CorruptionError, InvalidRequest
from asteroid_cloud.wal.lsn import HISTORY_LSNS
from tests.support.engines import contents, opened, u64, vectors
from tests.support.probe import inside

pytestmark = pytest.mark.anyio
FILES = LocalFiles()
KEEP = EngineOptions(seal_rows=8, segments_max=2, idle_seal_s=60, idle_flush_s=60, keep_log=True)
TRIM = EngineOptions(keep_log=False, seal_rows=8, segments_max=2, idle_seal_s=60, idle_flush_s=60)


async def put(engine: Engine, *ids: int, seed: int = 0) -> int:
    """Writes rows one after the other; the last LSN."""
    lsn = 0
    for id_ in ids:
        lsn = (await engine.upsert(u64(id_), vectors(1, 4, id_ + seed), None)).lsn
    return lsn


async def filled(path: Path, options: EngineOptions = KEEP) -> int:
    """A store with a tag at record 2 and records up to 13."""
    async with opened(path, options) as engine:
        await engine.create_index(4, "l2")
        await put(engine, 1)
        assert (await engine.tag("early")).lsn == 2
        return await put(engine, *range(2, 13))


def restore(path: Path) -> PointInTimeRestore:
    return PointInTimeRestore(FILES, str(path))


def refused(call: Callable[[], object]) -> dict[str, object]:
    """The details of the ``other_history`` that a call is answered with."""
    with pytest.raises(Conflict) as raised:
        call()
    assert raised.value.code == "other_history"
    return raised.value.details


def feed_from(engine: Engine, since: int) -> None:
    """Opens a feed, and closes it."""
    with engine.changes(since, FeedParts()):
        pass


async def refused_write(engine: Engine, since: int) -> str:
    with pytest.raises(AsteroidError) as raised:
        await engine.upsert(u64(1), vectors(1, 4), None, condition=Condition(since=since))
    return raised.value.code


async def test_row_3_numbers_never_come_twice_and_positions_that_were_left_are_refused(
    tmp_path: Path,
) -> None:
    assert await filled(tmp_path) == 13
    done, _ = restore(tmp_path).in_place(Point(tag="early"))
    assert (done.lsn, done.began_at) == (2, HISTORY_LSNS)
    where = {"branched_at": 2, "began_at": HISTORY_LSNS}
    async with opened(tmp_path, KEEP) as engine:
        assert set(contents(engine)) == {1}
        assert refused(partial(feed_from, engine, 13)) == where, "before any write"
        assert await put(engine, *range(20, 40)) == HISTORY_LSNS + 20, "dense from the record that begins it"
        for left in (3, 13, HISTORY_LSNS - 1):
            assert refused(partial(feed_from, engine, left)) == where
            assert refused(partial(engine.histories.check, left)) == where
            assert await refused_write(engine, left) == "other_history"
        with pytest.raises(Conflict):
            await engine.wait_for(13, 0.0)
        await engine.wait_for(2, 0.0)
        with engine.changes(2, FeedParts()) as feed:
            assert [change.lsn for change in await feed.next()] == [HISTORY_LSNS + n for n in range(1, 21)]
        assert await refused_write(engine, 10 * HISTORY_LSNS) == "bad_if_match", "not reached yet"
        await engine.flush()
    async with opened(tmp_path, TRIM) as engine:  # now the log behind the checkpoint goes
        await put(engine, 99)
        await engine.flush()
        assert inside(engine).log.first_lsn > HISTORY_LSNS
        assert refused(lambda: engine.histories.check(13)) == where, "the manifest knows"
    assert Verification(FILES, str(tmp_path)).run().findings == []


async def test_undo_and_undo_of_it_are_histories_of_their_own(tmp_path: Path) -> None:
    await filled(tmp_path)
    restore(tmp_path).in_place(Point(lsn=2))
    async with opened(tmp_path, KEEP) as engine:
        name, second = engine.name, await put(engine, 50, 51)
    assert second == HISTORY_LSNS + 2
    undo_replacement(FILES, str(tmp_path))
    async with opened(tmp_path, KEEP) as engine:
        assert set(contents(engine)) == set(range(1, 13))
        assert await put(engine, 60) == 2 * HISTORY_LSNS + 1
        assert refused(lambda: engine.histories.check(second)) == {
            "branched_at": 13,
            "began_at": 2 * HISTORY_LSNS,
        }
        engine.histories.check(13)
        assert engine.name == name
    undo_replacement(FILES, str(tmp_path))
    async with opened(tmp_path, KEEP) as engine:
        assert set(contents(engine)) == {1, 50, 51}
        assert await put(engine, 70) == 3 * HISTORY_LSNS + 1
        engine.histories.check(second)
        for left in (13, second + 1, 2 * HISTORY_LSNS + 1):
            refused(partial(engine.histories.check, left))
        assert engine.name == name
    restore(tmp_path).in_place(Point(lsn=second))
    async with opened(tmp_path, KEEP) as engine:
        assert set(contents(engine)) == {1, 50, 51}
        assert engine.applied_lsn == 4 * HISTORY_LSNS
        assert inside(engine).recovery.records_replayed == 3
    assert Verification(FILES, str(tmp_path)).run().findings == []


async def test_an_undo_of_a_damaged_state_changes_nothing(tmp_path: Path) -> None:
    await filled(tmp_path)
    restore(tmp_path).in_place(Point(lsn=2))
    [log] = (tmp_path / "replaced.1" / "wal").glob("*.wal")
    data = bytearray(log.read_bytes())
    data[100] ^= 1
    log.write_bytes(data)
    with pytest.raises(CorruptionError):
        undo_replacement(FILES, str(tmp_path))
    assert log.exists()
    async with opened(tmp_path, KEEP) as engine:
        assert set(contents(engine)) == {1}


async def test_a_store_restored_into_a_new_folder_has_another_name_and_other_numbers(tmp_path: Path) -> None:
    store, backup = tmp_path / "store", tmp_path / "backup"
    await filled(store)
    async with opened(store, KEEP) as engine:
        made = (await engine.backup(str(backup))).lsn
        assert await put(engine, 100) == made + 1
        name = engine.name
        assert name == engine.identity.hex()
    restore_backup(FILES, str(backup), str(tmp_path / "a"))
    PointInTimeRestore(FILES, str(backup)).to_new(str(tmp_path / "b"), Point())
    reindex_into(FILES, str(store), str(tmp_path / "c"), Point(lsn=made), KEEP, lambda done, total: None)
    names = {name}
    for number, folder in enumerate("abc", 2):
        async with opened(tmp_path / folder, KEEP) as engine:
            assert await put(engine, 200) == HISTORY_LSNS + 1
            assert set(contents(engine)) == {*range(1, 13), 200}
            details = refused(lambda: engine.histories.check(made + 1))
            assert details == {"branched_at": made, "began_at": HISTORY_LSNS}
            names.add(engine.name)
            assert len(names) == number
        assert Verification(FILES, str(tmp_path / folder)).run().findings == []
    with pytest.raises(Conflict):  # two stores that were restored from one backup
        PointInTimeRestore(FILES, str(backup), str(tmp_path / "a"))


async def test_a_restore_goes_through_the_histories_before(tmp_path: Path) -> None:
    store = tmp_path / "store"
    await filled(store)
    restore(store).in_place(Point(lsn=5))
    async with opened(store, KEEP) as engine:
        last = await put(engine, 50, 51, 52)
    for lsn, ids in ((5, {1, 2, 3, 4}), (HISTORY_LSNS + 2, {1, 2, 3, 4, 50, 51}), (3, {1, 2})):
        done = restore(store).to_new(str(tmp_path / f"at{lsn}"), Point(lsn=lsn))
        assert (done.lsn, done.began_at) == (lsn, 2 * HISTORY_LSNS)
        assert done.records == (lsn if lsn < 10 else 5 + 3) - (2 if done.base_lsn else 0)
        async with opened(tmp_path / f"at{lsn}", KEEP) as engine:
            assert set(contents(engine)) == ids
            refused(partial(engine.histories.check, lsn + 1))
    assert restore(store).to_new(str(tmp_path / "newest"), Point()).lsn == last
    where = {"branched_at": 5, "began_at": HISTORY_LSNS}
    for left in (6, 13, HISTORY_LSNS - 1):
        assert refused(partial(restore(store).to_new, str(tmp_path / "left"), Point(lsn=left))) == where
        assert not (tmp_path / "left").exists()


async def test_figures_count_records_and_not_the_numbers_in_between(tmp_path: Path) -> None:
    await filled(tmp_path)
    restore(tmp_path).in_place(Point(lsn=13))
    async with opened(tmp_path, EngineOptions(idle_seal_s=1e9, idle_flush_s=1e9)) as engine:
        found = engine.stats()
        assert (found.lag_records, found.last_lsn) == (13 + 1 - 2, HISTORY_LSNS)
        await put(engine, 90)
        assert engine.stats().lag_records == 13
        assert inside(engine).sealer._due_in_s() > 0, "no checkpoint is due by the number of records"
        await engine.flush()
        assert engine.stats().lag_records == 0


async def test_segment_numbers_and_backups_go_on_behind_a_branch(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with opened(store, KEEP) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(np.arange(40, dtype=np.uint64), vectors(40, 4), None)
        await engine.flush()
        await engine.tag("one")
        await engine.upsert(np.arange(40, 80, dtype=np.uint64), vectors(40, 4, 1), None)
        await engine.flush()
        await engine.backup(str(tmp_path / "left"))
    restore(store).in_place(Point(tag="one"))
    async with opened(store, KEEP) as engine:
        await engine.upsert(np.arange(80, 120, dtype=np.uint64), vectors(40, 4, 2), None)
        await engine.flush()
        expected = dict(contents(engine))
        await engine.backup(str(tmp_path / "next"), str(tmp_path / "left"))
    restore_backup(FILES, str(tmp_path / "next"), str(tmp_path / "again"))
    async with opened(tmp_path / "again", KEEP) as engine:
        assert contents(engine) == expected


async def test_row_4_a_time_beyond_what_there_is_or_before_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, backup = tmp_path / "store", tmp_path / "backup"
    began_ms = Sequencer.now_ms()
    await filled(store)
    async with opened(store, KEEP) as engine:
        await engine.backup(str(backup))
    now_ms = Sequencer.now_ms()
    for source, time_ms in (
        (backup, now_ms + 1),
        (store, now_ms + 60_000),
        (store, 2_176_000_000_000),
        (store, began_ms - 1),
        (backup, began_ms - 1),
    ):
        with pytest.raises(InvalidRequest) as raised:
            restore(source).to_new(str(tmp_path / "into"), Point(time_ms=time_ms))
        assert raised.value.code == "bad_point"
        assert not (tmp_path / "into").exists()
        if source is store:
            with pytest.raises(InvalidRequest):
                reindex_into(
                    FILES, str(store), str(tmp_path / "into"), Point(time_ms=time_ms), KEEP, lambda *_: None
                )
    done = restore(store).to_new(str(tmp_path / "into"), Point(time_ms=now_ms))
    assert done.lsn == 13
    assert done.time_ms is not None
    assert began_ms <= done.time_ms <= now_ms


async def test_row_5_a_write_while_the_clock_was_ahead_does_not_end_a_restore_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_ms = 1_000_000
    monkeypatch.setattr(Sequencer, "now_ms", staticmethod(lambda: clock_ms))
    async with opened(tmp_path / "store", KEEP) as engine:
        await engine.create_index(4, "l2")
        for id_, step_ms in ((1, 1000), (2, 3_600_000), (3, 1000 - 3_600_000), (4, 1000)):
            clock_ms += step_ms
            await put(engine, id_)
            await engine.flush()
    async with opened(tmp_path / "store", TRIM) as engine:  # a restart does not forget the time
        await put(engine, 5)
        log = inside(engine).log
        times = [record.time_ms for record in log.read(log.first_lsn)]
        assert times == sorted(times)
        assert times[-1] == 1_000_000 + 1000 + 3_600_000
    for until_ms, ids in ((clock_ms, {1, 2, 3, 4, 5}), (clock_ms - 1, {1, 2, 3}), (clock_ms - 1001, {1})):
        into = tmp_path / f"at{until_ms}"
        restore(tmp_path / "store").to_new(str(into), Point(time_ms=until_ms))
        async with opened(into, KEEP) as engine:
            assert set(contents(engine)) == ids


async def test_a_checkpoint_knows_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock_ms = 1_000_000
    monkeypatch.setattr(Sequencer, "now_ms", staticmethod(lambda: clock_ms))
    async with opened(tmp_path / "store", TRIM) as engine:
        await engine.create_index(4, "l2")
        last = await put(engine, 1, 2, 3)
        await engine.flush()
        assert inside(engine).log.first_lsn == last + 1
        clock_ms += 5000
    done = restore(tmp_path / "store").to_new(str(tmp_path / "into"), Point(time_ms=1_000_000))
    assert (done.lsn, done.time_ms) == (last, 1_000_000)
    clock_ms = 500_000  # the log is empty, and the clock is behind
    async with opened(tmp_path / "store", TRIM) as engine:
        await put(engine, 4)
        [record] = inside(engine).log.read(inside(engine).log.first_lsn)
        assert (record.time_ms, record.clock_ms) == (1_000_000, 500_000)
