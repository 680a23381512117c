"""Where everything lies in a data directory. Each of these names is spelled here, and only here.

    LOCK                           one process at a time has the store open
    wal/  index/  tags/            the collection ``default``: its log, its index, its tags
    lost.json                      what it has lost to damage
    retention.json                 how much of its log it keeps
    index.rebuilt/                 an index under construction beside the live one
    index.broken.N/                an index that a rebuilt one has replaced
    restored/{wal,index,tags}      what a restore in place is about to swap in, once ``READY`` is there
    replaced.N/{wal,index,tags}    what it has replaced; undo brings back the highest N
    INCOMPLETE                     the folder is still being made, or its making was interrupted
    catalog                        the names of the other collections, and aliases
    catalog.broken[.N]             one that a rebuilt catalog has replaced
    collections/<id>/              any other collection, laid out as ``default`` is at the root
    collections/<id>/collection    which one it is; there only while all of its files are
    collections/<id>/INCOMPLETE    it is being made or removed; the catalog says whether it exists

A backup is a folder with a ``wal`` and an ``index`` as well, and with ``BACKUP.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

DEFAULT = "default"
"""The collection that every store has, at its root."""
LOG = "wal"
INDEX = "index"
TAGS = "tags"
LOCK = "LOCK"
CATALOG = "catalog"
LOST = "lost.json"
BACKUP_LIST = "BACKUP.json"
RETENTION = "retention.json"
READY = "READY"
INCOMPLETE = "INCOMPLETE"
PARTS = (INDEX, LOG, TAGS)
"""The folders that make up a collection; a restore in place swaps them, in this order."""
_COLLECTIONS = "collections"
_MARKER = "collection"
_RESTORED = "restored"
_COLLECTION_LIST = re.compile(rf"{_COLLECTIONS}/[0-9a-f]{{16}}/{re.escape(BACKUP_LIST)}")
_REBUILT = f"{INDEX}.rebuilt"
_BROKEN_INDEX = f"{INDEX}.broken"
_NUMBERED = re.compile(r"(.*)\.(\d+)")
_REPLACED = "replaced"
_BROKEN = ".broken"
_EVIDENCE = re.compile(rf".*\{_BROKEN}(\.\d+)?|{re.escape(_REBUILT)}|{_REPLACED}\.\d+")


@dataclass(frozen=True, slots=True)
class StoreLayout:
    """A data directory: what its collections share, and where each of them lies."""

    root: str

    @property
    def lock(self) -> str:
        """The file whose lock is that of the whole store."""
        return f"{self.root}/{LOCK}"

    @property
    def incomplete(self) -> str:
        """The file that says that the folder is not complete, in a store or backup that is being made."""
        return f"{self.root}/{INCOMPLETE}"

    @property
    def catalog(self) -> str:
        """The file that names the collections beside ``default``, and the aliases."""
        return f"{self.root}/{CATALOG}"

    @property
    def collections(self) -> str:
        """The folder of the collections beside ``default``."""
        return f"{self.root}/{_COLLECTIONS}"

    def collection(self, name: str = DEFAULT) -> CollectionLayout:
        """Where a collection lies; ``name`` is ``default`` or the id of another one."""
        if name == DEFAULT:
            return CollectionLayout(self.root, self.root)
        return CollectionLayout(self.root, f"{self.collections}/{name}")


@dataclass(frozen=True, slots=True)
class CollectionLayout:
    """The folder of one collection: its log, its index, its tags, and what repairs and restores leave."""

    root: str
    """The data directory, whose lock protects the collection."""
    folder: str

    @property
    def marker(self) -> str:
        """The file that says which collection this is; ``default`` has none."""
        return f"{self.folder}/{_MARKER}"

    @property
    def unsettled(self) -> str:
        """The file whose presence says that the collection is being made or removed."""
        return f"{self.folder}/{INCOMPLETE}"

    @property
    def log(self) -> str:
        """The folder of the log."""
        return f"{self.folder}/{LOG}"

    @property
    def index(self) -> str:
        """The folder of the index: manifests and segments."""
        return f"{self.folder}/{INDEX}"

    @property
    def tags(self) -> str:
        """The folder of the tags."""
        return f"{self.folder}/{TAGS}"

    def tag(self, name: str) -> str:
        """The file of one tag."""
        return f"{self.tags}/{name}"

    @property
    def lost(self) -> str:
        """The file that says what was lost to damage."""
        return f"{self.folder}/{LOST}"

    @property
    def retention(self) -> str:
        """The file that says how much of the log the store keeps."""
        return f"{self.folder}/{RETENTION}"

    @property
    def rebuilt_index(self) -> str:
        """The folder in which another index is built, before it replaces the live one."""
        return f"{self.folder}/{_REBUILT}"

    @property
    def rebuilt_ready(self) -> str:
        """The file whose presence says that the index in ``rebuilt_index`` is to replace the live one."""
        return f"{self.rebuilt_index}/{READY}"

    def broken_index(self, number: int) -> str:
        """The folder of the ``number``-th index that a rebuilt one has replaced."""
        return f"{self.folder}/{_BROKEN_INDEX}.{number}"

    @property
    def restored(self) -> CollectionLayout:
        """What a restore in place is about to swap in."""
        return CollectionLayout(self.root, f"{self.folder}/{_RESTORED}")

    def replaced(self, number: int) -> CollectionLayout:
        """What the ``number``-th restore in place has replaced."""
        return CollectionLayout(self.root, f"{self.folder}/{_REPLACED}.{number}")

    @property
    def ready(self) -> str:
        """The file whose presence says that this folder is complete and may be swapped in."""
        return f"{self.folder}/{READY}"

    @property
    def backup_list(self) -> str:
        """The list of a backup's files; a folder without it is no backup."""
        return f"{self.folder}/{BACKUP_LIST}"

    @property
    def parts(self) -> list[str]:
        """The folders that make up the collection."""
        return [f"{self.folder}/{part}" for part in PARTS]

    def relative(self, path: str) -> str:
        """A path below the collection's folder without that folder; any other as it is."""
        return path.removeprefix(f"{self.folder}/")


