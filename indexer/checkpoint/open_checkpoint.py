"""Opening a checkpoint: its manifest, and every byte of its segments."""

from __future__ import annotations

from dataclasses import dataclass

from asteroid_cloud.indexer.checkpoint.deleted_rows import unpack_deleted
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, SegmentEntry
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.paths import check_required_files, graph_path
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal import FIRST_HISTORY, Histories, Lsn
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import CorruptionError


@dataclass(frozen=True, slots=True)
class Recovered:
    """The checkpoint that replay starts from."""

    identity: bytes
    manifest_number: int
    applied_lsn: Lsn
    spec: IndexSpec | None
    next_segment: int
    segments: list[Segment]
    created_lsn: Lsn
    applied_ms: int = 0
    histories: Histories = FIRST_HISTORY
    requests: bytes = b""
    """As the manifest has them."""
    text: TextDefinition | None = None


def open_checkpoint(files: Files, folder: str, manifest: Manifest | None, identity: bytes) -> Recovered:
    """Opens and checks every segment of the checkpoint; changes nothing on the disk."""
    if manifest is None:
        return Recovered(identity, 0, Lsn(0), None, 1, [], Lsn(0))
    spec, segments = manifest.spec, []
    for entry in manifest.segments:
        if spec is None:
            raise CorruptionError(folder, 0, "the manifest names segments but no index")
        segments.append(open_entry(files, folder, identity, Lsn(manifest.applied_lsn), entry, spec))
    return Recovered(
        identity,
        manifest.number,
        Lsn(manifest.applied_lsn),
        spec,
        manifest.next_segment,
        segments,
        Lsn(manifest.created_lsn),
        manifest.applied_ms,
        manifest.branches(),
        manifest.requests,
        manifest.text or None,
    )


def open_entry(
    files: Files, folder: str, identity: bytes, applied_lsn: Lsn, entry: SegmentEntry, spec: IndexSpec
) -> Segment:
    """Opens one segment of a checkpoint at ``applied_lsn``, checking every byte.

    Raises CorruptionError when it is damaged, missing, or not what its manifest says; UnsupportedVersion.
    """
    check_required_files(files, folder, entry.number)
    deleted = unpack_deleted(folder, entry.dead, entry.rows)
    segment = Segment(files, folder, identity, entry.number, spec, applied_lsn, deleted)
    if segment.rows != entry.rows:
        reason = f"segment {entry.number} has another row count than its manifest"
        raise CorruptionError(graph_path(folder, entry.number), 0, reason)
    return segment
