"""Collections by name: made, listed, found by aliases, removed, and the same after a restart."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from asteroid_cloud.api.service.collections import (
    AskedDefinition,
    CollectionInfo,
    Collections,
    CollectionsOptions,
    Definition,
    open_collections,
)
from asteroid_cloud.indexer import Engine
from asteroid_cloud.wal.errors import AsteroidError
from tests.support.engines import contents, u64, vectors

pytestmark = pytest.mark.anyio
BOOKS = AskedDefinition(dim=4)
FILMS = AskedDefinition(dim=8, metric="COSINE", bits=8)


async def refused(code: str, call: object) -> AsteroidError:
    """The error of a call, which must have this code."""
    with pytest.raises(AsteroidError) as caught:
        await call  # type: ignore[misc]  # a coroutine
    assert caught.value.code == code, caught.value
    return caught.value


async def code_of_use(collections: Collections, name: str) -> str:
    """Why a collection cannot be used."""
    with pytest.raises(AsteroidError) as caught:
        async with collections.use(name):
            raise AssertionError("it can be used")
    return caught.value.code


async def insert(collections: Collections, name: str, *ids: int) -> None:
    """Rows of the collection's dimension."""
    async with collections.use(name) as collection:
        spec = collection.engine.snapshot().spec
        await collection.engine.upsert(u64(*ids), vectors(len(ids), spec.dim), None)


async def ids_in(collections: Collections, name: str) -> set[int]:
    """What a collection holds."""
    async with collections.use(name) as collection:
        return set(contents(collection.engine))


def sizes(infos: list[CollectionInfo]) -> dict[str, int | None]:
    """The vectors of each collection in a list."""
    return {info.name: info.vectors for info in infos}


async def test_collections_are_made_and_share_nothing(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path)) as all_:
        await all_.default.engine.ready()
        made = await all_.create("films", FILMS)
        assert made == Definition(name="films", dim=8, metric="cosine", bits=8)
        await all_.create("books", BOOKS)
        await insert(all_, "books", 1, 2)
        await insert(all_, "films", 2, 3, 4)
        assert (await ids_in(all_, "books"), await ids_in(all_, "films")) == ({1, 2}, {2, 3, 4})
        assert sizes(await all_.infos()) == {"books": 2, "films": 3}
        assert all_.definition("films") == made


async def test_asking_for_the_same_again_is_fine_and_for_another_is_not(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path)) as all_:
        await all_.create("films", FILMS)
        for same in (FILMS, AskedDefinition(dim=8), AskedDefinition(metric="cosine"), AskedDefinition()):
            assert (await all_.create("films", same)).dim == 8
        for other in (AskedDefinition(dim=4), AskedDefinition(metric="l2"), AskedDefinition(dim=8, bits=16)):
            await refused("collection_differs", all_.create("films", other))
        await refused("bad_dim", all_.create("films", AskedDefinition(dim=0)))


@pytest.mark.parametrize(
    ("name", "asked", "code"),
    [
        ("Books", BOOKS, "bad_collection_name"),
        ("a/b", BOOKS, "bad_collection_name"),
        ("books", AskedDefinition(), "missing_field"),
        ("books", AskedDefinition(dim=0), "bad_dim"),
        ("books", AskedDefinition(dim="4"), "bad_dim"),
        ("books", AskedDefinition(dim=4, metric="hamming"), "bad_metric"),
        ("books", AskedDefinition(dim=4, bits=7), "bad_bits"),
    ],
)
async def test_what_cannot_be_leaves_nothing(
    tmp_path: Path, name: str, asked: AskedDefinition, code: str
) -> None:
    async with open_collections(str(tmp_path)) as all_:
        await refused(code, all_.create(name, asked))
        assert await all_.infos() == []
        assert not (tmp_path / "collections").exists()


async def test_there_are_so_many_and_no_more(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path), options=CollectionsOptions(collections_max=2)) as all_:
        await all_.default.engine.ready()
        await all_.create("a", BOOKS)
        await all_.create("b", BOOKS)
        await refused("too_many_collections", all_.create("c", BOOKS))
        await all_.create("default", BOOKS)
        await all_.delete("a")
        await all_.create("c", BOOKS)
        assert list(sizes(await all_.infos())) == ["b", "c", "default"]


