"""A backup of a store with all of its collections, and a store from one.

At its root it is a backup of ``default``. Each other collection has a backup of its own in
``collections/<id>/``, so that one alone can be restored from it, too. The list at the root names the catalog
and the lists of the others: older programs refuse its format, for they would restore ``default`` alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from asteroid_cloud.indexer.backup.file_copy import write_chunks
from asteroid_cloud.indexer.backup.file_list import BackupList, ListedFile, is_backup, read_backup
from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.backup.restore import restore_backup, restore_files
from asteroid_cloud.indexer.backup.writer import backup_stopped_store
from asteroid_cloud.indexer.catalog.catalog import Catalog
from asteroid_cloud.indexer.catalog.catalog_file import encode_catalog, read_catalog
from asteroid_cloud.indexer.catalog.changes import begin_collection, name_collection, remove_folder
from asteroid_cloud.indexer.catalog.entry import CatalogEntry, new_id
from asteroid_cloud.indexer.catalog.marker import write_marker
from asteroid_cloud.indexer.catalog.opening import open_catalog
from asteroid_cloud.indexer.checkpoint.manifest import newest_manifest
from asteroid_cloud.indexer.limits import COLLECTIONS_LIMIT
from asteroid_cloud.indexer.model.errors import no_index
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import CATALOG, Files, StoreLayout, is_backup_of_a_collection
from asteroid_cloud.wal.errors import CorruptionError, Poisoned, StorageError
from asteroid_cloud.wal.format import IndexCreated, IndexDeleted
from asteroid_cloud.wal.read import LogReader
from asteroid_cloud.wal.store import enter, look


def back_up_whole_store(files: Files, store: str, target: str, previous: str | None = None) -> BackupReport:
    """Copies a store that nobody has open, with all of its collections, into the new folder ``target``.

    Raises as ``backup_stopped_store``; one collection that is damaged is enough for that.
    """
    with look(files, store):
        catalog = open_catalog(files, StoreLayout(store))
        if not catalog.entries and not catalog.aliases:
            return backup_stopped_store(files, store, target, previous)
        reports: list[BackupReport] = []

        def others(guarded: Files) -> list[ListedFile]:
            return list(_back_up_others(guarded, store, target, previous, catalog, reports))

        reports.insert(0, backup_stopped_store(files, store, target, previous, others))
    return _sum(reports)


def restore_whole_store(files: Files, folder: str, into: str) -> BackupReport:
    """Makes a store of a backup, with all of the collections that are in it; raises as ``restore_backup``."""
    reports: list[BackupReport] = []

    def others(guarded: Files) -> None:
        catalog = read_catalog(files, StoreLayout(folder))
        for entry in catalog.entries.values() if catalog is not None else ():
            made = StoreLayout(into).collection(entry.id)
            source = StoreLayout(folder).collection(entry.id).folder
            found = read_backup(files, source)
            reports.append(restore_files(guarded, source, made, found))
            write_marker(guarded, made, entry)

    reports.insert(0, restore_backup(files, folder, into, others))
    return _sum(reports)


def restore_collection(files: Files, folder: str, store: str, name: str) -> BackupReport:
    """Adds the collection that ``folder`` is a backup of to a store that nobody has open, under a free name.

    Of the backup of a whole store it is ``default``. Raises as ``enter`` and ``read_backup``, Conflict
    ``name_taken``, InvalidRequest ``bad_collection_name``, Conflict ``index_not_initialized`` when nothing is
    in the backup, CorruptionError, NoSpace; the store is then as it was.
    """
    listed = read_backup(files, folder)
    alone = [
        each for each in listed.files if each.path != CATALOG and not is_backup_of_a_collection(each.path)
    ]
    found = msgspec.structs.replace(listed, files=alone)
    made = _spec_of(files, folder).creation
    with enter(files, store) as access:
        layout = StoreLayout(store)
        catalog = open_catalog(access.files, layout)
        catalog.check_free(name, COLLECTIONS_LIMIT)
        entry = CatalogEntry(
            name=name,
            id=new_id(),
            dim=made.dim,
            metric=made.metric,
            bits=made.bits,
            ids=made.ids,
            vector=made.vector,
        )
        try:
            begin_collection(access.files, layout, catalog, entry)
            report = restore_files(access.files, folder, layout.collection(entry.id), found)
            name_collection(access.files, layout, catalog, catalog.with_entry(entry), entry)
        except Poisoned:
            raise
        except BaseException:
            with suppress(StorageError):  # if even that fails, the next start removes it
                remove_folder(access.files, layout, entry.id)
            raise
    return report


def _spec_of(files: Files, folder: str) -> IndexSpec:
    """What the index in a backup is; raises Conflict ``index_not_initialized`` when there is none."""
    layout = StoreLayout(folder).collection()
    manifest = newest_manifest(files, layout.index)
    spec = None if manifest is None else manifest.spec
    reader = LogReader(files, layout.log)
    for record in reader.read(Lsn(1 + (0 if manifest is None else manifest.applied_lsn))):
        if isinstance(record.event, IndexCreated):
            spec = IndexSpec.of(record.event)
        elif isinstance(record.event, IndexDeleted):
            spec = None
    if spec is None:
        raise no_index()
    return spec


def backups_in(files: Files, folder: str) -> Iterator[tuple[str, BackupList]]:
    """The folders of the backups of which a backup of a whole store is made, ``folder`` first.

    Raises as ``read_backup``, and CorruptionError for a collection that is missing.
    """
    yield folder, read_backup(files, folder)
    layout = StoreLayout(folder)
    for entry in (read_catalog(files, layout) or Catalog()).entries.values():
        path = layout.collection(entry.id).folder
        if not is_backup(files, path):
            raise CorruptionError(path, 0, f"the backup lacks the collection {entry.name}")
        yield path, read_backup(files, path)


def _back_up_others(
    files: Files,
    store: str,
    target: str,
    previous: str | None,
    catalog: Catalog,
    reports: list[BackupReport],
) -> Iterator[ListedFile]:
    for entry in catalog.entries.values():
        source, made = (StoreLayout(path).collection(entry.id) for path in (store, target))
        earlier = None if previous is None else StoreLayout(previous).collection(entry.id).folder
        if earlier is not None and not is_backup(files, earlier):
            earlier = None  # the collection is newer than that backup
        files.make_dirs(StoreLayout(target).collections)
        reports.append(backup_stopped_store(files, source.folder, made.folder, earlier))
        content = files.read(made.backup_list, 0, files.size(made.backup_list))
        root = StoreLayout(target).collection()
        yield ListedFile(root.relative(made.backup_list), len(content), zlib.crc32(content))
    content = encode_catalog(catalog)
    crc = write_chunks(files, StoreLayout(target).catalog, [content])
    yield ListedFile(CATALOG, len(content), crc)


def _sum(reports: list[BackupReport]) -> BackupReport:
    """One report about all, with the record that the first one reaches."""
    first = reports[0]
    return msgspec.structs.replace(
        first,
        files=sum(each.files for each in reports),
        bytes=sum(each.bytes for each in reports),
        linked_bytes=sum(each.linked_bytes for each in reports),
        damaged=[sentence for each in reports for sentence in each.damaged],
    )
