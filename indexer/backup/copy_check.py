"""Checking a copy as what it is: the files of a store. What was damaged in the store is not backed up."""

from __future__ import annotations

from collections.abc import Collection

from asteroid_cloud.indexer.checkpoint.manifest import Manifest, newest_manifest
from asteroid_cloud.indexer.checkpoint.open_checkpoint import open_entry
from asteroid_cloud.indexer.segment.paths import segment_paths
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import CollectionLayout, Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.read import LogReader


def check_copy(
    files: Files, copy: CollectionLayout, store: CollectionLayout, copied: Collection[str]
) -> None:
    """Opens the segments of which a file was ``copied``, and checks the log.

    Paths are relative to the collection's folder; linked files were checked when they were copied. Raises
    CorruptionError, which names the file in the store.
    """
    try:
        manifest = newest_manifest(files, copy.index)
        if manifest is not None:
            _check_segments(files, copy, manifest, copied)
        _check_log(files, copy, manifest)
    except CorruptionError as error:
        path = f"{store.folder}/{copy.relative(error.path)}"
        raise CorruptionError(path, error.offset, f"{error.reason}; the store itself is damaged") from error


def _check_segments(
    files: Files, copy: CollectionLayout, manifest: Manifest, copied: Collection[str]
) -> None:
    at = Lsn(manifest.applied_lsn)
    for entry in manifest.segments:
        paths = [copy.relative(path) for path in segment_paths(copy.index, entry.number)]
        if manifest.spec is not None and not set(copied).isdisjoint(paths):
            open_entry(files, copy.index, manifest.identity, at, entry, manifest.spec)


def _check_log(files: Files, copy: CollectionLayout, manifest: Manifest | None) -> None:
    """Whether every frame is whole, and the log goes on where the checkpoint ends."""
    found = LogReader(files, copy.log).check(bodies=False)
    for damage in [*found.damage, *([found.torn_tail] if found.torn_tail else [])]:
        raise damage.error()
    at = manifest.applied_lsn if manifest is not None else 0
    if not found.first_lsn - 1 <= at <= found.last_lsn:
        reason = f"the checkpoint is at record {at}, the log holds {found.first_lsn} to {found.last_lsn}"
        raise CorruptionError(copy.log, 0, reason)
