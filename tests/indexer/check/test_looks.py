"""Looks change nothing: they work where every write is refused, and leave every byte and every time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from anyio import to_thread

from asteroid_cloud.indexer import EngineOptions, LogRepair, Reindex, Verification, read_losses
from asteroid_cloud.wal import Files, LocalFiles
from asteroid_cloud.wal.errors import LockHeld
from tests.support.engines import opened, u64, vectors
from tests.support.read_only_files import ReadOnlyFiles
from tests.support.store_image import image_of, read_only

pytestmark = pytest.mark.anyio
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=True, links_max=4, ef_construction=20)
Look = Callable[[Files, str], object]


async def fill(store: Path) -> None:
    """Two segments, a tag, records that no checkpoint holds, and a torn tail."""
    async with opened(store, QUIET) as engine:
        await engine.create_index(4, "l2")
        await engine.tag("empty")
        for first in (0, 20):
            ids = u64(*range(first, first + 20))
            await engine.upsert(ids, vectors(20, 4, first), [b'{"n":1}'] * 20)
            await engine.flush()
        await engine.delete(u64(3))
        await engine.upsert(u64(90), vectors(1, 4), None)
    log = max((store / "wal").glob("*.wal"))
    log.write_bytes(log.read_bytes() + b"torn in the middle")


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """A store as above."""
    await fill(tmp_path / "store")
    return tmp_path / "store"


def compare(files: Files, path: str) -> object:
    report = Reindex(files, path, QUIET).compare(lambda done, total: None)
    assert report.agrees
    assert report.vectors == 40
    return report


def verify(files: Files, path: str) -> object:
    found = Verification(files, path).run()
    assert found.ok
    assert any("torn" in note for note in found.notes)
    return found


LOOKS: dict[str, Look] = {
    "verify": verify,
    "replay": compare,
    "live digest": lambda files, path: Reindex(files, path, QUIET).live_digest(),
    "recovery": read_losses,
    "wal repair": lambda files, path: LogRepair(files, path).look(),
}


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("has_lock", [True, False])
async def test_a_look_writes_nothing(name: str, has_lock: bool, store: Path) -> None:
    if not has_lock:
        (store / "LOCK").unlink()
    before = image_of(store)
    await to_thread.run_sync(LOOKS[name], ReadOnlyFiles(LocalFiles()), str(store))
    assert image_of(store) == before


@pytest.mark.parametrize("name", LOOKS)
async def test_a_look_works_on_a_copy_that_cannot_be_written_to(name: str, store: Path) -> None:
    with read_only(store):
        before = image_of(store)
        await to_thread.run_sync(LOOKS[name], LocalFiles(), str(store))
        assert image_of(store) == before


@pytest.mark.parametrize("name", ["replay", "live digest"])
async def test_a_store_in_use_is_left_alone(name: str, store: Path) -> None:
    async with opened(store, QUIET):
        with pytest.raises(LockHeld):
            await to_thread.run_sync(LOOKS[name], LocalFiles(), str(store))


async def test_a_look_leaves_nothing_in_the_temporary_folder(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    for look in LOOKS.values():
        await to_thread.run_sync(look, LocalFiles(), str(store))
    assert list(scratch.iterdir()) == []


async def test_a_change_would_be_seen(store: Path) -> None:
    before = image_of(store)
    log = max((store / "wal").glob("*.wal"))
    os.utime(log, (1, 1))
    assert image_of(store) != before
