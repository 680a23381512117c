"""What a backup copies: files of a store that stay in place until it is done.

Beside the checkpoint and the log these are the tags, with the segments that only they need, and the record of
what the store has lost. A tag that does not read is left out and named: it must not keep the rest from being
backed up.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from asteroid_cloud.indexer.checkpoint.manifest import Manifest, decode_manifest
from asteroid_cloud.indexer.checkpoint.pins import PinnedCheckpoint
from asteroid_cloud.indexer.checkpoint.retention import FILE_BYTES_MAX
from asteroid_cloud.indexer.history.tags import UNREADABLE, read_tag, tag_names
from asteroid_cloud.indexer.limits import TAG_BYTES_MAX
from asteroid_cloud.indexer.loss.loss_record import LOST_BYTES_MAX
from asteroid_cloud.indexer.segment.paths import segment_paths
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import CollectionLayout, Files, read_small
from asteroid_cloud.wal.errors import StorageError


class FileToCopy(msgspec.Struct, frozen=True):
    """The first ``size`` bytes of a file, or its contents where they were read already."""

    path: str
    """Relative to the collection's folder."""
    size: int
    content: bytes | None = None
    is_immutable: bool = False


class PinnedTag(msgspec.Struct, frozen=True):
    """A tag of the store, and what it takes to restore it."""

    name: str
    manifest: Manifest
    sources: list[FileToCopy]
    """The files of its segments, which the checkpoint may have too, and its own, which comes last."""

    @property
    def segments(self) -> frozenset[int]:
        """The segments that it needs."""
        return frozenset(entry.number for entry in self.manifest.segments)


class PinnedState(msgspec.Struct, frozen=True):
    """What a backup copies: all of it stays in place until the backup is done."""

    identity: bytes
    lsn: Lsn
    manifest: Manifest | None
    """That of the checkpoint."""
    sources: list[FileToCopy]
    """Of the checkpoint, of the log, and what is lost."""
    tags: list[PinnedTag]
    damaged: list[str]
    """Tags that do not read, and why."""


def pinned_tags(files: Files, layout: CollectionLayout) -> tuple[list[PinnedTag], list[str]]:
    """The tags of a store, and a sentence about each that does not read."""
    found: list[PinnedTag] = []
    damaged: list[str] = []
    for name in tag_names(files, layout):
        path = layout.tag(name)
        try:
            content = read_small(files, path, TAG_BYTES_MAX)
            manifest = read_tag(files, layout, name).decoded()
        except UNREADABLE as error:
            damaged.append(tag_left_out(name, error))
            continue
        segments = segment_files(files, layout, (entry.number for entry in manifest.segments))
        own = FileToCopy(layout.relative(path), len(content), content)
        found.append(PinnedTag(name, manifest, [*segments, own]))
    return found, damaged


def manifest_of(checkpoint: PinnedCheckpoint) -> Manifest | None:
    """The manifest that is pinned; raises CorruptionError."""
    return None if checkpoint.manifest is None else decode_manifest(checkpoint.manifest, checkpoint.content)


def tag_left_out(name: str, error: StorageError) -> str:
    """Says that a tag is not in the backup."""
    return f"tag {name} of the store, which is left out: {error.message}"


def sources_of(
    files: Files,
    layout: CollectionLayout,
    checkpoint: PinnedCheckpoint,
    log: Iterable[tuple[Lsn, str, int]],
) -> list[FileToCopy]:
    """The files of a checkpoint (its manifest, its segments) and the log, what is lost and what is kept."""
    found = []
    if checkpoint.manifest is not None:
        path = layout.relative(f"{layout.index}/{checkpoint.manifest}")
        found.append(FileToCopy(path, len(checkpoint.content), checkpoint.content))
    found += segment_files(files, layout, checkpoint.segments)
    found += [FileToCopy(layout.relative(path), size) for _, path, size in log]
    for path, bytes_max in ((layout.lost, LOST_BYTES_MAX), (layout.retention, FILE_BYTES_MAX)):
        if files.exists(path):
            content = read_small(files, path, bytes_max)
            found.append(FileToCopy(layout.relative(path), len(content), content))
    return found


def segment_files(files: Files, layout: CollectionLayout, numbers: Iterable[int]) -> list[FileToCopy]:
    """The files of segments, those that there are."""
    paths = (path for number in numbers for path in segment_paths(layout.index, number))
    return [
        FileToCopy(layout.relative(path), files.size(path), is_immutable=True)
        for path in paths
        if files.exists(path)
    ]