def has_store(names: Iterable[str]) -> bool:
    """Whether the names in a folder are those of a store, which may be about to be replaced."""
    return not {LOG, INDEX, CATALOG, _RESTORED, _REBUILT}.isdisjoint(names)


def is_whole_collection(names: Iterable[str]) -> bool:
    """Whether the names in a folder are those of a named collection all of whose files are there.

    The catalog says whether it exists; a mark in it says only that this was being changed.
    """
    return _MARKER in names


def is_backup_of_a_collection(path: str) -> bool:
    """Whether a path in a backup of a whole store is the list of one collection's backup."""
    return _COLLECTION_LIST.fullmatch(path) is not None


def broken_indexes(names: Iterable[str]) -> list[int]:
    """The numbers of the replaced indexes among the names in a collection's folder, ascending."""
    return _numbers(_BROKEN_INDEX, names)


def replaced_states(names: Iterable[str]) -> list[int]:
    """The numbers of the states that restores in place have replaced, ascending."""
    return _numbers(_REPLACED, names)


def is_evidence(name: str) -> bool:
    """Whether a file or folder is what recovery, a repair or a restore left behind; it may hold anything."""
    return _EVIDENCE.fullmatch(name) is not None


def broken_name(path: str) -> str:
    """The name under which a damaged file is kept as evidence."""
    return path + _BROKEN


def name_of(path: str) -> str:
    """The last part of a path: messages tell files by their names, not by where the store lies."""
    return path.rpartition("/")[2]


def _numbers(stem: str, names: Iterable[str]) -> list[int]:
    matches = (_NUMBERED.fullmatch(name) for name in names)
    return sorted(int(match[2]) for match in matches if match and match[1] == stem)