async def test_all_is_there_after_a_restart(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path)) as all_:
        await all_.create("books", BOOKS)
        await all_.create("films", FILMS)
        await all_.set_alias("b", "books")
        await insert(all_, "b", 7)
        before = await all_.infos()
    async with open_collections(str(tmp_path)) as all_:
        assert all_.aliases == {"b": "books"}
        assert all_.open_collections == [all_.default]
        assert await ids_in(all_, "b") == {7}
        assert [all_.definition(info.name) for info in before] == [
            Definition(**{k: v for k, v in msgspec.structs.asdict(info).items() if k in DEFINED})
            for info in before
        ]


DEFINED = set(Definition.__struct_fields__)


async def test_a_removed_collection_is_gone_with_its_files_and_aliases(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path)) as all_:
        await all_.create("books", BOOKS)
        await all_.create("films", FILMS)
        await all_.set_alias("b", "books")
        await insert(all_, "books", 1)
        assert await all_.delete("books") is True
        assert await all_.delete("books") is False
        assert all_.aliases == {}
        assert [await code_of_use(all_, name) for name in ("books", "b")] == ["no_collection"] * 2
        assert len(list((tmp_path / "collections").iterdir())) == 1
        await all_.create("books", FILMS)
        assert await ids_in(all_, "books") == set()
    async with open_collections(str(tmp_path)) as all_:
        assert all_.definition("books").dim == 8


async def test_an_alias_is_followed_and_switched(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path)) as all_:
        await all_.create("one", BOOKS)
        await all_.create("two", BOOKS)
        await insert(all_, "one", 1)
        await insert(all_, "two", 2)
        await all_.set_alias("now", "one")
        moved = all_.moved("now")
        assert (all_.resolve("now"), await ids_in(all_, "now"), moved.is_set()) == ("one", {1}, False)
        await all_.set_alias("now", "one")
        assert not moved.is_set()
        await all_.set_alias("now", "two")
        assert (all_.resolve("now"), await ids_in(all_, "now"), moved.is_set()) == ("two", {2}, True)
        await refused("name_taken", all_.delete("now"))
        await refused("name_taken", all_.create("now", BOOKS))
        await refused("name_taken", all_.set_alias("one", "two"))
        await refused("no_collection", all_.set_alias("then", "now"))
        assert (await all_.delete_alias("now"), await all_.delete_alias("now")) == (True, False)
        assert await code_of_use(all_, "now") == "no_collection"


async def test_default_is_made_listed_and_removed_like_another(tmp_path: Path) -> None:
    async with open_collections(str(tmp_path)) as all_:
        await all_.default.engine.ready()
        assert await all_.infos() == []
        with pytest.raises(AsteroidError, match="no collection"):
            all_.definition("default")
        assert await all_.create("default", BOOKS) == Definition(name="default", dim=4, metric="l2", bits=16)
        await all_.create("default", BOOKS)
        await refused("collection_differs", all_.create("default", FILMS))
        await all_.set_alias("main", "default")
        await insert(all_, "main", 5)
        assert sizes(await all_.infos()) == {"default": 1}
        async with all_.use("default") as collection:
            assert collection is all_.default
        assert (await all_.delete("default"), await all_.delete("default")) == (True, False)
        assert (all_.aliases, await all_.infos()) == ({}, [])
        assert not (tmp_path / "collections").exists()


async def test_a_store_of_before_opens_and_gets_its_first_collection(tmp_path: Path) -> None:
    async with Engine.open(str(tmp_path)) as engine:
        await engine.ready()
        await engine.create_index(4, "l2")
        await engine.upsert(u64(9), np.ones((1, 4), np.float32), None)
    async with open_collections(str(tmp_path)) as all_:
        await all_.default.engine.ready()
        assert not (tmp_path / "catalog").exists()
        await all_.create("books", BOOKS)
        assert (await ids_in(all_, "default"), await ids_in(all_, "books")) == ({9}, set())
    async with Engine.open(str(tmp_path)) as engine:
        await engine.ready()
        assert set(contents(engine)) == {9}
