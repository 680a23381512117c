"""What a backup copies: files of a store that stay in place until it is done."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from asteroid_cloud.indexer.checkpoint.pins import PinnedCheckpoint
from asteroid_cloud.indexer.segment.paths import segment_paths
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import CollectionLayout, Files


class FileToCopy(msgspec.Struct, frozen=True):
    """The first ``size`` bytes of a file, or its contents where they were read already."""

    path: str
    """Relative to the collection's folder."""
    size: int
    content: bytes | None = None
    is_immutable: bool = False


class PinnedState(msgspec.Struct, frozen=True):
    """What a backup copies: all of it stays in place until the backup is done."""

    identity: bytes
    lsn: Lsn
    sources: list[FileToCopy]


def sources_of(
    files: Files,
    layout: CollectionLayout,
    checkpoint: PinnedCheckpoint,
    log: Iterable[tuple[Lsn, str, int]],
) -> list[FileToCopy]:
    """The files of a checkpoint (its manifest, its segments) and of the log."""
    found = []
    if checkpoint.manifest is not None:
        path = layout.relative(f"{layout.index}/{checkpoint.manifest}")
        found.append(FileToCopy(path, len(checkpoint.content), checkpoint.content))
    for number in checkpoint.segments:
        for path in segment_paths(layout.index, number):
            if files.exists(path):
                found.append(FileToCopy(layout.relative(path), files.size(path), is_immutable=True))
    found += [FileToCopy(layout.relative(path), size) for _, path, size in log]
    return found
