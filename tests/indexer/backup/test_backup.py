"""A backup holds what was acknowledged when it was made; half a backup is none; damage is not restored."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
import pytest

from asteroid_cloud.indexer import Engine
from asteroid_cloud.indexer.backup.file_list import check_backup, read_backup
from asteroid_cloud.indexer.backup.restore import restore_backup
from asteroid_cloud.wal.disk.layout import BACKUP_LIST
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.errors import Conflict, CorruptionError, NoSpace, NotFound
from tests.support.engines import SMALL, contents, opened, vectors
from tests.support.faulty_files import Fault, FaultyFiles

pytestmark = pytest.mark.anyio
DIM = 8
FILES = LocalFiles()


async def fill(engine: Engine, first: int, rows: int) -> None:
    ids = np.arange(first, first + rows, dtype=np.uint64)
    payloads = [b'{"row":%d}' % id_ for id_ in ids]
    await engine.upsert(ids, vectors(rows, DIM, first), payloads)


async def restored(backup: Path, into: Path) -> dict[int, object]:
    restore_backup(FILES, str(backup), str(into))
    async with opened(into) as engine:
        return dict(contents(engine))


async def test_a_backup_of_a_busy_store_is_the_store_as_of_its_lsn(tmp_path: Path) -> None:
    async with opened(tmp_path / "store") as engine:
        await engine.create_index(DIM, "l2")
        await fill(engine, 0, 300)
        await engine.flush()
        await fill(engine, 300, 40)
        await engine.delete(np.arange(0, 300, 3, dtype=np.uint64))
        before = contents(engine)
        stopped = False

        async def write_on() -> None:
            first = 1_000
            while not stopped:
                await fill(engine, first, 50)
                await engine.delete(np.arange(first, first + 25, dtype=np.uint64))
                first += 50

        async with anyio.create_task_group() as group:
            group.start_soon(write_on)
            reports = [await engine.backup(str(tmp_path / f"backup{n}")) for n in range(4)]
            stopped = True
    for n, report in enumerate(reports):
        assert check_backup(FILES, str(tmp_path / f"backup{n}")).lsn == report.lsn
        found = await restored(tmp_path / f"backup{n}", tmp_path / f"restored{n}")
        assert {id_: found[id_] for id_ in before} == before
        later = [id_ for id_ in found if id_ >= 1_000]
        # A batch is there whole, or its half that was not deleted, and every batch before the last one is.
        assert len(later) % 25 == 0
        assert later == [] or max(later) < 1_000 + 2 * len(later) + 50
    assert reports[-1].lsn >= reports[0].lsn


async def test_segments_that_are_there_already_are_linked(tmp_path: Path) -> None:
    first, second, third = (str(tmp_path / name) for name in ("one", "two", "three"))
    async with opened(tmp_path / "store") as engine:
        await engine.create_index(DIM, "l2")
        await fill(engine, 0, 200)
        await engine.flush()
        report = await engine.backup(first)
        assert report.linked_bytes == 0
        await engine.upsert(np.array([7], np.uint64), vectors(1, DIM, 99), None)
        report = await engine.backup(second, first)
        assert 0 < report.linked_bytes < report.bytes
        wanted = contents(engine)
        with pytest.raises(Conflict) as refused:
            await engine.backup(second, first)
        assert refused.value.code == "backup_exists"
        with pytest.raises(NotFound):
            await engine.backup(third, str(tmp_path / "store"))
    async with opened(tmp_path / "other") as engine:
        await engine.create_index(DIM, "l2")
        with pytest.raises(Conflict) as refused:
            await engine.backup(third, first)
        assert refused.value.code == "backup_of_another_store"
    for path in Path(first).rglob("*"):
        if path.is_file():
            path.unlink()
    assert await restored(Path(second), tmp_path / "restored") == wanted


async def test_an_empty_store_and_one_without_an_index_are_backed_up_too(tmp_path: Path) -> None:
    async with opened(tmp_path / "store") as engine:
        await engine.backup(str(tmp_path / "nothing"))
        await engine.create_index(DIM, "l2")
        await engine.backup(str(tmp_path / "empty"))
    restore_backup(FILES, str(tmp_path / "nothing"), str(tmp_path / "restored"))
    async with opened(tmp_path / "restored") as engine:
        assert engine.spec is None
    assert await restored(tmp_path / "empty", tmp_path / "again") == {}


async def test_a_copy_that_was_stopped_anywhere_is_no_backup(tmp_path: Path) -> None:
    files = FaultyFiles(LocalFiles())
    async with Engine.open(str(tmp_path / "store"), SMALL, files=files) as engine:
        await engine.ready()
        await engine.create_index(DIM, "l2")
        await fill(engine, 0, 30)
        await engine.flush()
        for number in range(1, 500):
            target = tmp_path / f"backup{number}"
            files.arm(number, Fault.NO_SPACE, "create", "write", "rename", path_contains=target.name)
            try:
                await engine.backup(str(target))
            except NoSpace:
                assert not target.exists(), "nothing half made is in the way of the next attempt"
                with pytest.raises(NotFound):
                    restore_backup(FILES, str(target), str(tmp_path / "never"))
                continue
            break
        assert number > 10
        await fill(engine, 30, 10)
        assert engine.stats().vectors == 40
        assert read_backup(FILES, str(target)).lsn < engine.applied_lsn


async def test_no_damaged_byte_is_restored(tmp_path: Path) -> None:
    async with opened(tmp_path / "store") as engine:
        await engine.create_index(DIM, "l2")
        await fill(engine, 0, 100)
        await engine.flush()
        await engine.backup(str(tmp_path / "backup"))
    names = [each.path for each in read_backup(FILES, str(tmp_path / "backup")).files]
    assert len(names) >= 5
    for number, name in enumerate(names):
        path = tmp_path / "backup" / name
        intact = path.read_bytes()
        middle = len(intact) // 2
        for kind, damaged in (
            ("cut", intact[:-1]),
            ("hit", intact[:middle] + b"\x55" + intact[middle + 1 :]),
        ):
            path.write_bytes(damaged)
            with pytest.raises(CorruptionError, match=path.name):
                check_backup(FILES, str(tmp_path / "backup"))
            with pytest.raises(CorruptionError, match=path.name):
                restore_backup(FILES, str(tmp_path / "backup"), str(tmp_path / f"into-{number}-{kind}"))
        path.write_bytes(intact)
    check_backup(FILES, str(tmp_path / "backup"))
    with pytest.raises(Conflict, match="not empty"):
        restore_backup(FILES, str(tmp_path / "backup"), str(tmp_path / "store"))


@pytest.mark.parametrize("path", ["../x", "index/../../x", "/etc/passwd", "other/x", "index/.x", "wal"])
def test_a_list_cannot_name_files_elsewhere(path: str, tmp_path: Path) -> None:
    text = '{"format":1,"identity":"00","lsn":1,"made_ms":1,"files":[{"path":"%s","bytes":1,"crc32":0}]}'
    (tmp_path / BACKUP_LIST).write_text(text % path)
    with pytest.raises(CorruptionError, match="no store has"):
        read_backup(FILES, str(tmp_path))
