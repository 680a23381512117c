"""A backup of a stopped store is a look: it writes nothing into its source (row 1)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from tests.support.engines import contents, opened, u64, vectors
from tests.support.store_image import image_of, read_only

pytestmark = pytest.mark.anyio
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=True)


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """Sealed rows, a retained log, a tag, records behind the checkpoint, and a torn tail."""
    path = tmp_path / "store"
    async with opened(path, QUIET) as engine:
        await engine.create_index(4, "l2")
        for first in (0, 10):
            await engine.upsert(u64(*range(first, first + 10)), vectors(10, 4, first), None)
            await engine.flush()
        await engine.tag("t")
        await engine.upsert(u64(3, 30), vectors(2, 4), None)
    log = max((path / "wal").glob("*.wal"))
    log.write_bytes(log.read_bytes() + b"torn")
    return path


@pytest.mark.parametrize("has_lock", [True, False])
async def test_row_1_a_backup_writes_nothing_into_a_stopped_store(store: Path, has_lock: bool) -> None:
    backup, into = store.parent / "backup", store.parent / "into"
    if not has_lock:
        (store / "LOCK").unlink()
    with read_only(store):
        before = image_of(store)
        made = call("backup", backup, "--data", store, "--json")
        assert made.exit_code == 0, made.output
        assert image_of(store) == before
    assert call("restore", backup, "--check").exit_code == 0
    assert call("restore", backup, "--into", into).exit_code == 0
    again = call("backup", store.parent / "second", "--data", store, "--previous", backup)
    assert again.exit_code == 0
    assert "of them linked" in again.stdout
    async with opened(store, QUIET) as engine, opened(into, QUIET) as copy:
        assert contents(copy) == contents(engine)
        assert [tag.name for tag in await copy.tags()] == ["t"]


async def test_a_backup_of_a_store_that_would_not_open_is_refused(store: Path) -> None:
    backup, (log,) = store.parent / "backup", (store / "wal").glob("*.wal")
    for harm, message in (
        (lambda: os.truncate(log, FILE_HEADER_BYTES), "the log ends"),
        (log.unlink, "no log"),
    ):
        harm()
        refused = call("backup", backup, "--data", store)
        assert refused.exit_code == 1
        assert message in refused.stderr
        assert not backup.exists()


async def test_a_backup_beside_a_server_says_how_servers_are_backed_up(store: Path) -> None:
    async with opened(store, QUIET):
        refused = call("backup", store.parent / "backup", "--data", store)
    assert refused.exit_code == 1
    assert "POST /v1/backup" in refused.stderr
    assert not (store.parent / "backup").exists()
