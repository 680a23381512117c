"""A collection is deleted while long work goes on in it: that ends cleanly, and leaves nothing (§7)."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import anyio
import pytest

from asteroid_cloud.api.service.collections import (
    AskedDefinition,
    Collection,
    CollectionsOptions,
    open_collections,
)
from asteroid_cloud.indexer import EngineOptions, FeedParts, is_backup
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import NotFound
from tests.support.engines import contents, u64, vectors

pytestmark = pytest.mark.anyio
BUSY = EngineOptions(seal_rows=64, segments_max=2, idle_seal_s=0.01, idle_flush_s=0.02, keep_log=True)
"""Seals and merges all the time."""
NEVER = CollectionsOptions(idle_s=10_000)
ROWS = 600
Work = Callable[[Collection, Path, int], Awaitable[object]]


async def back_up(collection: Collection, folder: Path, number: int) -> None:
    """A copy in a new folder, which must be a whole one or none."""
    await collection.engine.backup(str(folder / f"backup-{number}"))


async def follow(collection: Collection, _: Path, __: int) -> None:
    """All changes, and then those that come."""
    with collection.engine.changes(0, FeedParts(vectors=True)) as feed:
        while True:
            await feed.next()
            await feed.more()


async def load(collection: Collection, _: Path, number: int) -> None:
    """A bulk load that is begun, filled, and built."""
    async with collection.engine.bulk() as loader:
        for seed in range(5):
            await loader.rows(vectors(200, 4, seed))
            await anyio.sleep(0)
        if number % 2:
            await loader.commit(1)


async def write(collection: Collection, _: Path, number: int) -> None:
    """Writes that make segments, which are merged."""
    first = number % 1_000 * 50
    await collection.engine.upsert(u64(*range(first, first + 100)), vectors(100, 4), None)


async def tag(collection: Collection, _: Path, number: int) -> None:
    """A tag that comes and goes."""
    await collection.engine.tag(f"t{number}")
    await collection.engine.untag(f"t{number}")


async def purge(collection: Collection, _: Path, number: int) -> None:
    """The past is erased, of something that was deleted just now."""
    await collection.engine.delete(u64(number))
    await collection.engine.purge()


async def flush(collection: Collection, _: Path, number: int) -> None:
    """A write that is sealed."""
    await collection.engine.upsert(u64(number), vectors(1, 4), None)
    await collection.engine.flush()


async def read(collection: Collection, _: Path, __: int) -> None:
    """All rows, and the figures."""
    assert collection.engine.snapshot().live <= ROWS * 100
    await collection.stats()
    await anyio.sleep(0)


WORKS: dict[str, Work] = {
    "backup": back_up,
    "feed": follow,
    "write and merge": write,
    "tag": tag,
    "purge": purge,
    "flush": flush,
    "read": read,
}
"""What goes on in a collection that has rows; a load goes into one that has none."""


async def check_deleted(folder: Path, works: list[Work], after_s: float, *, through_alias: bool) -> None:
    """Deletes a collection in which all of this goes on, and looks at what is left."""
    async with open_collections(str(folder / "data"), BUSY, NEVER) as all_:
        for name in ("books", "films"):
            await all_.create(name, AskedDefinition(dim=4))
        async with all_.use("films") as films:
            await films.engine.upsert(u64(7), vectors(1, 4), None)
        await all_.set_alias("live", "books")
        if load not in works:
            async with all_.use("books") as books:
                await books.engine.upsert(u64(*range(ROWS)), vectors(ROWS, 4), None)
        ended: list[str] = []
        began = [anyio.Event() for _ in works]

        async def busy(work: Work, number: int) -> None:
            try:
                async with all_.use("live" if through_alias else "books") as collection:
                    began[number].set()
                    for turn in count(number * 1_000):  # no two do the same
                        await work(collection, folder, turn)
            except NotFound as error:
                ended.append(error.code)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                for number, work in enumerate(works):
                    group.start_soon(busy, work, number)
                for event in began:
                    await event.wait()
                await anyio.sleep(after_s)
                if through_alias:
                    await all_.set_alias("live", "films")
                assert await all_.delete("books")
                assert [path.name for path in (folder / "data" / "collections").iterdir()] == [
                    Path(films.path).name
                ]
        assert ended == ["no_collection"] * len(works)
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "collection books"]
        assert all_.aliases == ({"live": "films"} if through_alias else {})
        async with all_.use("live" if through_alias else "films") as found:
            assert (found.name, set(contents(found.engine))) == ("films", {7})
        await all_.create("books", AskedDefinition(dim=4))
        async with all_.use("books") as again:
            assert contents(again.engine) == {}
            await again.engine.upsert(u64(1), vectors(1, 4), None)
            await again.engine.flush()
    for path in folder.glob("backup-*"):
        assert is_backup(LocalFiles(), str(path)), "half of a backup is left"
    async with open_collections(str(folder / "data"), BUSY, NEVER) as all_:
        assert [(info.name, info.vectors) for info in await all_.infos()] == [("books", 1), ("films", 1)]


@pytest.mark.parametrize("through_alias", [False, True])
@pytest.mark.parametrize("after_s", [0.0, 0.02])
@pytest.mark.parametrize("name", WORKS)
async def test_one_kind_of_work_ends(tmp_path: Path, name: str, after_s: float, through_alias: bool) -> None:
    await check_deleted(tmp_path, [WORKS[name]] * 2, after_s, through_alias=through_alias)


@pytest.mark.parametrize("through_alias", [False, True])
@pytest.mark.parametrize("after_s", [0.0, 0.05])
async def test_all_kinds_of_work_end_at_once(tmp_path: Path, after_s: float, through_alias: bool) -> None:
    await check_deleted(tmp_path, list(WORKS.values()), after_s, through_alias=through_alias)


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.05])
async def test_a_bulk_load_ends_and_gives_back_what_it_held(tmp_path: Path, after_s: float) -> None:
    await check_deleted(tmp_path, [load], after_s, through_alias=False)


async def test_deleting_while_deleting_and_making_again(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path), BUSY, NEVER) as all_:
        told: list[bool] = []

        async def delete() -> None:
            told.append(await all_.delete("books"))

        for turn in range(10):
            await all_.create("books", AskedDefinition(dim=4))
            async with all_.use("books") as books:
                await books.engine.upsert(u64(turn), vectors(1, 4), None)
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(delete)
                group.start_soon(all_.set_alias, "other", "default")
                await all_.create("films", AskedDefinition(dim=4))
        assert sorted(told) == [False] * 20 + [True] * 10
        gc.collect()
        assert [info.name for info in await all_.infos()] == ["films"]
        assert len(list((tmp_path / "collections").iterdir())) == 1
