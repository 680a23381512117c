"""How much of its log a store keeps is the store's, whoever opens it (row 1)."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio import to_thread
from click.testing import CliRunner

from asteroid_cloud import api
from asteroid_cloud.api.cli.main import main
from asteroid_cloud.indexer import EngineOptions, restore_backup
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.read import LogReader
from tests.support.engines import opened, u64, vectors

pytestmark = pytest.mark.anyio
KEEPING = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=True)
SILENT = EngineOptions(idle_seal_s=600, idle_flush_s=600)


def first_lsn(store: Path) -> int:
    return LogReader(LocalFiles(), str(store / "wal")).first_lsn


async def write(store: Path, options: EngineOptions) -> None:
    """Rows that are sealed, after which a log that is not kept is trimmed."""
    async with opened(store, options) as engine:
        if engine.spec is None:
            await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(9)), vectors(9, 4), None)
        await engine.flush()


async def test_row_1_a_log_that_is_kept_whole_stays_whole_whoever_opens_the_store(tmp_path: Path) -> None:
    store, backup, into = (tmp_path / name for name in ("store", "backup", "into"))
    await write(store, KEEPING)
    await write(store, SILENT)
    assert first_lsn(store) == 1
    for command in (
        ("backup", str(backup), "--data", str(store)),
        ("verify", "--replay", "--data", str(store)),
        ("restore", str(backup), "--into", str(into)),
    ):
        assert CliRunner().invoke(main, command).exit_code == 0
    for each in (store, into):
        await write(each, SILENT)
        assert first_lsn(each) == 1, "also what is restored of it"
    await write(store, EngineOptions(keep_log=False))
    assert first_lsn(store) > 1


async def test_row_1_a_bound_stays_until_it_is_ended(tmp_path: Path) -> None:
    def change(**said: object) -> None:
        with api.open_blocking(tmp_path, dim=4, **said) as store:  # type: ignore[arg-type]  # of some type
            store.upsert(1, [0.0, 0.0, 0.0, 1.0])
            store.flush()

    await to_thread.run_sync(lambda: change(log_retention_bytes=2**30, log_retention_s=3600.0))
    for said in ({}, {"log_retention_s": "none"}):
        await to_thread.run_sync(lambda said=said: change(**said))
        assert first_lsn(tmp_path) == 1
    await to_thread.run_sync(lambda: change(log_retention_bytes="none"))
    assert first_lsn(tmp_path) > 1


async def test_a_restored_backup_without_a_word_about_it_keeps_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "store", SILENT) as engine:
        await engine.create_index(4, "l2")
        await engine.backup(str(tmp_path / "backup"))
    restore_backup(LocalFiles(), str(tmp_path / "backup"), str(tmp_path / "into"))
    await write(tmp_path / "into", SILENT)
    assert first_lsn(tmp_path / "into") > 1
