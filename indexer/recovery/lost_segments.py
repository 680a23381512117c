"""Giving damaged segments up, when their rows are nowhere else; what is lost is on record before it goes."""

from __future__ import annotations

import logging
import time

import msgspec
import numpy as np

from asteroid_cloud.indexer.checkpoint.deleted_rows import unpack_deleted
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, SegmentEntry, write_manifest
from asteroid_cloud.indexer.loss.loss_record import record_loss
from asteroid_cloud.indexer.model.data_loss import LostSegment
from asteroid_cloud.indexer.model.deletions import listed
from asteroid_cloud.indexer.model.ids import Id
from asteroid_cloud.indexer.segment.container import load_section
from asteroid_cloud.indexer.segment.graph_file import SegmentFooter, read_graph_footer
from asteroid_cloud.indexer.segment.paths import graph_path, segment_paths
from asteroid_cloud.wal.disk import CollectionLayout, Files, broken_name, name_of
from asteroid_cloud.wal.errors import CorruptionError, StorageError

logger = logging.getLogger(__name__)


def give_up_segments(
    files: Files,
    layout: CollectionLayout,
    manifest: Manifest,
    damaged: list[tuple[SegmentEntry, CorruptionError]],
) -> list[str]:
    """Gives segments up; a sentence about each.

    In this order: the loss is recorded, the segment's files are renamed to ``….broken``, and a manifest that
    does not name it is written.
    """
    done = []
    for entry, problem in damaged:
        paths = [path for path in segment_paths(layout.index, entry.number) if files.exists(path)]
        ids = _ends_of_ids(files, layout.index, manifest, entry)
        loss = LostSegment(
            segment=entry.number,
            rows=_living_rows(layout.index, entry),
            lsn=manifest.applied_lsn,
            least_id=ids[0] if ids else None,
            greatest_id=ids[-1] if ids else None,
            reason=problem.message.replace(f"{layout.folder}/", ""),
            kept=[name_of(broken_name(path)) for path in paths],
            time_ms=time.time_ns() // 1_000_000,
        )
        record_loss(files, layout, loss)
        for path in paths:
            files.rename(path, broken_name(path))
        done.append(f"segment {entry.number} with {loss.rows} rows is lost: {problem.message}")
    files.sync_dir(layout.index)
    gone = {entry.number for entry, _ in damaged}
    left = [entry for entry in manifest.segments if entry.number not in gone]
    replaced = msgspec.structs.replace(manifest, number=manifest.number + 1, segments=left)
    write_manifest(files, layout.index, replaced)
    return done


def _living_rows(folder: str, entry: SegmentEntry) -> int:
    try:
        deleted = unpack_deleted(folder, entry.dead, entry.rows)
    except CorruptionError:
        return entry.rows
    return entry.rows - int(np.bitwise_count(deleted).sum())


def _ends_of_ids(files: Files, folder: str, manifest: Manifest, entry: SegmentEntry) -> list[Id]:
    """The least and the greatest id of living rows of a segment, if its graph file still has them."""
    path = graph_path(folder, entry.number)
    if not files.exists(path):
        return []
    try:
        footer = read_graph_footer(files, path)
        if (footer.identity, footer.number, footer.spec) != (manifest.identity, entry.number, manifest.spec):
            return []
        ids = np.frombuffer(load_section(files, path, footer.ids), "<u8")
        deleted = unpack_deleted(folder, entry.dead, entry.rows)
    except StorageError as error:
        logger.debug("the ids of segment %d cannot be read: %s", entry.number, error.message)
        return []
    living = ids[listed(~deleted, entry.rows)] if len(ids) == entry.rows else ids[:0]
    if len(living) == 0:
        return []
    ends: list[int] = [int(living.min()), int(living.max())]
    return _names_at(files, path, footer, ends) if footer.names else [*ends]


def _names_at(files: Files, path: str, footer: SegmentFooter, ranks: list[int]) -> list[Id]:
    """The strings of some ranks; none if one cannot be read."""
    names: list[Id] = []
    try:
        assert footer.names
        ends = np.frombuffer(load_section(files, path, footer.names.ends), "<u8")
        for rank in ranks:
            start, end = int(ends[rank - 1]) if rank else 0, int(ends[rank])
            names.append(files.read(path, footer.names.text.offset + start, end - start).decode())
    except (StorageError, IndexError, UnicodeDecodeError) as error:
        logger.debug("the ids of %s cannot be read: %s", path, error)
        return []
    return names
