"""Damage in one backup stays in that one: it is named, later ones are whole, nothing half made is left."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from asteroid_cloud.indexer import Engine, EngineOptions, restore_backup
from asteroid_cloud.indexer.backup import earlier
from asteroid_cloud.indexer.backup.file_list import check_backup, read_backup
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk.layout import BACKUP_LIST
from asteroid_cloud.wal.errors import CorruptionError, StorageError
from tests.support.engines import contents, opened, u64, vectors
from tests.support.faulty_files import Fault, FaultyFiles

pytestmark = pytest.mark.anyio
FILES = LocalFiles()
DIM = 4
QUIET = EngineOptions(segments_max=8, idle_seal_s=600, idle_flush_s=600, links_max=4, ef_construction=20)
Harm = Callable[[Path], None]


async def fill(engine: Engine, first: int) -> None:
    """Forty rows in a segment of their own, or merged with others."""
    ids = u64(*range(first, first + 40))
    await engine.upsert(ids, vectors(40, DIM, first), [b'{"n":1}'] * 40)
    await engine.flush()


def rot(path: Path, at: int | None = None) -> None:
    """Flips a bit, in the middle by default."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(data)


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "index").glob("segment-*"))


async def restored(backup: Path, into: Path) -> dict[int, object]:
    restore_backup(FILES, str(backup), str(into))
    async with opened(into, QUIET) as engine:
        return dict(contents(engine))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [rot, cut, remove])
