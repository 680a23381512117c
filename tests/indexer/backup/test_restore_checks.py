"""A restore refuses what is damaged, and what is not what was asked for; nothing changes then."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from asteroid_cloud.indexer import (
    EngineOptions,
    Point,
    PointInTimeRestore,
    backup_stopped_store,
    restore_backup,
)
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.append.sequencer import Sequencer
from asteroid_cloud.wal.disk.layout import INCOMPLETE
from asteroid_cloud.wal.errors import CorruptionError, InvalidRequest, StorageError
from asteroid_cloud.wal.transfer import export_log, import_log
from tests.support.engines import contents, opened, u64, vectors
from tests.support.store_image import image_of

pytestmark = pytest.mark.anyio
FILES = LocalFiles()
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600, links_max=4, ef_construction=20, keep_log=True)
TRIMMED = EngineOptions(idle_seal_s=600, idle_flush_s=600, links_max=4, ef_construction=20)


async def filled(path: Path, options: EngineOptions = QUIET) -> int:
    """A store with one segment; its newest record."""
    async with opened(path, options) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(10)), vectors(10, 4), None)
        await engine.flush()
        return engine.applied_lsn


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


async def test_a_backup_whose_making_has_not_ended_is_not_restored(tmp_path: Path) -> None:
    store, backup, into = tmp_path / "store", tmp_path / "backup", tmp_path / "into"
    await filled(store)
    backup_stopped_store(FILES, str(store), str(backup))
    (backup / INCOMPLETE).touch()  # it goes last: a crash may leave all else behind
    with pytest.raises(StorageError) as raised:
        restore_backup(FILES, str(backup), str(into))
    assert raised.value.code == "incomplete"
    assert not into.exists()


@pytest.mark.parametrize("in_place", [True, False])
async def test_a_damaged_segment_is_not_restored(in_place: bool, tmp_path: Path) -> None:
    store = tmp_path / "store"
    last = await filled(store)
    segment = next((store / "index").glob("segment-*.graph"))
    flip(segment, segment.stat().st_size // 2)
    before = {name: each for name, each in image_of(store).items() if name not in (".", "LOCK")}
    restore = PointInTimeRestore(FILES, str(store))
    run = restore.in_place if in_place else partial(restore.to_new, str(tmp_path / "into"))
    with pytest.raises(CorruptionError):
        run(Point(lsn=last))
    after = image_of(store)
    assert {name: after[name] for name in before} == before
    assert not (tmp_path / "into").exists()
    async with opened(store, QUIET) as engine:  # its log is whole, so the index is built again
        assert set(contents(engine)) == set(range(10))


async def test_the_log_of_a_backup_is_compared_with_its_list(tmp_path: Path) -> None:
    async with opened(tmp_path / "store", QUIET) as engine:
        await engine.create_index(4, "l2")
        for id_ in range(3):
            await engine.upsert(u64(id_), vectors(1, 4), None)
        await engine.backup(str(tmp_path / "backup"))
    log = max((tmp_path / "backup" / "wal").glob("*.wal"))
    flip(log, log.stat().st_size - 5)  # in the last frame: as a torn write looks
    for point in (Point(), Point(lsn=2)):
        with pytest.raises(CorruptionError, match="not as it was written"):
            PointInTimeRestore(FILES, str(tmp_path / "backup")).to_new(str(tmp_path / "into"), point)
        assert not (tmp_path / "into").exists()


async def test_a_time_to_come_is_refused_also_when_the_log_is_trimmed_to_the_checkpoint(
    tmp_path: Path,
) -> None:
    await filled(tmp_path / "store", TRIMMED)
    with pytest.raises(InvalidRequest) as refused:
        PointInTimeRestore(FILES, str(tmp_path / "store")).to_new(
            str(tmp_path / "into"), Point(time_ms=Sequencer.now_ms() + 3_600_000)
        )
    assert refused.value.code == "bad_point"
    assert not (tmp_path / "into").exists()


async def test_an_imported_store_is_restored_before_its_first_start(tmp_path: Path) -> None:
    await filled(tmp_path / "store")
    export_log(FILES, str(tmp_path / "store" / "wal"), str(tmp_path / "file"))
    import_log(FILES, str(tmp_path / "file"), str(tmp_path / "second"))
    done, _ = PointInTimeRestore(FILES, str(tmp_path / "second")).in_place(Point(lsn=1))
    assert (done.lsn, done.base) == (1, "the first record")
    async with opened(tmp_path / "second", QUIET) as engine:
        assert contents(engine) == {}
