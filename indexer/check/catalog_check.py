"""Whether the catalog and the folders of collections agree, in a store or in a backup of a whole one."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from asteroid_cloud.indexer.backup.file_list import is_backup
from asteroid_cloud.indexer.catalog.catalog import Catalog
from asteroid_cloud.indexer.catalog.entry import CatalogEntry
from asteroid_cloud.indexer.catalog.marker import read_marker
from asteroid_cloud.indexer.catalog.opening import folders_of, is_unsettled, open_catalog
from asteroid_cloud.indexer.catalog.rebuild import entries_of
from asteroid_cloud.indexer.check.findings import ANOTHER_BACKUP, FROM_BACKUP, Finding, Findings
from asteroid_cloud.indexer.checkpoint.manifest import newest_manifest
from asteroid_cloud.indexer.limits import CATALOG_BYTES_MAX
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.wal.disk import CollectionLayout, Files, StoreLayout
from asteroid_cloud.wal.errors import AsteroidError, CorruptionError, LockHeld, StorageError
from asteroid_cloud.wal.store import look_beside

ATTEMPTS_MAX = 5
"""How often the catalog of a store in use is read again because it has changed meanwhile."""
REBUILD = "restore a backup, or make it again: asteroid recovery --rebuild-catalog"
MOVE_AWAY = "if it is missed, put it and its catalog back together from a backup; else move it away"


class CatalogVerified(msgspec.Struct, frozen=True):
    """What was found of the names of collections; what is in each is checked apart."""

    findings: list[Finding]
    notes: list[str]
    entries: list[CatalogEntry]
    """The collections whose folders are there. Of a damaged catalog: those that say which they are."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


class CatalogCheck:
    """One look at the catalog of a store or a backup, which a process may have open."""

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._store = StoreLayout(path)
        self._findings = Findings()

    def run(self) -> CatalogVerified:
        """Looks; raises as ``look_beside``, and UnsupportedVersion for the catalog of a newer program.

        Raises LockHeld when a process changes the names of collections faster than they can be read.
        """
        for _ in range(ATTEMPTS_MAX):
            with look_beside(self._files, self._store.root, backups=True, id_=None) as is_in_use:
                before = self._content()
                folders = folders_of(self._files, self._store)  # before the catalog, which is then no older
                entries = self._entries(folders)
                if not self._findings.problems or not is_in_use or self._content() == before:
                    notes = [] if is_in_use else self._findings.notes
                    return CatalogVerified(self._findings.problems, notes, entries)
            self._findings = Findings()
        raise LockHeld("a process that has the store open changes its collections faster than can be read")

    def _content(self) -> bytes:
        """The file as it is now."""
        path = self._store.catalog
        return self._files.read(path, 0, CATALOG_BYTES_MAX) if self._files.exists(path) else b""

    def _entries(self, folders: list[str]) -> list[CatalogEntry]:
        files, store, is_copy = self._files, self._store, is_backup(self._files, self._store.root)
        try:
            catalog = open_catalog(files, store)
        except CorruptionError as error:
            advice = ANOTHER_BACKUP if is_copy else REBUILD
            self._findings.add(error.path, f"byte {error.offset}: {error.reason}", advice)
            return [] if is_copy else entries_of(files, store, folders)[0]
        self._check_unknown(folders, catalog, is_copy)
        return [entry for entry in catalog.entries.values() if self._is_there(entry, is_copy)]

    def _check_unknown(self, folders: Iterable[str], catalog: Catalog, is_copy: bool) -> None:
        """The folders that the catalog does not name."""
        for name in folders:
            layout = self._store.collection(name)
            if name in catalog.ids:
                continue
            if is_copy:
                self._findings.note(f"{layout.folder} is no part of the backup")
            elif self._is_passing(layout):
                self._findings.note(f"{layout.folder} was being made or removed; the next start removes it")
            else:
                problem = f"no collection of the catalog lies here{self._own_name(name)}"
                self._findings.add(layout.folder, problem, MOVE_AWAY)

    def _is_passing(self, layout: CollectionLayout) -> bool:
        """Whether a folder is marked, or gone by now."""
        try:
            return is_unsettled(self._files, layout) or not self._files.exists(layout.folder)
        except StorageError:
            if self._files.exists(layout.folder):
                raise
            return True

    def _own_name(self, id_: str) -> str:
        with suppress(AsteroidError):
            return f"; it says that it is {read_marker(self._files, self._store.collection(id_)).name}"
        return ""

    def _is_there(self, entry: CatalogEntry, is_copy: bool) -> bool:
        """Whether a collection has a folder; checks that this is the one that the catalog means."""
        layout = self._store.collection(entry.id)
        advice = ANOTHER_BACKUP if is_copy else FROM_BACKUP
        if not self._files.is_dir(layout.folder):
            self._findings.add(layout.folder, f"the collection {entry.name} has no folder", advice)
            return False
        if not is_copy:
            with self._findings.catch(layout.marker, FROM_BACKUP):
                self._check_same(layout.marker, entry, read_marker(self._files, layout))
        with suppress(AsteroidError):  # that of the collection finds what is wrong with its index
            manifest = newest_manifest(self._files, layout.index)
            if manifest is not None and manifest.spec is not None:
                self._check_same(layout.index, entry, _described(entry, manifest.spec))
        return True

    def _check_same(self, place: str, entry: CatalogEntry, found: CatalogEntry) -> None:
        if found != entry:
            problem = f"the catalog has {_shown(entry)}, here is {_shown(found)}"
            self._findings.add(place, problem, FROM_BACKUP)


def _described(entry: CatalogEntry, spec: IndexSpec) -> CatalogEntry:
    """The entry that a collection with this index would have."""
    made = spec.creation
    return msgspec.structs.replace(
        entry, dim=spec.dim, metric=spec.metric, bits=spec.bits, ids=made.ids, vector=made.vector
    )


def _shown(entry: CatalogEntry) -> str:
    return ", ".join(f"{key} {value}" for key, value in msgspec.structs.asdict(entry).items())
