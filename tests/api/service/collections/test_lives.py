"""Collections open at their first use and close when nobody uses them, whoever comes or goes meanwhile."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from asteroid_cloud.api.limits import COLLECTIONS_OPENING_MAX
from asteroid_cloud.api.service.collections import (
    AskedDefinition,
    Collection,
    CollectionsOptions,
    open_collections,
    pool,
)
from asteroid_cloud.wal.errors import AsteroidError, NotFound, Overloaded
from tests.support.collections import BOOKS, NEVER, SOON, filled, ids_in, named, sealed, until
from tests.support.engines import contents, u64, vectors

pytestmark = pytest.mark.anyio


async def test_those_who_come_first_at_once_open_it_once(tmp_path: Path, openings: list[str]) -> None:
    await filled(tmp_path, "books")
    openings.clear()
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        found: list[Collection] = []

        async def look() -> None:
            async with all_.use("books") as collection:
                found.append(collection)

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(look)
        assert (len(found), len({id(each) for each in found})) == (20, 1)
        assert len(openings) == 2, "default, and books once"


async def test_nothing_is_opened_before_it_is_used(tmp_path: Path, openings: list[str]) -> None:
    await filled(tmp_path, "books", "films")
    for name in ("books", "films"):
        await sealed(tmp_path, name)
    openings.clear()
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        await all_.default.engine.ready()
        assert [info.name for info in await all_.infos()] == ["books", "films"]
        assert openings == ["default"]


async def test_an_idle_one_is_closed_and_opens_again(tmp_path: Path) -> None:
    await filled(tmp_path, "books")
    async with open_collections(str(tmp_path), options=SOON) as all_:
        for _ in range(3):
            assert await ids_in(all_, "books") == {0}
            await until(lambda: not named(all_))
        [info] = await all_.infos()
        assert (info.vectors, info.error) == (1, None)


async def test_one_that_is_used_stays_open(tmp_path: Path) -> None:
    await filled(tmp_path, "books", "films")
    async with open_collections(str(tmp_path), options=SOON) as all_:
        async with all_.use("books") as collection:
            assert await ids_in(all_, "films") == {1}
            await until(lambda: named(all_) == ["books"])
            await anyio.sleep(0.1)
            assert collection.engine.phase.name == "ready"
            await collection.engine.upsert(u64(5), vectors(1, 4), None)
        await until(lambda: not named(all_))


async def test_calls_that_meet_the_closing_wait_and_find_all(tmp_path: Path) -> None:
    await filled(tmp_path, "books")
    async with open_collections(str(tmp_path), options=CollectionsOptions(idle_s=0.001)) as all_:
        wanted = {0}

        async def write_and_read(first: int) -> None:
            for number in range(first, first + 40):
                async with all_.use("books") as collection:
                    await collection.engine.upsert(u64(number), vectors(1, 4), None)
                wanted.add(number)
                await anyio.sleep(0.001 * (number % 4))
                assert wanted >= {number}
                assert number in await ids_in(all_, "books")

        async with anyio.create_task_group() as group:
            for first in (100, 200, 300):
                group.start_soon(write_and_read, first)
        assert await ids_in(all_, "books") == wanted


async def test_two_who_make_the_same_get_the_same(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        made: list[object] = []

        async def make(asked: AskedDefinition) -> None:
            try:
                made.append(await all_.create("books", asked))
            except AsteroidError as error:
                made.append(error.code)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(make, BOOKS)
            group.start_soon(make, AskedDefinition(dim=5))
        assert made.count(all_.definition("books")) == 3
        assert made.count("collection_differs") == 1
        assert len(list((tmp_path / "collections").iterdir())) == 1


async def test_so_many_that_are_made_at_once_and_no_more(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path), options=CollectionsOptions(collections_max=3)) as all_:
        refused: list[str] = []

        async def make(number: int) -> None:
            try:
                await all_.create(f"c{number}", BOOKS)
            except AsteroidError as error:
                refused.append(error.code)

        async with anyio.create_task_group() as group:
            for number in range(6):
                group.start_soon(make, number)
        assert refused == ["too_many_collections"] * 3
        assert len(await all_.infos()) == 3


async def test_calls_under_way_end_when_their_collection_goes(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        await all_.create("books", BOOKS)
        ended: list[str] = []
        inside = anyio.Event()

        async def stay() -> None:
            try:
                async with all_.use("books"):
                    inside.set()
                    await anyio.sleep_forever()
            except NotFound as error:
                ended.append(error.code)

        async def write() -> None:
            try:
                for number in range(10_000):
                    async with all_.use("books") as collection:
                        await collection.engine.upsert(u64(number), vectors(1, 4), None)
            except NotFound as error:
                ended.append(error.code)

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(stay)
                group.start_soon(write)
            await inside.wait()
            assert await all_.delete("books")
            assert list((tmp_path / "collections").iterdir()) == []
        assert ended == ["no_collection"] * 10


async def test_one_goes_while_it_is_being_opened(tmp_path: Path) -> None:
    await filled(tmp_path, "books")
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        refused: list[str] = []

        async def look() -> None:
            try:
                await ids_in(all_, "books")
            except NotFound as error:
                refused.append(error.code)

        async with anyio.create_task_group() as group, AsyncExitStack() as turns:
            for number in range(COLLECTIONS_OPENING_MAX):
                await all_._pool._opening.acquire_on_behalf_of(number)
                turns.callback(all_._pool._opening.release_on_behalf_of, number)
            group.start_soon(look)
            group.start_soon(all_.delete, "books")
            await until(lambda: "books" not in all_._slots)
        assert refused == ["no_collection"]
        assert list((tmp_path / "collections").iterdir()) == []
        await all_.create("books", BOOKS)
        assert await ids_in(all_, "books") == set()


async def _cancelled_after(steps: int, work: Callable[[], Awaitable[object]]) -> bool:
    """Cancels some work after so many turns of the event loop; whether it was done before."""
    done = False

    async def whole() -> None:
        nonlocal done
        await work()
        done = True

    async with anyio.create_task_group() as group:
        group.start_soon(whole)
        for _ in range(steps):
            await anyio.sleep(0.0005)
        group.cancel_scope.cancel()
    return done


@pytest.mark.parametrize("steps", [0, 1, 2, 4, 8, 16, 40])
async def test_a_caller_who_goes_away_leaves_whole_collections(tmp_path: Path, steps: int) -> None:
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        await all_.create("films", BOOKS)
        made = await _cancelled_after(steps, lambda: all_.create("books", BOOKS))
        there = {info.name for info in await all_.infos()}
        assert there == {"films", "books"} if made else there <= {"films", "books"}
        await _cancelled_after(steps, lambda: ids_in(all_, "films"))
        assert await ids_in(all_, "films") == set()
        await _cancelled_after(steps, lambda: all_.delete("films"))
        gone = "films" not in {info.name for info in await all_.infos()}
        if gone:
            await all_.create("films", AskedDefinition(dim=5))
        assert await ids_in(all_, "films") == set()
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        infos = await all_.infos()
        assert {info.name for info in infos} == {"films"} | (there - {"films"})
        assert len(list((tmp_path / "collections").iterdir())) == len(infos)
        for info in infos:
            assert await ids_in(all_, info.name) == set()


async def test_no_more_are_open_than_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "COLLECTIONS_OPEN_MAX", 3)
    names = [f"c{number}" for number in range(8)]
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        for number, name in enumerate(names):
            await all_.create(name, BOOKS)
            async with all_.use(name) as collection:
                await collection.engine.upsert(u64(number), vectors(1, 4), None)
            assert len(named(all_)) <= 3
        for number in (0, 7, 3, 3, 1, 0):
            assert await ids_in(all_, names[number]) == {number}
            assert len(named(all_)) <= 3
        async with all_.use("c0"), all_.use("c1"), all_.use("c2"):
            with monkeypatch.context() as soon:
                soon.setattr(pool, "PLACE_WAIT_S_MAX", 0.05)
                with pytest.raises(Overloaded) as caught:
                    await ids_in(all_, "c3")
            assert caught.value.code == "too_many_open"
            assert await ids_in(all_, "c1") == {1}
        assert await ids_in(all_, "c3") == {3}


async def test_a_place_is_free_before_somebody_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "COLLECTIONS_OPEN_MAX", 3)
    names = [f"c{number}" for number in range(5)]
    await filled(tmp_path, *names)
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        for name in names[:3]:
            await ids_in(all_, name)
        await until(lambda: named(all_) == names[1:3])
        async with all_.use("c1"), all_.use("c3"):
            await until(lambda: named(all_) == ["c1", "c3"])
            async with all_.use("c4"):
                assert named(all_) == ["c1", "c3", "c4"], "all are in use"
            await until(lambda: named(all_) == ["c1", "c3"])


async def test_who_waits_for_a_place_gets_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "COLLECTIONS_OPEN_MAX", 1)
    monkeypatch.setattr(pool, "PLACES_KEPT_FREE", 0)
    await filled(tmp_path, "books", "films")
    async with open_collections(str(tmp_path), options=NEVER) as all_, anyio.create_task_group() as group:
        async with all_.use("books"):
            group.start_soon(ids_in, all_, "films")
            await anyio.sleep(0.02)
            assert named(all_) == ["books"]
        await until(lambda: named(all_) == ["films"])


def damage(store: Path, name: str) -> None:
    """Takes the index and the log of one collection away, but for one bad file."""
    [folder] = [
        path
        for path in (store / "collections").iterdir()
        if name.encode() in (path / "collection").read_bytes()
    ]
    shutil.rmtree(folder / "wal")
    (folder / "wal").mkdir()
    (folder / "wal" / "00000000000000000001.wal").write_bytes(b"this is no log" * 10)
    for path in (folder / "index").glob("manifest-*"):
        path.write_bytes(b"this is no manifest")


async def test_one_that_is_damaged_leaves_the_others_alone(tmp_path: Path) -> None:
    await filled(tmp_path, "books", "films")
    damage(tmp_path, "books")
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        await all_.default.engine.ready()
        for _ in range(2):
            with pytest.raises(AsteroidError) as caught:
                await ids_in(all_, "books")
            assert caught.value.code == "corruption"
        assert await ids_in(all_, "films") == {1}
        books, films = await all_.infos()
        assert (books.name, books.error, films.error) == ("books", "corruption", None)
        assert await all_.delete("books")
        await all_.create("books", BOOKS)
        assert await ids_in(all_, "books") == set()


async def test_a_damaged_catalog_keeps_the_store_shut_and_untouched(tmp_path: Path) -> None:
    await filled(tmp_path, "books")
    catalog = tmp_path / "catalog"
    whole = catalog.read_bytes()
    for broken in (whole[:-1], whole[:40] + b"!" + whole[41:], b""):
        catalog.write_bytes(broken)
        with pytest.raises(AsteroidError) as caught:
            async with open_collections(str(tmp_path)):
                raise AssertionError("it opened")
        assert caught.value.code == "corruption"
        assert catalog.read_bytes() == broken
    catalog.unlink()
    with pytest.raises(AsteroidError, match="missing"):
        async with open_collections(str(tmp_path)):
            raise AssertionError("it opened")
    catalog.write_bytes(whole)
    async with open_collections(str(tmp_path)) as all_:
        assert await ids_in(all_, "books") == {0}


async def test_a_closed_one_holds_no_descriptor_and_no_task(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(6)]
    await filled(tmp_path, *names)
    async with open_collections(str(tmp_path), options=SOON) as all_:
        await all_.default.engine.ready()
        gc.collect()
        gc.disable()  # what is let go of must not wait for it
        try:
            before = len(os.listdir("/proc/self/fd"))
            for name in names:
                async with all_.use(name) as collection:
                    await collection.engine.flush()
                    assert len(contents(collection.engine)) == 1
            engine = collection.engine
            await until(lambda: not named(all_))
            await until(lambda: not [task for task in asyncio.all_tasks() if "collection" in task.get_name()])
            assert len(os.listdir("/proc/self/fd")) <= before
            with pytest.raises(AsteroidError) as caught:
                engine.stats()
            assert caught.value.code == "store_closed"
        finally:
            gc.enable()
