"""Rebuilding columns: a column file is derived from the payloads, so losing one costs time and no data."""

from __future__ import annotations

import logging
from contextlib import suppress

from asteroid_cloud.indexer.checkpoint.manifest import Manifest
from asteroid_cloud.indexer.segment.column_file import write_fields
from asteroid_cloud.indexer.segment.paths import fields_path, payload_path
from asteroid_cloud.indexer.segment.payload_file import PayloadFile
from asteroid_cloud.wal.disk import UNFINISHED, Files, broken_name, remove_if_exists, rename_durably
from asteroid_cloud.wal.errors import CorruptionError, NoSpace, StorageError, UnsupportedVersion

logger = logging.getLogger(__name__)


def rebuild_columns(
    files: Files, folder: str, identity: bytes, number: int, rows: int, bytes_max: int
) -> None:
    """Rebuilds the column file of a segment from its payloads; an old one stays as ``….broken``.

    The old one keeps its name until the new one is durable. Raises CorruptionError when the payloads are
    damaged too, UnsupportedVersion, NoSpace and StorageError, with nothing changed.
    """
    path = fields_path(folder, number)
    unfinished = path + UNFINISHED
    remove_if_exists(files, unfinished)
    payloads = PayloadFile(files, payload_path(folder, number), identity, number, rows)
    try:
        write_fields(files, unfinished, identity, number, rows, payloads, bytes_max)
    except StorageError:
        with suppress(StorageError):
            files.remove(unfinished)
        raise
    if files.exists(path):
        # Over an earlier one: derived data is little evidence. Durably, so that no power cut keeps the new
        # one's name alone.
        rename_durably(files, path, broken_name(path))
    rename_durably(files, unfinished, path)


def rebuild_missing_columns(files: Files, folder: str, manifest: Manifest, bytes_max: int) -> list[str]:
    """Rebuilds the columns of each segment that has none; a sentence about each of them.

    Without room for them filters read payloads, as they did in the first releases. Damage is left for the
    check of the segments to report. Raises StorageError from the disk.
    """
    rebuilt = []
    for entry in manifest.segments:
        number = entry.number
        if files.exists(fields_path(folder, number)) or not files.exists(payload_path(folder, number)):
            continue
        try:
            rebuild_columns(files, folder, manifest.identity, number, entry.rows, bytes_max)
        except (CorruptionError, UnsupportedVersion):
            continue
        except NoSpace as error:
            logger.warning("segment %d stays without columns: %s", number, error.message)
            break
        rebuilt.append(f"the columns of segment {number} were missing and were rebuilt from its payloads")
    return rebuilt
