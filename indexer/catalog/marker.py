"""The file ``collection``: a folder says which collection it is, so that a lost catalog can be rebuilt."""

from __future__ import annotations

import msgspec

from asteroid_cloud.indexer.catalog.catalog import NAME
from asteroid_cloud.indexer.catalog.entry import ID, CatalogEntry
from asteroid_cloud.indexer.checkpoint.manifest import HEADER, checked_file, unchecked
from asteroid_cloud.wal.disk import CollectionLayout, Files, name_of, read_small, write_atomic
from asteroid_cloud.wal.errors import CorruptionError

MAGIC = b"ASTRCOL1"
VERSION = 1
MARKER_BYTES_MAX = 4096


def write_marker(files: Files, layout: CollectionLayout, entry: CatalogEntry) -> None:
    """Names the folder, durably; raises NoSpace, StorageError."""
    write_atomic(files, layout.marker, checked_file(MAGIC, msgspec.json.encode(entry), VERSION))


def read_marker(files: Files, layout: CollectionLayout) -> CatalogEntry:
    """Which collection the folder is; raises CorruptionError, UnsupportedVersion, StorageError."""
    path = layout.marker
    if not files.exists(path):
        raise CorruptionError(path, 0, "the file is missing, so it is not known which collection this is")
    body = unchecked(path, MAGIC, read_small(files, path, MARKER_BYTES_MAX), VERSION)
    try:
        entry = msgspec.json.decode(body, type=CatalogEntry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, HEADER.size, f"it does not decode: {error}") from error
    if NAME.fullmatch(entry.name) is None or ID.fullmatch(entry.id) is None:
        raise CorruptionError(path, HEADER.size, "it names no collection")
    if name_of(layout.folder) != entry.id:
        raise CorruptionError(path, HEADER.size, f"it is that of the collection {entry.id}")
    return entry
