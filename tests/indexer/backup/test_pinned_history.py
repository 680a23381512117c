"""A backup pins all that it copies: what becomes superfluous meanwhile stays until it is done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions, Point, PointInTimeRestore
from asteroid_cloud.indexer.backup import writer
from asteroid_cloud.indexer.backup.file_list import check_backup
from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.backup.source import PinnedState
from asteroid_cloud.indexer.backup.write_backup import write_backup
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.append.log import Retention
from asteroid_cloud.wal.disk import CollectionLayout, Files
from asteroid_cloud.wal.errors import Conflict
from tests.support.engines import contents, opened, u64, vectors
from tests.support.probe import inside

pytestmark = pytest.mark.anyio
FILES = LocalFiles()
RETAINED = EngineOptions(
    idle_seal_s=600, idle_flush_s=600, segments_max=2, log_retention=Retention(age_ms_max=10**9)
)


def log_files(store: Path) -> list[str]:
    return sorted(path.name for path in (store / "wal").glob("*.wal"))


async def write_files(engine: Engine, ids: Iterable[int]) -> None:
    """One file of the log for each id."""
    for id_ in ids:
        await engine.upsert(u64(id_), vectors(1, 4, id_), None)
        await engine.flush()
        await inside(engine).log.rotate()


async def test_row_2_a_trim_of_the_retained_log_waits_for_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, copy = tmp_path / "store", tmp_path / "copy"
    async with opened(store, RETAINED) as engine:
        await engine.create_index(4, "l2")
        await write_files(engine, range(6))
        before, trimmer = log_files(store), inside(engine).checkpointer._trimmer
        assert len(before) > 5

        def trimmed_first(
            files: Files, layout: CollectionLayout, pinned: PinnedState, target: str, previous: str | None
        ) -> BackupReport:
            trimmer._retention = Retention()  # all of it has become too old
            anyio.from_thread.run(write_files, engine, range(100, 104))
            assert log_files(store)[: len(before)] == before
            with pytest.raises(Conflict):
                anyio.from_thread.run(engine.purge)
            return write_backup(files, layout, pinned, target, previous)

        monkeypatch.setattr(writer, "write_backup", trimmed_first)
        made = await engine.backup(str(copy))
        await engine.upsert(u64(200), vectors(1, 4, 200), None)
        await engine.flush()
        assert len(log_files(store)) < len(before)
    assert check_backup(FILES, str(copy)).lsn == made.lsn
    assert log_files(copy) == before
    PointInTimeRestore(FILES, str(copy)).to_new(str(tmp_path / "early"), Point(lsn=4))
    async with opened(tmp_path / "early") as engine:
        assert set(contents(engine)) == {0, 1, 2}
