"""Restores to a point in time: every record, tags, moments, backups, in place and undone, through crashes."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
import pytest
from anyio import to_thread

from asteroid_cloud.indexer import Engine, EngineOptions, Point, PointInTimeRestore, undo_replacement
from asteroid_cloud.indexer.backup.swap_in import finish_swap
from asteroid_cloud.indexer.check.verify import Verification
from asteroid_cloud.indexer.history.purge import PurgeReport
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.append.log import Retention
from asteroid_cloud.wal.append.sequencer import Sequencer
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, LockHeld, LogPruned, NotFound, StorageError
from asteroid_cloud.wal.lsn import HISTORY_LSNS, Lsn
from tests.support.engines import contents, opened, u64, vectors
from tests.support.faulty_files import Fault, FaultyFiles
from tests.support.probe import inside
from tests.support.store_image import image_of, read_only

pytestmark = pytest.mark.anyio
ALL = EngineOptions(seal_rows=8, segments_max=2, idle_seal_s=0.01, idle_flush_s=0.02, keep_log=True)
SOME = EngineOptions(seal_rows=8, segments_max=2, log_retention=Retention(bytes_max=2**30))
Contents = dict[int, object]


async def write(engine: Engine, seen: dict[int, Contents], rounds: int = 8) -> None:
    """A history with every kind of record; ``seen`` gets what the index held after each."""

    async def note() -> None:
        seen[engine.applied_lsn] = dict(contents(engine)) if engine.spec else {}

    await engine.create_index(4, "l2")
    await note()
    for number in range(rounds):
        ids = np.arange(number, number + 5, dtype=np.uint64)
        await engine.upsert(ids, vectors(5, 4, number), [b'{"n":%d}' % number] * 5)
        await note()
        await engine.merge_payload(number, b'{"m":1}')
        await note()
        await engine.delete(u64(number + 2))
        await note()


async def held(path: Path) -> Contents:
    """What a store holds."""
    assert Verification(LocalFiles(), str(path)).run().findings == []
    async with opened(path, ALL) as engine:
        return dict(contents(engine)) if engine.spec else {}


def journey(path: Path, log: Path | None = None) -> PointInTimeRestore:
    return PointInTimeRestore(LocalFiles(), str(path), None if log is None else str(log))


async def test_to_every_record_there_ever_was(tmp_path: Path) -> None:
    seen: dict[int, Contents] = {0: {}}
    async with opened(tmp_path / "store", ALL) as engine:
        await write(engine, seen)
        await engine.delete_index()
        seen[engine.applied_lsn] = {}
        await engine.create_index(4, "l2")
        async with engine.bulk() as loader:
            await loader.rows(vectors(20, 4))
            await loader.commit(1)
        seen[engine.applied_lsn] = dict(contents(engine))
    for lsn, expected in seen.items():
        into = tmp_path / f"at{lsn}"
        done = journey(tmp_path / "store").to_new(str(into), Point(lsn=lsn))
        assert (done.lsn, done.base_lsn + done.records) == (lsn, lsn)
        assert await held(into) == expected, f"at record {lsn}"
    newest = journey(tmp_path / "store").to_new(str(tmp_path / "newest"), Point())
    assert newest.lsn == max(seen)
    with pytest.raises(InvalidRequest, match="the log ends with record"):
        journey(tmp_path / "store").to_new(str(tmp_path / "beyond"), Point(lsn=max(seen) + 1))


async def test_from_a_tag_when_the_log_does_not_reach_back(tmp_path: Path) -> None:
    seen: dict[int, Contents] = {}
    async with opened(tmp_path / "store", SOME) as engine:
        await write(engine, seen, 3)
        tagged = (await engine.tag("here")).lsn
        await inside(engine).log.rotate()
        await inside(engine).log.trim(Lsn(inside(engine).log.durable_lsn + 1))
        await engine.upsert(u64(100), vectors(1, 4), None)
        seen[engine.applied_lsn] = dict(contents(engine))
        await engine.delete(u64(3))
        seen[engine.applied_lsn] = dict(contents(engine))
        await engine.flush()
        first = inside(engine).log.first_lsn
    assert first == tagged + 1
    for lsn in range(tagged, tagged + 3):
        done = journey(tmp_path / "store").to_new(str(tmp_path / f"at{lsn}"), Point(lsn=lsn))
        assert await held(tmp_path / f"at{lsn}") == seen[lsn]
    assert done.base == "the checkpoint"
    by_name = journey(tmp_path / "store").to_new(str(tmp_path / "by-name"), Point(tag="here"))
    assert (by_name.base, by_name.lsn) == ("tag here", tagged)
    with pytest.raises(LogPruned, match=rf"There is a way to {tagged} \(tag here\)"):
        journey(tmp_path / "store").to_new(str(tmp_path / "gone"), Point(lsn=tagged - 1))
    with pytest.raises(NotFound):
        journey(tmp_path / "store").to_new(str(tmp_path / "gone"), Point(tag="nowhere"))


async def test_to_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ms = 1_000_000
    monkeypatch.setattr(Sequencer, "now_ms", staticmethod(lambda: now_ms))
    states = {}
    async with opened(tmp_path / "store", ALL) as engine:
        await engine.create_index(4, "l2")
        for number in range(5):
            now_ms += 1000
            await engine.upsert(u64(number), vectors(1, 4), None)
            states[now_ms] = set(contents(engine))
    for moment, expected in states.items():
        for after_ms in (0, 999):
            into = tmp_path / f"at{moment}-{after_ms}"
            journey(tmp_path / "store").to_new(str(into), Point(time_ms=moment + after_ms))
            assert set(await held(into)) == expected


async def test_a_backup_continues_with_the_log_of_its_store(tmp_path: Path) -> None:
    seen: dict[int, Contents] = {}
    store, copy = tmp_path / "store", tmp_path / "copy"
    async with opened(store, SOME) as engine:
        await write(engine, seen, 2)
        await engine.flush()
        made = await engine.backup(str(copy))
        await engine.upsert(u64(50), vectors(1, 4), None)
        seen[engine.applied_lsn] = dict(contents(engine))
        await engine.flush()
        await engine.delete(u64(50))
        seen[engine.applied_lsn] = dict(contents(engine))
        for lsn in (made.lsn, made.lsn + 1, made.lsn + 2):  # the store is in use meanwhile
            into = tmp_path / f"at{lsn}"
            done = await to_thread.run_sync(journey(copy, store).to_new, str(into), Point(lsn=lsn))
            assert done.base == "the backup"
            assert await held(into) == seen[lsn]
    with pytest.raises(InvalidRequest, match="the log ends"):
        journey(copy).to_new(str(tmp_path / "short"), Point(lsn=made.lsn + 1))
    with pytest.raises(InvalidRequest, match="stays what it is"):
        journey(copy).in_place(Point(lsn=made.lsn))
    with pytest.raises(InvalidRequest, match="only a backup"):
        journey(store, store)
    journey(store).in_place(Point(lsn=made.lsn))
    with pytest.raises(Conflict) as left:
        journey(copy, store)
    assert left.value.code == "another_store"


async def test_in_place_and_back_again(tmp_path: Path) -> None:
    seen: dict[int, Contents] = {}
    files = LocalFiles()
    async with opened(tmp_path, ALL) as engine:
        await write(engine, seen, 2)
        early = await engine.tag("early")
        await write_more(engine, 60)
        late = await engine.tag("late")
        newest, at_newest = engine.applied_lsn, dict(contents(engine))
        with pytest.raises(LockHeld):
            await to_thread.run_sync(journey(tmp_path).in_place, Point(tag="early"))
    done, aside = journey(tmp_path).in_place(Point(lsn=early.lsn + 1))
    assert (done.base, aside) == ("tag early", "replaced.1")
    async with opened(tmp_path, ALL) as engine:
        assert [tag.name for tag in await engine.tags()] == ["early"]
        assert engine.applied_lsn == done.began_at == HISTORY_LSNS
        await write_more(engine, 70)
        other = dict(contents(engine))
        await engine.tag("other")
    assert undo_replacement(files, str(tmp_path)) == "replaced.2"
    assert await held(tmp_path) == at_newest
    async with opened(tmp_path, ALL) as engine:
        assert engine.applied_lsn == 2 * HISTORY_LSNS
        assert [each.branched_at for each in engine.histories.branches] == [newest]
        assert [tag.name for tag in await engine.tags()] == ["late", "early"]
        assert late in await engine.tags()
    assert undo_replacement(files, str(tmp_path)) == "replaced.3"
    assert await held(tmp_path) == other
    async with opened(tmp_path, ALL) as engine:
        report: PurgeReport = await engine.purge()
        assert report.not_ours == []
    with pytest.raises(NotFound) as nothing:
        undo_replacement(files, str(tmp_path))
    assert nothing.value.code == "nothing_to_undo"


async def write_more(engine: Engine, first: int) -> None:
    """A few records more."""
    for id in range(first, first + 3):
        await engine.upsert(u64(id), vectors(1, 4, id), None)
        await engine.flush()


async def test_stopped_anywhere_it_is_the_one_or_the_other(tmp_path: Path) -> None:
    stops = set()
    for at in range(1, 200):
        store = tmp_path / f"run{at}"
        async with opened(store, ALL) as engine:
            await engine.create_index(4, "l2")
            await engine.upsert(u64(1), vectors(1, 4), None)
            await engine.tag("one")
            await engine.upsert(u64(2), vectors(1, 4), None)
        faulty = FaultyFiles(LocalFiles())
        faulty.arm(at, Fault.IO_ERROR, for_ever=True)
        try:
            PointInTimeRestore(faulty, str(store)).in_place(Point(tag="one"))
        except StorageError:
            pass
        else:
            break
        found = set(await held_after_crash(store))
        stops.add(tuple(found))
        assert found in ({1, 2}, {1})
    else:
        raise AssertionError("it never came through")
    assert stops == {(1, 2), (1,)}
    assert set(await held(store)) == {1}


async def held_after_crash(store: Path) -> Contents:
    """What a store holds that is opened after whatever happened."""
    async with opened(store, ALL) as engine:
        found = dict(contents(engine))
    assert not finish_swap(LocalFiles(), StoreLayout(str(store)).collection())
    assert Verification(LocalFiles(), str(store)).run().findings == []
    return found


async def test_points_that_are_none(tmp_path: Path) -> None:
    async with opened(tmp_path / "store") as engine:
        await engine.create_index(4, "l2")
    way = journey(tmp_path / "store")
    with pytest.raises(InvalidRequest):
        way.to_new(str(tmp_path / "a"), Point(lsn=1, tag="x"))
    with pytest.raises(InvalidRequest):
        way.to_new(str(tmp_path / "a"), Point(lsn=-1))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(Conflict):
        way.to_new(str(tmp_path / "full"), Point())
    with pytest.raises(NotFound):
        journey(tmp_path / "nothing")
    with anyio.fail_after(20):
        assert way.to_new(str(tmp_path / "a"), Point()).lsn == 1


async def test_a_restore_into_a_new_folder_changes_nothing_in_its_source(tmp_path: Path) -> None:
    source, into = tmp_path / "store", tmp_path / "new"
    async with opened(source, ALL) as engine:
        await write(engine, {}, 2)
        await engine.flush()
    (source / "LOCK").unlink()
    with read_only(source):
        before = image_of(source)
        journey(source).to_new(str(into), Point())
        assert image_of(source) == before
    async with opened(into, ALL) as copied, opened(source, ALL) as engine:
        assert contents(copied) == contents(engine)
