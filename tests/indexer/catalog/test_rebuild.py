"""A damaged catalog is made again of what the folders say, and stays as evidence."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer.catalog import (
    Catalog,
    CatalogEntry,
    begin_collection,
    name_collection,
    open_catalog,
    rebuild_catalog,
    replace_catalog,
)
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.errors import Conflict, CorruptionError
from tests.support.memory_files import MemoryFiles

STORE = StoreLayout("store")
NAMES = ("books", "films", "dances")
BOOKS, FILMS, SONGS = (
    CatalogEntry(name=name, id=name[0] * 16, dim=4, metric="l2", bits=16) for name in NAMES
)


def made() -> tuple[MemoryFiles, Catalog]:
    """A store with two collections, an alias, and one collection whose making was interrupted."""
    files, catalog = MemoryFiles(), Catalog()
    files.make_dirs("store")
    for entry in (BOOKS, FILMS):
        begin_collection(files, STORE, catalog, entry)
        name_collection(files, STORE, catalog, catalog.with_entry(entry), entry)
        catalog = catalog.with_entry(entry)
    aliased = catalog.with_alias("b", "books")
    replace_catalog(files, STORE, catalog, aliased)
    begin_collection(files, STORE, aliased, SONGS)
    return files, aliased


def damage(files: MemoryFiles, path: str) -> None:
    """Puts other bytes there."""
    files.remove(path)
    files.create(path).write(b"damaged")


@pytest.mark.parametrize("is_lost", [False, True])
def test_all_collections_that_were_told_are_there_again(is_lost: bool) -> None:
    files, before = made()
    files.remove(STORE.catalog) if is_lost else damage(files, STORE.catalog)
    with pytest.raises(CorruptionError, match="--rebuild-catalog"):
        open_catalog(files, STORE)
    report = rebuild_catalog(files, STORE)
    assert (report.collections, report.kept) == (["books", "films"], None if is_lost else "catalog.broken")
    assert [sentence[:16] for sentence in report.left_out] == [SONGS.id]
    found = open_catalog(files, STORE)
    assert (found.entries, dict(found.aliases)) == (before.entries, {})


def test_every_damaged_catalog_is_kept() -> None:
    files, _ = made()
    for kept in ("catalog.broken", "catalog.broken.2", "catalog.broken.3"):
        damage(files, STORE.catalog)
        assert rebuild_catalog(files, STORE).kept == kept
        assert files.exists(f"store/{kept}")


def test_a_folder_that_does_not_say_what_it_is_is_left_out_and_named() -> None:
    files, _ = made()
    damage(files, STORE.catalog)
    damage(files, STORE.collection(BOOKS.id).marker)
    report = rebuild_catalog(files, STORE)
    assert report.collections == ["films"]
    assert sorted(sentence[:16] for sentence in report.left_out) == [BOOKS.id, SONGS.id]
    assert files.exists(STORE.collection(BOOKS.id).marker)


def test_a_whole_catalog_is_left_alone() -> None:
    files, before = made()
    with pytest.raises(Conflict) as caught:
        rebuild_catalog(files, STORE)
    assert caught.value.code == "catalog_whole"
    assert open_catalog(files, STORE) == before
    with pytest.raises(Conflict):
        rebuild_catalog(MemoryFiles(), STORE)