async def test_row_6_one_bad_file_of_the_newest_backup_stays_in_that_backup(
    harm: Harm, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monday, tuesday, wednesday = (tmp_path / name for name in ("monday", "tuesday", "wednesday"))
    async with opened(tmp_path / "store", QUIET) as engine:
        await engine.create_index(DIM, "l2")
        await fill(engine, 0)
        await engine.backup(str(monday))
        await fill(engine, 100)
        bad = segments(monday)[0]
        harm(bad)
        caplog.set_level(logging.WARNING)
        made = await engine.backup(str(tuesday), str(monday))
        assert [each.partition(":")[0] for each in made.damaged] == [f"monday/index/{bad.name}"]
        assert any(f"monday/index/{bad.name}" in each.message for each in caplog.records)
        assert check_backup(FILES, str(tuesday)).lsn == made.lsn
        linked = await engine.backup(str(wednesday), str(tuesday))
        assert (linked.damaged, linked.linked_bytes > 0) == ([], True)
        wanted = contents(engine)
    with pytest.raises(CorruptionError, match=bad.name):
        check_backup(FILES, str(monday))
    assert await restored(tuesday, tmp_path / "one") == wanted
    assert await restored(wednesday, tmp_path / "two") == wanted


@pytest.mark.parametrize("text", [b"{", b'{"format":1}', b"\xff"])
async def test_a_list_that_does_not_read_makes_the_next_backup_a_full_one(
    text: bytes, tmp_path: Path
) -> None:
    async with opened(tmp_path / "store", QUIET) as engine:
        await engine.create_index(DIM, "l2")
        await fill(engine, 0)
        await engine.backup(str(tmp_path / "one"))
        (tmp_path / "one" / BACKUP_LIST).write_bytes(text)
        made = await engine.backup(str(tmp_path / "two"), str(tmp_path / "one"))
    assert [each.partition(":")[0] for each in made.damaged] == [f"one/{BACKUP_LIST}"]
    assert made.linked_bytes == 0
    check_backup(FILES, str(tmp_path / "two"))


@pytest.mark.parametrize("kind", ["graph", "payload", "fields"])
async def test_damage_in_the_store_is_named_and_not_backed_up(kind: str, tmp_path: Path) -> None:
    store, target = tmp_path / "store", tmp_path / "backup"
    async with opened(store, QUIET) as engine:
        await engine.create_index(DIM, "l2")
        await fill(engine, 0)
        (bad,) = (store / "index").glob(f"segment-*.{kind}")
        whole = bad.read_bytes()
        rot(bad)
        with pytest.raises(CorruptionError, match="the store itself is damaged") as found:
            await engine.backup(str(target))
        assert found.value.path == str(bad)
        assert not target.exists()
        bad.write_bytes(whole)
        await engine.backup(str(target))
    check_backup(FILES, str(target))


async def test_damage_in_the_log_of_the_store_is_not_backed_up(tmp_path: Path) -> None:
    store, target = tmp_path / "store", tmp_path / "backup"
    async with opened(store, QUIET) as engine:
        await engine.create_index(DIM, "l2")
        for first in (0, 1, 2):
            await engine.upsert(u64(first), vectors(1, DIM), None)
        (log,) = (store / "wal").glob("*.wal")
        rot(log)
        with pytest.raises(CorruptionError, match="the store itself is damaged") as found:
            await engine.backup(str(target))
        assert found.value.path == str(log)
        assert not target.exists()


async def test_a_whole_file_of_an_earlier_backup_stands_in_for_a_damaged_one_of_the_store(
    tmp_path: Path,
) -> None:
    store = tmp_path / "store"
    async with opened(store, QUIET) as engine:
        await engine.create_index(DIM, "l2")
        await fill(engine, 0)
        await engine.backup(str(tmp_path / "one"))
        wanted = contents(engine)
        rot(next((store / "index").glob("segment-*.graph")), 4100)
        made = await engine.backup(str(tmp_path / "two"), str(tmp_path / "one"))
        assert made.damaged == []
    assert await restored(tmp_path / "two", tmp_path / "again") == wanted


async def test_a_segment_of_another_history_is_not_linked_though_its_name_and_size_are_the_same(
    tmp_path: Path,
) -> None:
    """Both stores come from one backup, and give the same number to what each of them writes."""
    store, other, base = (tmp_path / name for name in ("store", "other", "base"))
    async with opened(store, QUIET) as engine:
        await engine.create_index(DIM, "l2")
        await engine.backup(str(base))
        await engine.upsert(u64(1), vectors(1, DIM, 1), None)
        await engine.flush()
        await engine.backup(str(tmp_path / "left"))
    restore_backup(FILES, str(base), str(other))
    async with opened(other, QUIET) as engine:
        await engine.upsert(u64(2), vectors(1, DIM, 2), None)
        await engine.flush()
        names = [(each.name, each.stat().st_size) for each in segments(other)]
        assert names == [(each.name, each.stat().st_size) for each in segments(store)]
        made = await engine.backup(str(tmp_path / "right"), str(tmp_path / "left"))
        wanted = contents(engine)
    assert made.damaged == []
    assert await restored(tmp_path / "right", tmp_path / "again") == wanted


async def test_a_backup_that_fails_anywhere_leaves_nothing_and_works_the_next_time(tmp_path: Path) -> None:
    files = FaultyFiles(FILES)
    target, stops = tmp_path / "backup", 0
    async with Engine.open(str(tmp_path / "store"), QUIET, files=files) as engine:
        await engine.ready()
        await engine.create_index(DIM, "l2")
        await fill(engine, 0)
        for fault, step in ((Fault.IO_ERROR, 1), (Fault.NO_SPACE, 7)):
            for at in range(1, 200, step):
                files.arm(at, fault, path_contains=target.name)
                try:
                    await engine.backup(str(target))
                except StorageError:
                    assert not target.exists()
                    stops += 1
                    continue
                break
            assert read_backup(FILES, str(target)).lsn == engine.applied_lsn
            shutil.rmtree(target)
    assert stops > 30


async def test_relying_on_an_unread_file_would_be_seen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier, "check_file", lambda files, folder, listed: None)
    with pytest.raises((AssertionError, CorruptionError)):
        await test_row_6_one_bad_file_of_the_newest_backup_stays_in_that_backup(rot, tmp_path, caplog)
