"""How large a collection is that nobody has open."""

from __future__ import annotations

from asteroid_cloud.indexer.checkpoint.deleted_rows import unpack_deleted
from asteroid_cloud.indexer.checkpoint.manifest import NAME, newest_manifest
from asteroid_cloud.wal.disk import CollectionLayout, Files, name_of


def closed_size(files: Files, layout: CollectionLayout) -> tuple[int, int]:
    """The rows that are alive as of the newest manifest, and the bytes of the log and of segments.

    Raises CorruptionError, UnsupportedVersion, StorageError.
    """
    manifest = newest_manifest(files, layout.index)
    rows = 0
    for entry in manifest.segments if manifest is not None else ():
        deleted = unpack_deleted(layout.index, entry.dead, entry.rows).tobytes()
        rows += entry.rows - int.from_bytes(deleted).bit_count()
    folders = [folder for folder in (layout.log, layout.index) if files.is_dir(folder)]
    paths = [f"{folder}/{name}" for folder in folders for name in files.list(folder)]
    return rows, sum(files.size(path) for path in paths if NAME.fullmatch(name_of(path)) is None)
