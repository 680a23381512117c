"""Opening what is on disk: the newest checkpoint, its segments, and the removal of what is nobody's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import zstandard
from numpy.typing import NDArray

from asteroid_cloud.indexer.checkpoint.manifest import NAME as MANIFEST_NAME
from asteroid_cloud.indexer.checkpoint.manifest import (
    TEMPORARY,
    Manifest,
    SegmentEntry,
    manifest_name,
    newest_manifest,
)
from asteroid_cloud.indexer.model.results import Recovery
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.recovery.data_loss import DataLoss, RecoveryMode
from asteroid_cloud.indexer.segment.segment import Segment, graph_path, payload_path
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import UNFINISHED, Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.repair import RecoveryReport, evidence_path

SEGMENT_FILE = re.compile(r"segment-(\d{12})\.(graph|payload|fields)")
DEAD_BYTES_MAX = 2**29


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


def read_checkpoint(files: Files, folder: str) -> Manifest | None:
    """The newest manifest, or None in a new store; raises CorruptionError or UnsupportedVersion."""
    return newest_manifest(files, folder)


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
    )


def open_entry(
    files: Files, folder: str, identity: bytes, applied_lsn: Lsn, entry: SegmentEntry, spec: IndexSpec
) -> Segment:
    """Opens one segment of a checkpoint at ``applied_lsn``, checking every byte.

    Raises CorruptionError when it is damaged, missing, or not what its manifest says; UnsupportedVersion.
    """
    for path in (graph_path(folder, entry.number), payload_path(folder, entry.number)):
        if not files.exists(path):
            raise CorruptionError(path, 0, "the file is missing")
    dead = unpack_dead(folder, entry.dead, entry.rows)
    segment = Segment(files, folder, identity, entry.number, spec, applied_lsn, dead)
    if segment.rows != entry.rows:
        reason = f"segment {entry.number} has another row count than its manifest"
        raise CorruptionError(graph_path(folder, entry.number), 0, reason)
    return segment


def told_recovery(
    recovered: Recovered,
    log: RecoveryReport,
    times_s: tuple[float, float],
    mode: RecoveryMode,
    mended: list[str],
    losses: DataLoss,
) -> Recovery:
    """What is told of a recovery that took so long to check and to replay; files by their names alone."""
    is_cut = log.bytes_cut > 0
    return Recovery(
        checkpoint_lsn=recovered.applied_lsn,
        segments=len(recovered.segments),
        segment_rows=sum(segment.rows for segment in recovered.segments),
        log_first_lsn=log.first_lsn,
        durable_lsn=log.durable_lsn,
        records_replayed=log.durable_lsn - recovered.applied_lsn,
        bytes_cut=log.bytes_cut,
        cut_from=log.path.rpartition("/")[2] if is_cut else None,
        cut_offset=log.offset if is_cut else None,
        cut_reason=log.reason if is_cut else None,
        kept_as=evidence_path(log).rpartition("/")[2] if is_cut else None,
        checking_s=times_s[0],
        replaying_s=times_s[1],
        mode=mode,
        mended=mended,
        losses=losses,
    )


def pack_dead(dead: NDArray[np.uint8]) -> bytes:
    """A segment's dead rows as a manifest holds them."""
    return zstandard.ZstdCompressor().compress(dead.tobytes())


def unpack_dead(folder: str, packed: bytes, rows: int) -> NDArray[np.uint8]:
    """A segment's dead rows from a manifest; raises CorruptionError when they do not fit."""
    try:
        size = zstandard.frame_content_size(packed)
        if size != (rows + 7) // 8 or size > DEAD_BYTES_MAX:
            raise CorruptionError(folder, 0, "the manifest's dead rows do not fit a segment")
        return np.frombuffer(zstandard.ZstdDecompressor().decompress(packed), np.uint8)
    except zstandard.ZstdError as error:
        raise CorruptionError(folder, 0, f"the manifest's dead rows do not unpack: {error}") from error


def _remove_unfinished(files: Files, folder: str) -> None:
    """Removes field files that a crash kept from being finished: none counts before it has its name."""
    for name in files.list(folder):
        if name.endswith(".fields" + UNFINISHED):
            files.remove(f"{folder}/{name}")


def remove_unnamed(
    files: Files, folder: str, manifest: Manifest | None, untagged: Callable[[set[int]], set[int]]
) -> None:
    """Removes what neither the newest manifest nor a tag names, when nothing is being built.

    ``untagged`` gives those of some segments that no tag needs.
    """
    name = None if manifest is None else manifest_name(manifest.number)
    named = set() if manifest is None else {entry.number for entry in manifest.segments}
    _remove_unfinished(files, folder)
    remove_orphans(files, folder, name, named, untagged)


def remove_orphans(
    files: Files,
    folder: str,
    manifest: str | None,
    segments: set[int],
    untagged: Callable[[set[int]], set[int]],
    below: int | None = None,
) -> None:
    """Removes manifests but ``manifest``, and the files of segments neither in ``segments`` nor tagged.

    Segments numbered ``below`` or higher are left alone: they were begun after the caller looked.
    """
    names = files.list(folder)
    numbers = {name: int(match[1]) for name in names if (match := SEGMENT_FILE.fullmatch(name))}
    strays = untagged({n for n in numbers.values() if n not in segments and (below is None or n < below)})
    for name in names:
        is_old_manifest = name == TEMPORARY or (
            MANIFEST_NAME.fullmatch(name) is not None and name != manifest
        )
        if is_old_manifest or numbers.get(name) in strays:
            files.remove(f"{folder}/{name}")
