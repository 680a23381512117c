"""Opening what is there: refusals change nothing on the disk, and garbage is removed."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from asteroid_cloud.indexer import Engine, EngineOptions, Reindex
from asteroid_cloud.indexer.checkpoint.manifest import manifest_name, newest_manifest
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import (
    AsteroidError,
    CorruptionError,
    LogPruned,
    Overloaded,
    UnsupportedVersion,
)
from tests.support.engines import contents, opened, u64, vectors

pytestmark = pytest.mark.anyio

KINDS = ("fields", "graph", "payload")
OPTIONS = EngineOptions(idle_seal_s=600, idle_flush_s=600, links_max=4, ef_construction=20)


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """Two segments in a manifest, and a tail in the log."""
    path = tmp_path / "store"
    async with opened(path, OPTIONS) as engine:
        await engine.create_index(4, "l2")
        for turn in range(3):
            await engine.upsert(u64(*range(9 * turn, 9 * turn + 10)), vectors(10, 4, turn), None)
            if turn < 2:
                await engine.flush()
    return path


def image(path: Path) -> dict[str, bytes]:
    """Every file of a store but the lock, and what is in it."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file() and file.parent != path
    }


async def failure_of(path: Path) -> AsteroidError:
    async with Engine.open(str(path), OPTIONS) as engine:
        with pytest.raises(AsteroidError) as failed:
            await engine.ready()
        assert engine.phase.name == "failed"
        assert engine.phase.error is failed.value
        for call in (engine.snapshot, engine.stats):
            with pytest.raises(type(failed.value)):
                call()
        with pytest.raises(type(failed.value)):
            await engine.upsert(u64(1), vectors(1, 4), None)
    return failed.value


def manifest_of(path: Path) -> Path:
    newest = newest_manifest(LocalFiles(), str(path / "index"))
    assert newest is not None
    return path / "index" / manifest_name(newest.number)


async def test_a_lost_manifest_costs_no_segment(store: Path) -> None:
    """The log does not reach back far enough to do without: what is left must be there to be saved."""
    hidden = manifest_of(store)
    kept = hidden.read_bytes()
    hidden.unlink()
    before = image(store)
    assert isinstance(await failure_of(store), LogPruned)
    with pytest.raises(LogPruned):
        await to_thread.run_sync(Reindex(LocalFiles(), str(store), OPTIONS).run, lambda done, total: None)
    assert image(store) == before
    hidden.write_bytes(kept)
    async with opened(store, OPTIONS) as engine:
        assert sorted(contents(engine)) == list(range(28))


async def test_a_log_that_ends_before_the_checkpoint_is_refused(store: Path) -> None:
    shutil.rmtree(store / "wal")
    before = {name: data for name, data in image(store).items() if name.startswith("index")}
    assert isinstance(await failure_of(store), CorruptionError)
    assert {name: data for name, data in image(store).items() if name.startswith("index")} == before


@pytest.mark.parametrize("damage", ["segment", "payload", "manifest", "missing", "log", "version"])
async def test_damage_is_refused_and_nothing_is_changed(store: Path, damage: str) -> None:
    [first, *_] = sorted((store / "index").glob("segment-*.graph"))
    [log, *_] = sorted((store / "wal").glob("*.wal"))
    target = {
        "payload": first.with_suffix(".payload"),
        "manifest": manifest_of(store),
        "log": log,
        "version": manifest_of(store),
    }.get(damage, first)
    if damage == "missing":
        target.unlink()
    else:
        data = bytearray(target.read_bytes())
        data[{"segment": 4100, "version": 8, "log": 20}.get(damage, len(data) // 2)] ^= 4
        target.write_bytes(data)
    before = image(store)
    error = await failure_of(store)
    if damage == "version":
        assert isinstance(error, UnsupportedVersion)
    assert image(store) == before


async def test_segments_put_back_under_each_others_names_are_refused(store: Path) -> None:
    one, two = sorted((store / "index").glob("segment-*.graph"))
    os.rename(one, store / "swap")
    os.rename(two, one)
    os.rename(store / "swap", two)
    assert isinstance(await failure_of(store), CorruptionError)


async def test_an_index_of_another_store_is_refused(store: Path, tmp_path: Path) -> None:
    async with opened(tmp_path / "other", OPTIONS) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(40)), vectors(40, 4), None)
        await engine.flush()
    shutil.rmtree(store / "index")
    shutil.copytree(tmp_path / "other" / "index", store / "index")
    assert isinstance(await failure_of(store), CorruptionError)


