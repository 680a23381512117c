"""How large a collection is that nobody has open."""

from __future__ import annotations

from asteroid_cloud.indexer.checkpoint.deleted_rows import unpack_deleted
from asteroid_cloud.indexer.checkpoint.manifest import NAME, Manifest, newest_manifest
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import CollectionLayout, Files, name_of
from asteroid_cloud.wal.read import has_records_after


def closed_size(files: Files, layout: CollectionLayout) -> tuple[int | None, int]:
    """The rows that are alive, and the bytes of the log and of segments.

    None for the rows when the log goes on behind the newest manifest: who opens the collection learns how
    many there are. Raises CorruptionError, UnsupportedVersion, StorageError.
    """
    manifest = newest_manifest(files, layout.index)
    at = Lsn(0 if manifest is None else manifest.applied_lsn)
    rows = None if has_records_after(files, layout.log, at) else _living(layout, manifest)
    folders = [folder for folder in (layout.log, layout.index) if files.is_dir(folder)]
    paths = [f"{folder}/{name}" for folder in folders for name in files.list(folder)]
    return rows, sum(files.size(path) for path in paths if NAME.fullmatch(name_of(path)) is None)


def _living(layout: CollectionLayout, manifest: Manifest | None) -> int:
    rows = 0
    for entry in manifest.segments if manifest is not None else ():
        deleted = unpack_deleted(layout.index, entry.dead, entry.rows).tobytes()
        rows += entry.rows - int.from_bytes(deleted).bit_count()
    return rows
