"""Changing the catalog on the disk, so that a crash at any point leaves the state before or after.

The catalog alone says whether a collection exists. A folder that is being made or removed has the file
``INCOMPLETE`` in it from the first moment to the last: one that the catalog does not name is removed at the
next start only if it is marked so. A folder that is neither named nor marked stays.

The file ``collection`` is in a folder that is whole, and only there: it comes after the index, and goes
before anything else does. So a command that the catalog has led to a folder reads it, marked or not.

    making a collection      mark the folder, make the index in it, write ``collection``, write the catalog,
                             take the mark away
    removing a collection    mark the folder, write the catalog, remove ``collection``, then the folder, the
                             mark last
    switching an alias       write the catalog
"""

from __future__ import annotations

from contextlib import suppress

from asteroid_cloud.indexer.catalog.catalog import Catalog
from asteroid_cloud.indexer.catalog.catalog_file import encode_catalog, write_catalog
from asteroid_cloud.indexer.catalog.entry import CatalogEntry
from asteroid_cloud.indexer.catalog.marker import write_marker
from asteroid_cloud.wal.disk import (
    CollectionLayout,
    Files,
    StoreLayout,
    remove_if_exists,
    write_atomic,
)
from asteroid_cloud.wal.errors import Poisoned, StorageError

MARK = b"This collection is being made or removed. The catalog says whether it exists.\n"


def begin_collection(files: Files, store: StoreLayout, catalog: Catalog, entry: CatalogEntry) -> None:
    """Makes the marked folder of a collection that the catalog does not name yet; it has no index so far.

    A store without a catalog gets one before: a folder must never look like one whose catalog is lost.
    """
    if not files.exists(store.catalog):
        write_catalog(files, store, catalog)
    layout = store.collection(entry.id)
    files.make_dirs(layout.folder)
    write_atomic(files, layout.unsettled, MARK)


def name_collection(
    files: Files, store: StoreLayout, before: Catalog, catalog: Catalog, entry: CatalogEntry
) -> None:
    """Lets a collection whose index is durable exist; ``catalog`` is ``before`` with ``entry``.

    Raises as ``replace_catalog``.
    """
    write_marker(files, store.collection(entry.id), entry)
    replace_catalog(files, store, before, catalog)
    with suppress(StorageError):  # it exists: the next start takes the mark away
        settle(files, store.collection(entry.id))


def unname_collection(
    files: Files, store: StoreLayout, before: Catalog, catalog: Catalog, entry: CatalogEntry
) -> None:
    """Lets a collection exist no longer; its folder, which may still be open, is then to be removed.

    Raises as ``replace_catalog``.
    """
    layout = store.collection(entry.id)
    if files.is_dir(layout.folder):
        write_atomic(files, layout.unsettled, MARK)
    try:
        replace_catalog(files, store, before, catalog)
    except Poisoned:
        raise
    except BaseException:
        with suppress(StorageError):
            settle(files, layout)
        raise


def replace_catalog(files: Files, store: StoreLayout, before: Catalog, catalog: Catalog) -> None:
    """Makes a catalog the one that counts, durably.

    Raises NoSpace or StorageError when ``before`` counts still, Poisoned when it is not known which one does:
    a restart tells.
    """
    try:
        write_catalog(files, store, catalog)
    except StorageError as error:
        try:
            if not _is_in_place(files, store, before):
                write_catalog(files, store, before)
        except StorageError:
            reason = "it is not known which catalog of collections is on the disk; start again"
            raise Poisoned(reason) from error
        raise


def _is_in_place(files: Files, store: StoreLayout, catalog: Catalog) -> bool:
    """Whether the file was not replaced."""
    if not files.exists(store.catalog):
        return catalog == Catalog()
    wanted = encode_catalog(catalog)
    return files.read(store.catalog, 0, len(wanted) + 1) == wanted


def settle(files: Files, layout: CollectionLayout) -> None:
    """Takes the mark of an existing collection's folder away, if it has one."""
    if files.exists(layout.unsettled):
        files.remove(layout.unsettled)
        files.sync_dir(layout.folder)


def remove_folder(files: Files, store: StoreLayout, id_: str) -> None:
    """Removes the marked folder of a collection that does not exist; the mark goes last."""
    layout = store.collection(id_)
    if not files.is_dir(layout.folder):
        return
    mark = layout.unsettled
    if files.exists(layout.marker):
        files.remove(layout.marker)
        files.sync_dir(layout.folder)
    for name in files.list(layout.folder):
        if f"{layout.folder}/{name}" != mark:
            _remove(files, f"{layout.folder}/{name}")
    files.sync_dir(layout.folder)
    remove_if_exists(files, mark)
    files.remove_dir(layout.folder)
    files.sync_dir(store.collections)


def _remove(files: Files, path: str) -> None:
    """Removes a file or folder; that a folder is empty is durable before it goes."""
    if not files.is_dir(path):
        files.remove(path)
        return
    for name in files.list(path):
        _remove(files, f"{path}/{name}")
    files.sync_dir(path)
    files.remove_dir(path)