async def test_what_a_crash_left_behind_is_removed(store: Path) -> None:
    index = store / "index"
    for name in (*(f"segment-000000000099.{kind}" for kind in KINDS), "manifest.tmp"):
        (index / name).write_bytes(b"half")
    (index / manifest_name(1)).write_bytes(b"an older one")
    (index / "notes.txt").write_text("not ours")
    async with opened(store, OPTIONS) as engine:
        assert sorted(contents(engine)) == list(range(28))
        left = {path.name for path in index.iterdir()}
    names = {f"segment-00000000000{number}.{kind}" for number in (1, 2) for kind in KINDS}
    assert left == {*names, manifest_of(store).name, "notes.txt"}


async def test_until_recovery_is_over_the_answer_is_not_ready(store: Path) -> None:
    async with Engine.open(str(store), OPTIONS) as engine:
        assert engine.phase.name in {"opening", "recovering"}
        with pytest.raises(Overloaded) as early:
            engine.snapshot()
        assert early.value.code == "not_ready"
        with pytest.raises(Overloaded):
            await engine.delete(u64(1))
        await engine.ready()
        assert (engine.phase.name, engine.phase.progress) == ("ready", 1.0)
        assert engine.snapshot().live == 28


async def test_a_lsn_that_does_not_come_is_waited_for_no_longer_than_asked(store: Path) -> None:
    async with opened(store, OPTIONS) as engine:
        await engine.wait_for(engine.applied_lsn, 0)
        with pytest.raises(Overloaded) as late:
            await engine.wait_for(engine.applied_lsn + 1, 0.01)
        assert late.value.code == "not_caught_up"


async def test_opening_and_closing_leaves_no_file_and_no_thread_behind(store: Path) -> None:
    async def once() -> None:
        async with opened(store, OPTIONS) as engine:
            await engine.upsert(u64(1), vectors(1, 4), None)
            await engine.flush()

    def held() -> tuple[int, int]:
        gc.collect()  # an engine is a ring of objects, and its files are closed with them
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    for _ in range(5):
        await once()
    files, threads = held()
    for _ in range(60):
        await once()
    # The pool of threads fills up to what is used at once; one that ends holds an engine for a moment.
    with anyio.fail_after(30):
        while (now := held())[0] > files + 2 or now[1] > threads + 4:
            await anyio.sleep(0.1)


class NotedFiles(LocalFiles):
    """Notes what the page cache is told to let go of."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    def forget(self, path: str) -> None:
        """Notes it."""
        self.forgotten.append(path.rpartition("/")[2])
        super().forget(path)


async def test_log_files_read_back_are_forgotten_and_segments_are_not(tmp_path: Path) -> None:
    still = EngineOptions(seal_rows=64, idle_seal_s=600, idle_flush_s=600)
    async with opened(tmp_path, still) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(64)), vectors(64, 4), None)
        await engine.flush()
        await engine.upsert(u64(64), vectors(1, 4), None)
    files = NotedFiles()
    async with Engine.open(str(tmp_path), still, files=files) as engine:
        await engine.ready()
        assert engine.stats().vectors == 65
        assert set(files.forgotten) == {path.name for path in (tmp_path / "wal").glob("*.wal")}
        files.forgotten.clear()
        await engine.delete_index()
        await engine.create_index(4, "l2")
        async with engine.bulk() as loader:
            await loader.rows(vectors(50, 4))
            assert files.forgotten == []
            await loader.commit(1)
        assert files.forgotten, "the rows were read back"
        assert all(name.endswith(".wal") for name in files.forgotten)
