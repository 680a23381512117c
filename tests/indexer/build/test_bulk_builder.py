"""Bulk loads: they count whole or not at all, and a crash at any time leaves one or the other."""

from __future__ import annotations

import shutil
from pathlib import Path

import anyio
import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.append import writer
from asteroid_cloud.wal.errors import Conflict, InvalidRequest
from asteroid_cloud.wal.format.events import BulkLoaded, BulkRows
from tests.support.engines import contents, find, opened, u64, vectors
from tests.support.faulty_files import Fault, FaultyFiles
from tests.support.probe import inside

pytestmark = pytest.mark.anyio

DIM, ROWS = 8, 1500
# The smallest budget: 1,024 rows are linked at a time, so the load is joined of two graphs.
BY_HAND = EngineOptions(
    memory_budget_bytes=1 << 17, idle_seal_s=600, idle_flush_s=600, ef_construction=30, links_max=6
)


def text(row: int) -> bytes | None:
    """The payload of a row; every third has none."""
    return b'{"row":%d}' % row if row % 3 else None


def check(engine: Engine) -> None:
    """The load is there, whole and in order."""
    stored = contents(engine)
    assert sorted(stored) == list(range(ROWS))
    assert all(stored[row][1] == ({"row": row} if row % 3 else None) for row in range(ROWS))
    drawn = vectors(ROWS, DIM)
    assert np.abs(np.array([stored[row][0] for row in range(ROWS)]) - drawn).max() < 0.01
    assert float(np.mean(find(engine, drawn[::10], 1).ids[:, 0] == np.arange(0, ROWS, 10))) > 0.95


async def load(engine: Engine) -> None:
    async with engine.bulk() as loader:
        for start in range(0, ROWS, 100):
            await loader.rows(vectors(ROWS, DIM)[start : start + 100])
        for start in range(0, ROWS, 100):
            await loader.payloads(start, [text(row) for row in range(start, start + 100)])
        await engine.flush()  # as the store does by itself when building takes long
        result = await loader.commit(1)
        assert (result.rows, result.payloads) == (ROWS, ROWS - 500)


async def test_a_crash_before_the_checkpoint_rebuilds_the_load_from_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOG_FILE_BYTES_MAX", 8192)
    files = FaultyFiles(LocalFiles())
    async with Engine.open(str(tmp_path / "live"), BY_HAND, files=files) as engine:
        await engine.ready()
        await engine.create_index(DIM, "l2")
        files.arm(3, Fault.NO_SPACE, "create", for_ever=True, path_contains="manifest")
        async with anyio.create_task_group() as group:
            await load(engine)
            group.cancel_scope.cancel()
        assert engine.stats().segments == 1
        check(engine)
        assert engine.stats().checkpoint_lsn < engine.applied_lsn, "no manifest names the load yet"
        shutil.copytree(tmp_path / "live", tmp_path / "crashed")
    async with opened(tmp_path / "crashed", BY_HAND) as engine:
        check(engine)
        await engine.flush()
        assert engine.stats().log_bytes < 8192
    async with opened(tmp_path / "crashed", BY_HAND) as engine:
        check(engine)


async def test_a_crash_before_the_commit_leaves_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "live", BY_HAND) as engine:
        await engine.create_index(DIM, "l2")
        async with engine.bulk() as loader:
            await loader.rows(vectors(ROWS, DIM))
            shutil.copytree(tmp_path / "live", tmp_path / "crashed")
    async with opened(tmp_path / "crashed", BY_HAND) as engine:
        assert engine.stats().vectors == 0
        await load(engine)
        check(engine)


async def test_a_write_meanwhile_makes_the_load_void_for_ever(tmp_path: Path) -> None:
    async with opened(tmp_path, BY_HAND) as engine:
        await engine.create_index(DIM, "l2")
        async with engine.bulk() as loader:
            await loader.rows(vectors(50, DIM))
            await engine.upsert(u64(7), vectors(1, DIM), None)
            with pytest.raises(Conflict) as full:
                await loader.commit(1)
        assert full.value.code == "index_not_empty"
        assert list(contents(engine)) == [7]
    async with opened(tmp_path, BY_HAND) as engine:
        assert list(contents(engine)) == [7]
        await engine.flush()
        assert len(list((tmp_path / "index").glob("segment-*"))) == 3, "what it had built is gone"


async def test_an_index_recreated_meanwhile_gets_nothing_of_it(tmp_path: Path) -> None:
    async with opened(tmp_path, BY_HAND) as engine:
        await engine.create_index(DIM, "l2")
        async with engine.bulk() as loader:
            await loader.rows(vectors(50, DIM))
            await engine.delete_index()
            await engine.create_index(DIM, "cosine")
            with pytest.raises(Conflict):
                await loader.commit(1)
        assert engine.stats().vectors == 0
    async with opened(tmp_path, BY_HAND) as engine:
        assert engine.stats().vectors == 0


async def test_payloads_come_in_row_order(tmp_path: Path) -> None:
    """They are read back from the log in one pass, which would not see those that come late."""
    async with opened(tmp_path, BY_HAND) as engine:
        await engine.create_index(DIM, "l2")
        async with engine.bulk() as loader:
            await loader.rows(vectors(ROWS, DIM))
            await loader.payloads(1200, [b'{"row":1200}'])
            for first in (0, 1200):
                with pytest.raises(InvalidRequest):
                    await loader.payloads(first, [b'{"row":0}'])
            await loader.payloads(1201, [b'{"row":1201}'])
            await loader.commit(1)
        held = {id_: payload for id_, (_, payload) in contents(engine).items() if payload}
        assert held == {1200: {"row": 1200}, 1201: {"row": 1201}}


@pytest.mark.parametrize(("first", "count"), [(50, 1), (49, 2), (-1, 1)])
async def test_payloads_of_rows_that_are_not_there_are_refused(
    tmp_path: Path, first: int, count: int
) -> None:
    async with opened(tmp_path, BY_HAND) as engine:
        await engine.create_index(DIM, "l2")
        async with engine.bulk() as loader:
            await loader.rows(vectors(50, DIM))
            with pytest.raises(InvalidRequest):
                await loader.payloads(first, [b"{}"] * count)
            with pytest.raises(InvalidRequest):
                await loader.rows(vectors(5, DIM + 1))
            assert (await loader.commit(1)).payloads == 0


async def test_the_record_that_made_the_index_is_known_after_a_restart(tmp_path: Path) -> None:
    """A load begun for an earlier index is void then too, though its own records are in no log any more."""
    async with opened(tmp_path, BY_HAND) as engine:
        await engine.create_index(DIM, "l2")
        parts = inside(engine)
        since = await parts.log.append([BulkRows(1, 0, vectors(5, DIM).tobytes())])
        await engine.delete_index()
        await engine.create_index(DIM, "cosine")
        await engine.flush()
        lsn = await parts.log.append([BulkLoaded(1, since, 5, DIM)])
        await engine.wait_for(lsn, 10)
        assert engine.stats().vectors == 0
    async with opened(tmp_path, BY_HAND) as engine:
        assert (engine.stats().vectors, engine.applied_lsn) == (0, lsn)
