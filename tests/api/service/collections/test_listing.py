"""The list of collections: rows are counted exactly, also of those that nobody has open."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from asteroid_cloud.api.limits import COLLECTIONS_OPENING_MAX
from asteroid_cloud.api.service.collections import open_collections
from tests.support.collections import NEVER, filled, sealed, until
from tests.support.engines import u64, vectors

pytestmark = pytest.mark.anyio


async def test_rows_of_closed_collections_are_counted_exactly(tmp_path: Path, openings: list[str]) -> None:
    await filled(tmp_path, "books", "films", "songs")
    async with open_collections(str(tmp_path), options=NEVER) as all_, all_.use("books") as books:
        await books.engine.upsert(u64(*range(100)), vectors(100, 4), None)
        await books.engine.flush()
        await books.engine.upsert(u64(*range(50, 120)), vectors(70, 4), None)  # some of them are new
        await books.engine.delete(u64(*range(10)))
    await sealed(tmp_path, "films")
    openings.clear()
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        await all_.default.engine.ready()
        found = {info.name: info.vectors for info in await all_.infos()}
        assert found == {"books": 110, "films": 1, "songs": 1}
        assert len(openings) == 3, "default, books and songs; films is all in segments"
        await all_.infos()
        assert len(openings) == 3, "once"


async def test_rows_that_cannot_be_counted_are_said_to_be_unknown(tmp_path: Path) -> None:
    await filled(tmp_path, "books", "films")
    [folder] = [
        path
        for path in (tmp_path / "collections").iterdir()
        if b"books" in (path / "collection").read_bytes()
    ]
    (folder / "lost.json").write_bytes(b"?")
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        await all_.default.engine.ready()
        books, films = await all_.infos()
        assert (books.name, books.vectors, books.error) == ("books", None, "corruption")
        assert (films.vectors, films.error) == (1, None)


async def test_one_that_goes_while_it_is_counted_is_in_no_list(tmp_path: Path) -> None:
    await filled(tmp_path, "books", "films")
    async with open_collections(str(tmp_path), options=NEVER) as all_:
        await all_.default.engine.ready()
        async with anyio.create_task_group() as group, AsyncExitStack() as turns:
            for number in range(COLLECTIONS_OPENING_MAX):
                await all_._pool._opening.acquire_on_behalf_of(number)
                turns.callback(all_._pool._opening.release_on_behalf_of, number)
            found: list[list[str]] = []

            async def look() -> None:
                found.append([info.name for info in await all_.infos()])

            group.start_soon(look)
            await until(lambda: len(all_._pool.open_slots) == 2)
            group.start_soon(all_.delete, "books")
            await until(lambda: "books" not in all_._slots)
        assert found == [["films"]]
