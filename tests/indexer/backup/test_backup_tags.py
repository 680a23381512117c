"""Tags, and what the store has lost, are part of a backup and come back with every kind of restore."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from asteroid_cloud.indexer import (
    Engine,
    EngineOptions,
    Point,
    PointInTimeRestore,
    Verification,
    acknowledge_losses,
    read_losses,
    reindex_into,
    restore_backup,
)
from asteroid_cloud.indexer.backup import writer
from asteroid_cloud.indexer.backup.file_list import check_backup
from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.backup.source import PinnedState
from asteroid_cloud.indexer.backup.write_backup import write_backup
from asteroid_cloud.indexer.loss.loss_record import record_loss
from asteroid_cloud.indexer.model.data_loss import LostRecords, LostSegment
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import CollectionLayout, Files, StoreLayout
from asteroid_cloud.wal.errors import StorageError
from tests.support.engines import contents, opened, u64, vectors
from tests.support.probe import inside

pytestmark = pytest.mark.anyio
FILES = LocalFiles()
QUIET = EngineOptions(
    segments_max=8, idle_seal_s=600, idle_flush_s=600, links_max=4, ef_construction=20, keep_log=True
)


async def with_tag(engine: Engine) -> None:
    """The tag "full" at forty rows, of which the index has only one now, in a segment of its own."""
    await engine.create_index(4, "l2")
    await engine.upsert(u64(*range(40)), vectors(40, 4), [b'{"n":1}'] * 40)
    await engine.tag("full")
    await engine.delete(u64(*range(39)))
    await engine.flush()
    await inside(engine).merger.rewrite_dead()
    await engine.flush()
    assert len(segments(engine) - live(engine)) == 1


def segments(engine: Engine) -> set[int]:
    """The segments that tags need."""
    tagged = inside(engine).history._tagged._by_name.values()
    return {number for numbers in tagged if numbers for number in numbers}


def live(engine: Engine) -> set[int]:
    return {segment.number for segment in inside(engine).state.segments}


async def held(store: Path) -> tuple[set[int], list[str]]:
    """The ids of a store and its tags."""
    assert Verification(FILES, str(store)).run().findings == []
    async with opened(store, QUIET) as engine:
        return set(contents(engine)), [tag.name for tag in await engine.tags()]


async def test_tags_come_back_with_a_restore_and_take_up_no_room_the_second_time(tmp_path: Path) -> None:
    one, two, again = (tmp_path / name for name in ("one", "two", "again"))
    async with opened(tmp_path / "store", QUIET) as engine:
        await with_tag(engine)
        first = await engine.backup(str(one))
        second = await engine.backup(str(two), str(one))
    tagged_bytes = sum(path.stat().st_size for path in (one / "index").glob("segment-000000000001.*"))
    assert tagged_bytes > 0
    assert first.bytes > tagged_bytes
    assert second.linked_bytes >= tagged_bytes
    for name, backup in (("one", one), ("two", two)):
        check_backup(FILES, str(backup))
        into = tmp_path / f"from-{name}"
        restore_backup(FILES, str(backup), str(into))
        assert await held(into) == ({39}, ["full"])
        PointInTimeRestore(FILES, str(into)).in_place(Point(tag="full"))
        assert await held(into) == (set(range(40)), ["full"])
    done = PointInTimeRestore(FILES, str(two)).to_new(str(again), Point(tag="full"))
    assert done.base == "tag full"
    assert await held(again) == (set(range(40)), ["full"])


async def test_a_restore_to_a_record_has_the_tags_up_to_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with opened(store, QUIET) as engine:
        await engine.create_index(4, "l2")
        tags = []
        for id_ in range(3):
            await engine.upsert(u64(id_), vectors(1, 4), None)
            tags.append((await engine.tag(f"tag{id_}")).lsn)
        await engine.backup(str(tmp_path / "backup"))
    for source in ("store", "backup"):
        into = tmp_path / f"of-{source}"
        PointInTimeRestore(FILES, str(tmp_path / source)).to_new(str(into), Point(lsn=tags[1]))
        assert await held(into) == ({0, 1}, ["tag1", "tag0"])


def missing(store: Path) -> None:
    (store / "index" / "segment-000000000001.graph").unlink()


def rotten(store: Path) -> None:
    graph = store / "index" / "segment-000000000001.graph"
    data = bytearray(graph.read_bytes())
    data[4100] ^= 1
    graph.write_bytes(data)


def unreadable(store: Path) -> None:
    tag = store / "tags" / "full"
    tag.write_bytes(tag.read_bytes()[:-1])


@pytest.mark.parametrize("harm", [missing, rotten, unreadable])
async def test_a_damaged_tag_does_not_keep_the_rest_from_being_backed_up(
    harm: object, tmp_path: Path
) -> None:
    store, copy, into = (tmp_path / name for name in ("store", "copy", "into"))
    async with opened(store, QUIET) as engine:
        await with_tag(engine)
        assert callable(harm)
        harm(store)
        made = await engine.backup(str(copy))
    (left_out,) = made.damaged
    assert left_out.startswith("tag full of the store, which is left out")
    check_backup(FILES, str(copy))
    assert not list((copy / "index").glob("segment-000000000001.*"))
    restore_backup(FILES, str(copy), str(into))
    assert await held(into) == ({39}, [])


async def test_a_tag_that_is_removed_meanwhile_is_in_the_backup_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, into = tmp_path / "copy", tmp_path / "into"
    async with opened(tmp_path / "store", QUIET) as engine:
        await with_tag(engine)

        def untagged_first(
            files: Files, layout: CollectionLayout, pinned: PinnedState, target: str, previous: str | None
        ) -> BackupReport:
            anyio.from_thread.run(engine.untag, "full")
            return write_backup(files, layout, pinned, target, previous)

        monkeypatch.setattr(writer, "write_backup", untagged_first)
        assert (await engine.backup(str(copy))).damaged == []
    restore_backup(FILES, str(copy), str(into))
    assert await held(into) == ({39}, ["full"])


async def test_what_a_store_has_lost_is_known_to_every_store_that_is_made_of_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    salvage = EngineOptions(recovery="salvage", keep_log=True)
    async with opened(store, QUIET) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(1), vectors(1, 4), None)
        await engine.flush()
        await engine.upsert(u64(2), vectors(1, 4), None)
    layout = StoreLayout(str(store)).collection()
    segment = LostSegment(
        segment=7, rows=3, lsn=2, least_id=None, greatest_id=None, reason="", kept=[], time_ms=1
    )
    record_loss(FILES, layout, segment)
    record_loss(FILES, layout, LostRecords(first_lsn=3, last_lsn=9, kept=[], time_ms=1))
    async with opened(store, salvage) as engine:
        await engine.flush()  # the checkpoint is later than "before" now
        await engine.backup(str(tmp_path / "backup"))
    restore_backup(FILES, str(tmp_path / "backup"), str(tmp_path / "restored"))
    PointInTimeRestore(FILES, str(tmp_path / "backup")).to_new(str(tmp_path / "newest"), Point(lsn=3))
    PointInTimeRestore(FILES, str(store)).to_new(str(tmp_path / "before"), Point(lsn=2))
    reindex_into(FILES, str(store), str(tmp_path / "replayed"), Point(), QUIET, lambda done, total: None)
    found = {}
    for name in ("restored", "newest", "before", "replayed"):
        losses = read_losses(FILES, str(tmp_path / name))
        found[name] = len(losses.segments), len(losses.records), losses.is_open
    assert found == {
        "restored": (1, 1, True),
        "newest": (1, 1, True),
        "before": (0, 0, False),  # built from a log that holds every record up to there
        "replayed": (0, 1, True),
    }
    with pytest.raises(StorageError, match="records 3 to 9"):
        async with opened(tmp_path / "restored", QUIET):
            pass
    acknowledge_losses(FILES, str(tmp_path / "restored"), 7)
    assert await held(tmp_path / "restored") == ({1, 2}, [])
