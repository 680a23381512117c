"""One process has a store, whatever becomes of its lock file, its folder or its parent (rows 12 and 13)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.wal.disk.layout import LOCK
from asteroid_cloud.wal.errors import LockHeld, StorageError
from tests.support.engines import contents, opened, u64, vectors
from tests.support.store_image import image_of

pytestmark = pytest.mark.anyio
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600)


async def test_row_13_a_removed_lock_file_lets_no_second_server_in(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with opened(store, QUIET) as engine:
        await engine.create_index(4, "l2")
        (store / LOCK).unlink()
        with pytest.raises(LockHeld, match="a store can be open once only"):
            async with opened(store, QUIET):
                pass
        await engine.upsert(u64(1, 2), vectors(2, 4), None)
        wanted = dict(contents(engine))
    async with opened(store, QUIET) as engine:
        assert contents(engine) == wanted


async def test_a_server_whose_folder_is_replaced_writes_to_neither(tmp_path: Path) -> None:
    """A restored copy is put in the place of a store that is still served."""
    store, other, aside = tmp_path / "store", tmp_path / "other", tmp_path / "aside"
    async with opened(store, QUIET) as engine:
        await engine.create_index(4, "l2")
    shutil.copytree(store, other)
    async with opened(store, QUIET) as engine:
        await engine.upsert(u64(1), vectors(1, 4), None)
        wanted = dict(contents(engine))
        store.rename(aside)
        other.rename(store)
        before = image_of(store)
        with pytest.raises(StorageError) as caught:
            await engine.upsert(u64(2), vectors(1, 4), None)
        assert caught.value.code == "lock_lost"
        with pytest.raises(StorageError):
            await engine.flush()
        assert contents(engine) == wanted, "what is not logged is not there"
    assert image_of(store) == before
    async with opened(aside, QUIET) as engine:
        assert contents(engine) == wanted


async def test_row_12_the_lock_of_an_open_store_ends_with_its_parent_not_with_a_child(tmp_path: Path) -> None:
    stay, end = os.pipe()
    async with opened(tmp_path, QUIET) as engine:
        await engine.create_index(4, "l2")
        child = os.fork()
        if child == 0:  # pragma: no cover  (another process)
            os.close(end)
            os.read(stay, 1)
            os._exit(0)
        with pytest.raises(LockHeld):
            async with opened(tmp_path, QUIET):
                pass
    try:
        async with opened(tmp_path, QUIET) as engine:
            assert engine.spec is not None
    finally:
        os.close(end)
        os.close(stay)
        os.waitpid(child, 0)
