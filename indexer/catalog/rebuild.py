"""A catalog made again from the folders of the collections, in the place of one that is damaged or lost.

The damaged one stays beside it as evidence. Aliases are lost with it: nothing else knows them.
"""

from __future__ import annotations

import msgspec

from asteroid_cloud.indexer.catalog.catalog import Catalog
from asteroid_cloud.indexer.catalog.catalog_file import read_catalog, write_catalog
from asteroid_cloud.indexer.catalog.entry import CatalogEntry
from asteroid_cloud.indexer.catalog.marker import read_marker
from asteroid_cloud.indexer.catalog.opening import folders_of
from asteroid_cloud.wal.disk import Files, StoreLayout, broken_name, name_of, rename_durably
from asteroid_cloud.wal.errors import Conflict, CorruptionError, StorageError


class RebuiltCatalog(msgspec.Struct, frozen=True):
    """What was made of the folders."""

    collections: list[str]
    """The names of the collections that are in the catalog again."""
    left_out: list[str]
    """A sentence about each folder that is not; these stay as they are."""
    kept: str | None
    """The name that the damaged catalog has now; None when there was none."""


def rebuild_catalog(files: Files, store: StoreLayout) -> RebuiltCatalog:
    """Makes a catalog of the folders that say which collection they are; the store has to be entered.

    Raises Conflict ``catalog_whole`` when the catalog can be read, or there is nothing to make one of,
    UnsupportedVersion when a newer program wrote it, NoSpace, StorageError.
    """
    folders = folders_of(files, store)
    if _is_whole(files, store) or not (folders or files.exists(store.catalog)):
        raise Conflict("the catalog of collections is whole", code="catalog_whole")
    entries, left_out = entries_of(files, store, folders)
    kept = _put_aside(files, store)
    write_catalog(files, store, Catalog(entries))
    return RebuiltCatalog(sorted(entry.name for entry in entries), left_out, kept)


def _is_whole(files: Files, store: StoreLayout) -> bool:
    try:
        return read_catalog(files, store) is not None
    except CorruptionError:
        return False


def entries_of(files: Files, store: StoreLayout, folders: list[str]) -> tuple[list[CatalogEntry], list[str]]:
    """The collections of the folders, and a sentence about each that is left out."""
    found: dict[str, list[CatalogEntry]] = {}
    left_out = []
    for name in folders:
        layout = store.collection(name)
        if files.exists(layout.unsettled):
            left_out.append(f"{name}: it was being made or removed")
            continue
        try:
            entry = read_marker(files, layout)
            found.setdefault(entry.name, []).append(entry)
        except StorageError as error:
            reason = error.reason if isinstance(error, CorruptionError) else error.message
            left_out.append(f"{name}: {reason}")
    for name, same in found.items():
        if len(same) > 1:
            left_out += [f"{entry.id}: another folder is {name} as well" for entry in same]
    return [same[0] for same in found.values() if len(same) == 1], left_out


def _put_aside(files: Files, store: StoreLayout) -> str | None:
    """Gives the damaged catalog, if there is one, a name that says so."""
    if not files.exists(store.catalog):
        return None
    aside, number = broken_name(store.catalog), 1
    while files.exists(aside):
        number += 1
        aside = f"{broken_name(store.catalog)}.{number}"
    rename_durably(files, store.catalog, aside)
    return name_of(aside)
