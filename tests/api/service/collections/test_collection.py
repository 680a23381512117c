"""A collection has all that serves it, so that a second one shares nothing with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from asteroid_cloud.api import Store
from asteroid_cloud.api.service.collections import Collection
from asteroid_cloud.indexer import Engine
from asteroid_cloud.wal.errors import Conflict, Overloaded

pytestmark = pytest.mark.anyio


async def test_two_collections_share_nothing(store: Store, tmp_path: Path) -> None:
    async with Engine.open(str(tmp_path / "second")) as engine:
        await engine.ready()
        second = Collection(str(tmp_path / "second"), engine, name="books")
        await second.ensure_index(8, "ip")
        first = store.served
        assert (first.index_info().dim, second.index_info().dim) == (4, 8)
        for part in ("engine", "reads", "backups", "feeds"):
            assert getattr(first, part) is not getattr(second, part)
        await store.insert(1, [0.0] * 4)
        assert ((await first.stats()).vectors, (await second.stats()).vectors) == (1, 0)


async def test_an_index_that_is_awaited_is_not_ready_until_it_is_made(tmp_path: Path) -> None:
    async with Engine.open(str(tmp_path / "new")) as engine:
        collection = Collection(str(tmp_path / "new"), engine, awaits_index=True)
        await engine.ready()
        with pytest.raises(Overloaded) as caught:
            collection.check_index_made()
        assert caught.value.code == "not_ready"
        await collection.ensure_index(4, "l2")
        collection.check_index_made()


async def test_an_index_like_the_one_asked_for_is_left_alone(store: Store) -> None:
    collection = store.served
    before = collection.index_info().lsn
    await collection.ensure_index(4, "L2")
    assert collection.index_info().lsn == before
    with pytest.raises(Conflict) as caught:
        await collection.ensure_index(5, "l2")
    assert caught.value.code == "index_differs"
