"""A backup and logs that continue it: a missing link is found and said; what is before it can be reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from asteroid_cloud.indexer import EngineOptions, Point, PointInTimeRestore
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import Conflict, LogPruned
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.transfer import export_log, import_log
from tests.support.engines import contents, opened, u64, vectors
from tests.support.probe import inside

pytestmark = pytest.mark.anyio
FILES = LocalFiles()
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600, links_max=4, ef_construction=20)


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """A backup up to record 2, and a store whose log begins with record 5."""
    path = tmp_path / "store"
    async with opened(path, QUIET) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(1), vectors(1, 4), None)
        await engine.backup(str(tmp_path / "backup"))
        for id_ in (2, 3):
            await engine.upsert(u64(id_), vectors(1, 4), None)
        await engine.flush()
        await inside(engine).log.rotate()
        await inside(engine).log.trim(Lsn(5))
        await engine.upsert(u64(4), vectors(1, 4), None)
    return path


@pytest.mark.parametrize("point", [Point(), Point(lsn=5), Point(lsn=4), Point(time_ms=10**14)])
async def test_a_missing_link_is_found_and_said_and_nothing_is_left(
    point: Point, store: Path, tmp_path: Path
) -> None:
    restore = PointInTimeRestore(FILES, str(tmp_path / "backup"), str(store))
    with pytest.raises(LogPruned, match="a link of the chain is missing: records 3 to 4") as missing:
        restore.to_new(str(tmp_path / "into"), point)
    assert str(tmp_path / "backup") in missing.value.message
    assert not (tmp_path / "into").exists()


async def test_what_the_backup_itself_holds_is_reached_all_the_same(store: Path, tmp_path: Path) -> None:
    restore = PointInTimeRestore(FILES, str(tmp_path / "backup"), str(store))
    restore.to_new(str(tmp_path / "into"), Point(lsn=2))
    async with opened(tmp_path / "into", QUIET) as engine:
        assert set(contents(engine)) == {1}


async def test_exported_files_with_one_missing_between_them_are_refused(tmp_path: Path) -> None:
    async with opened(tmp_path / "store", EngineOptions(keep_log=True)) as engine:
        await engine.create_index(4, "l2")
        for id_ in range(5):
            await engine.upsert(u64(id_), vectors(1, 4), None)
    log, into = str(tmp_path / "store" / "wal"), str(tmp_path / "into")
    for name, first, last in (("one", 1, 2), ("two", 3, 4), ("three", 5, 6)):
        export_log(FILES, log, str(tmp_path / name), Lsn(first), Lsn(last))
    import_log(FILES, str(tmp_path / "one"), into)
    with pytest.raises(Conflict, match="the file begins with record 5, the log ends with 2") as refused:
        import_log(FILES, str(tmp_path / "three"), into)
    assert refused.value.code == "lsn_mismatch"
    for name in ("two", "three"):
        import_log(FILES, str(tmp_path / name), into)
    async with opened(tmp_path / "into", QUIET) as engine:
        assert set(contents(engine)) == set(range(5))
