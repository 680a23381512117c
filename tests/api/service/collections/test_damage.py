"""Damage to one part of a store with collections leaves the others serving."""

from __future__ import annotations

from pathlib import Path

import pytest

from asteroid_cloud.api.service.collections import open_collections
from asteroid_cloud.indexer.catalog import changes
from asteroid_cloud.wal.errors import AsteroidError, Poisoned, StorageError
from tests.support.collections import BOOKS, NEVER, filled, ids_in
from tests.support.engines import u64, vectors

pytestmark = pytest.mark.anyio


async def test_only_default_is_damaged(tmp_path: Path) -> None:
    await filled(tmp_path, "books")
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        await all_.default.engine.ready()
        await all_.create("default", BOOKS)
        await all_.default.engine.upsert(u64(1), vectors(1, 4), None)
        await all_.default.engine.flush()
    graph = next((tmp_path / "index").glob("*.graph"))
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    for path in (tmp_path / "wal").glob("*.wal"):
        path.write_bytes(b"this is no log" * 10)
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        with pytest.raises(AsteroidError):
            await all_.default.engine.ready()
        assert await ids_in(all_, "books") == {0}
        await all_.create("films", BOOKS)
        await all_.set_alias("live", "films")
        assert await ids_in(all_, "live") == set()
        found = {info.name: info.error for info in await all_.infos()}
        assert found == {"books": None, "films": None, "default": "corruption"}
        assert await all_.delete("books")
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        assert await ids_in(all_, "live") == set()
        assert {info.name for info in await all_.infos()} >= {"films"}


async def test_no_catalog_is_written_once_it_is_not_known_which_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(tmp_path, "books", "films")
    async with open_collections(str(tmp_path), options=NEVER) as all_:

        def refuse(*_: object) -> None:
            raise StorageError("the disk is gone")

        with monkeypatch.context() as broken:
            broken.setattr(changes, "write_catalog", refuse)
            broken.setattr(changes, "_is_in_place", lambda *_: False)
            with pytest.raises(Poisoned):
                await all_.set_alias("live", "books")
        for change in (
            lambda: all_.set_alias("live", "books"),
            lambda: all_.create("songs", BOOKS),
            lambda: all_.delete("films"),
        ):
            with pytest.raises(Poisoned):
                await change()
        assert all_.aliases == {}
        assert await ids_in(all_, "books") == {0}, "what is there goes on being served"
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        assert {info.name for info in await all_.infos()} == {"books", "films"}, "a restart tells"
        await all_.set_alias("live", "films")
        assert await ids_in(all_, "live") == {1}
