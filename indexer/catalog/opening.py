"""The catalog of a store that was just entered, and what an interrupted change has left."""

from __future__ import annotations

import msgspec

from asteroid_cloud.indexer.catalog.catalog import Catalog
from asteroid_cloud.indexer.catalog.catalog_file import read_catalog
from asteroid_cloud.indexer.catalog.changes import remove_folder, settle
from asteroid_cloud.wal.disk import UNFINISHED, CollectionLayout, Files, StoreLayout, name_of
from asteroid_cloud.wal.errors import CorruptionError

ADVICE = "restore a backup, or make it again of the collections' folders: asteroid recovery --rebuild-catalog"


def open_catalog(files: Files, store: StoreLayout) -> Catalog:
    """The catalog of a store that was just entered; an empty one for a store that has none.

    Raises CorruptionError for a damaged or lost one, UnsupportedVersion, StorageError; nothing is changed.
    """
    try:
        catalog = read_catalog(files, store)
    except CorruptionError as error:
        raise CorruptionError(error.path, error.offset, f"{error.reason}; {ADVICE}") from error
    if catalog is None and folders_of(files, store):
        reason = f"the file is missing, and there are collections; {ADVICE}"
        raise CorruptionError(store.catalog, 0, reason)
    return catalog or Catalog()


def folders_of(files: Files, store: StoreLayout) -> list[str]:
    """The names of the folders in which collections lie, or lay."""
    return sorted(files.list(store.collections)) if files.is_dir(store.collections) else []


class Cleaned(msgspec.Struct, frozen=True):
    """What was done about folders when a store was entered."""

    removed: list[str] = []
    """Those whose making or removing had been interrupted."""
    unknown: list[str] = []
    """Those that the catalog does not name, and nothing marks: they stay."""


def clean(files: Files, store: StoreLayout, catalog: Catalog) -> Cleaned:
    """Removes folders whose making or removing was interrupted, and settles those that the catalog names."""
    ids, removed, unknown = catalog.ids, [], []
    for name in folders_of(files, store):
        layout = store.collection(name)
        if name in ids:
            settle(files, layout)
        elif is_unsettled(files, layout):
            remove_folder(files, store, name)
            removed.append(name)
        else:
            unknown.append(name)
    return Cleaned(removed, unknown)


def is_unsettled(files: Files, layout: CollectionLayout) -> bool:
    """Whether a folder is marked, or was to be marked and there was nothing in it yet, or no longer."""
    if files.exists(layout.unsettled):
        return True
    is_mark = {name_of(layout.unsettled) + UNFINISHED}.issuperset
    return files.is_dir(layout.folder) and is_mark(files.list(layout.folder))
