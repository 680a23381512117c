"""Opening a store in one's own program: what persists, what conflicts."""

from __future__ import annotations

from pathlib import Path

import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.wal.errors import Conflict, LockHeld, Overloaded

DIM = 4


@pytest.mark.anyio
async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=DIM, metric="cosine") as store:
        await store.insert(2**64 - 1, [1, 2, 3, 4], {"a": 1})
        await store.insert(1, [1, 2, 3, 4])
        written = await store.delete(1)
    async with api.open(str(tmp_path)) as store:
        assert (await store.get_index()).metric == "cosine"
        assert await store.get_payload(2**64 - 1) == {"a": 1}
        assert await store.count(min_lsn=written.lsn) == 1
    async with api.open(tmp_path, dim=DIM, metric="COSINE") as store:
        assert [hit.id for hit in await store.search([1, 2, 3, 4])] == [2**64 - 1]


@pytest.mark.anyio
@pytest.mark.parametrize(("dim", "metric"), [(5, "cosine"), (4, "l2")])
async def test_an_index_unlike_the_one_asked_for_is_a_conflict(tmp_path: Path, dim: int, metric: str) -> None:
    async with api.open(tmp_path, dim=DIM, metric="cosine"):
        pass
    with pytest.raises(Conflict, match="dimension 4") as caught:
        async with api.open(tmp_path, dim=dim, metric=metric):
            pass
    assert caught.value.code == "index_differs"


@pytest.mark.anyio
async def test_a_directory_is_open_once(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=DIM):
        with pytest.raises(LockHeld):
            async with api.open(tmp_path):
                pass


@pytest.mark.anyio
async def test_without_a_dimension_there_is_no_index_yet(tmp_path: Path) -> None:
    async with api.open(tmp_path) as store:
        assert not await store.ready()
        with pytest.raises(Conflict, match="no index"):
            await store.count()


@pytest.mark.anyio
async def test_a_store_answers_while_it_recovers(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=DIM) as store:
        await store.insert(1, [0, 0, 0, 0])
    async with Store.open(tmp_path) as store:
        assert await store.health()
        assert not await store.ready()
        with pytest.raises(Overloaded) as caught:
            await store.search([0, 0, 0, 0])
        assert caught.value.code == "not_ready"
        await store.engine.ready()
        assert await store.count() == 1
