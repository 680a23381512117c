"""An index is rebuilt only from a log that holds all that the index held."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asteroid_cloud.indexer import EngineOptions, RecoveryMode, Reindex, read_losses
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import CorruptionError, StorageError
from tests.support.engines import contents, opened, u64, vectors
from tests.support.probe import inside
from tests.support.store_image import image_of

pytestmark = pytest.mark.anyio
FILES = LocalFiles()


def options(mode: RecoveryMode = "tail") -> EngineOptions:
    return EngineOptions(
        segments_max=8,
        idle_seal_s=600,
        idle_flush_s=600,
        links_max=4,
        ef_construction=20,
        keep_log=True,
        recovery=mode,
    )


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """Two segments; the file of the log with the records of the second one is lost."""
    path = tmp_path / "store"
    async with opened(path, options()) as engine:
        await engine.create_index(4, "l2")
        for first in (0, 100):
            await engine.upsert(u64(*range(first, first + 20)), vectors(20, 4, first), None)
            await engine.flush()
            await inside(engine).log.rotate()
    for log in sorted((path / "wal").glob("*.wal"))[1:]:
        log.unlink()
    return path


async def test_a_damaged_segment_is_not_rebuilt_from_a_log_that_ends_before_it(
    store: Path, tmp_path: Path
) -> None:
    graph = store / "index" / "segment-000000000001.graph"
    graph.write_bytes(graph.read_bytes()[:-1])
    before = image_of(store / "index")
    with pytest.raises(StorageError):
        async with opened(store, options()):
            pass
    assert image_of(store / "index") == before
    salvaged = Path(shutil.copytree(store, tmp_path / "salvaged"))
    async with opened(salvaged, options("salvage")) as engine:
        assert set(contents(engine)) == set(range(100, 120))
    losses = read_losses(FILES, str(salvaged))
    assert (losses.rows, len(losses.records), losses.is_open) == (20, 1, True)


async def test_a_whole_index_is_not_replaced_by_a_shorter_one(store: Path) -> None:
    before = image_of(store / "index")
    with pytest.raises(CorruptionError, match="the log ends with record 2, the index holds records up to 3"):
        Reindex(FILES, str(store), options()).apply(lambda done, total: None)
    assert image_of(store / "index") == before
    assert not (store / "index.rebuilt").exists()
