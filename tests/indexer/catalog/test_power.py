"""Collections and aliases through power cuts: what was told stands, and nothing is half there.

A disk in memory records each operation. Every image that a power cut may leave is entered as a start does it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asteroid_cloud.indexer.catalog import (
    Catalog,
    CatalogEntry,
    begin_collection,
    clean,
    name_collection,
    open_catalog,
    read_marker,
    remove_folder,
    replace_catalog,
    unname_collection,
)
from asteroid_cloud.wal.disk import Files, StoreLayout, write_atomic
from tests.promises.power.images import Image, Images
from tests.promises.power.recording import RecordingFiles
from tests.support.memory_files import MemoryFiles

STORE = StoreLayout("store")
BOOKS = CatalogEntry(name="books", id="b" * 16, dim=4, metric="l2", bits=16)
FILMS = CatalogEntry(name="films", id="f" * 16, dim=8, metric="ip", bits=8)
DATA = b"what the index holds"


def make(files: Files, before: Catalog, entry: CatalogEntry) -> Catalog:
    """A collection with one file of data in it."""
    begin_collection(files, STORE, before, entry)
    layout = STORE.collection(entry.id)
    files.make_dirs(layout.index)
    write_atomic(files, f"{layout.index}/data", DATA)
    catalog = before.with_entry(entry)
    name_collection(files, STORE, before, catalog, entry)
    return catalog


def remove(files: Files, before: Catalog, entry: CatalogEntry) -> Catalog:
    """A collection and its files."""
    catalog = before.without(entry.name)
    unname_collection(files, STORE, before, catalog, entry)
    remove_folder(files, STORE, entry.id)
    return catalog


def point(files: Files, before: Catalog, alias: str, name: str) -> Catalog:
    """An alias that leads elsewhere."""
    catalog = before.with_alias(alias, name)
    replace_catalog(files, STORE, before, catalog)
    return catalog


STEPS: list[Callable[[Files, Catalog], Catalog]] = [
    lambda files, catalog: make(files, catalog, BOOKS),
    lambda files, catalog: point(files, catalog, "b", "books"),
    lambda files, catalog: make(files, catalog, FILMS),
    lambda files, catalog: point(files, catalog, "b", "films"),
    lambda files, catalog: remove(files, catalog, BOOKS),
]


def recorded() -> tuple[RecordingFiles, list[Catalog]]:
    """A run through all steps, and the catalog after each, the first one before any."""
    files = RecordingFiles({"store/LOCK": b""})
    files.make_dirs("store/wal")
    catalogs = [Catalog()]
    for number, step in enumerate(STEPS):
        files.note("begin", number)
        catalogs.append(step(files, catalogs[-1]))
        files.note("ack", number)
    return files, catalogs


def entered(image: Image) -> tuple[Catalog, set[str], MemoryFiles]:
    """What a start makes of an image: the catalog, and the folders that are left."""
    files = MemoryFiles(image)
    catalog = open_catalog(files, STORE)
    found = clean(files, STORE, catalog)
    assert found.unknown == [], "a crash left a folder that nobody removes"
    folders = set(files.list(STORE.collections)) if files.is_dir(STORE.collections) else set()
    return catalog, folders, files


def check_markers(files: MemoryFiles) -> None:
    """A folder that says which collection it is has all of its files: so it is read though it is marked."""
    for entry in (BOOKS, FILMS):
        layout = STORE.collection(entry.id)
        if files.exists(layout.marker):
            assert files.read(f"{layout.index}/data", 0, 100) == DATA
            assert read_marker(files, layout) == entry


def test_every_power_cut_leaves_the_state_before_or_after() -> None:
    disk, catalogs = recorded()
    images, seen, counts = Images(disk.ops, disk.begun_with, 1, 3), set(), [0] * len(catalogs)
    for cut, key in images.all():
        done = sum(op.kind == "ack" for op in disk.ops[: cut.at])
        begun = sum(op.kind == "begin" for op in disk.ops[: cut.at])
        if (key, done, begun) in seen:
            continue
        seen.add((key, done, begun))
        check_markers(MemoryFiles(images.image(key)))
        catalog, folders, files = entered(images.image(key))
        assert catalog in (catalogs[done], catalogs[begun]), (cut, catalog)
        counts[catalogs.index(catalog)] += 1
        assert folders == set(catalog.ids), cut
        for entry in catalog.entries.values():
            layout = STORE.collection(entry.id)
            assert read_marker(files, layout) == entry
            assert files.read(f"{layout.index}/data", 0, 100) == DATA
            assert not files.exists(layout.unsettled)
    assert len(seen) > 100
    assert all(counts), "some state was never met"


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_what_a_start_does_may_be_interrupted_and_done_again(number: int) -> None:
    disk, _ = recorded()
    cuts = [at for at, op in enumerate(disk.ops) if op.kind in ("begin", "ack") and op.note == number]
    images = Images(disk.ops[: cuts[1]], disk.begun_with, 1, 3)
    for _, key in list(images.all())[:: max(1, cuts[1] // 20)]:
        again = RecordingFiles(images.image(key))
        catalog = open_catalog(again, STORE)
        clean(again, STORE, catalog)
        second = Images(again.ops, again.begun_with, 1, 2)
        for _, later in second.all():
            found, folders, _files = entered(second.image(later))
            assert (found, folders) == (catalog, set(catalog.ids))


def test_a_folder_that_nothing_marks_stays_and_is_named() -> None:
    files = MemoryFiles()
    files.make_dirs("store")
    catalog = make(files, Catalog(), BOOKS)
    replace_catalog(files, STORE, catalog, Catalog())
    found = clean(files, STORE, open_catalog(files, STORE))
    assert (found.removed, found.unknown) == ([], [BOOKS.id])
    assert files.read(f"{STORE.collection(BOOKS.id).index}/data", 0, 100) == DATA
