"""Opening the text indexes of a checkpoint; they are derived, so a damaged one costs time and no data."""

from __future__ import annotations

from asteroid_cloud.indexer.checkpoint.open_checkpoint import Recovered
from asteroid_cloud.indexer.segment.paths import text_path
from asteroid_cloud.wal.disk import Files, broken_name, rename_durably
from asteroid_cloud.wal.errors import CorruptionError


def open_texts(files: Files, folder: str, recovered: Recovered, *, repairs: bool) -> list[str]:
    """Opens the text index of each segment that has one; a sentence about each that is damaged.

    A damaged one stays as ``….broken``, and is built again in the background. Raises CorruptionError instead
    where nothing is to be repaired, UnsupportedVersion, and StorageError from the disk.
    """
    found = []
    for segment in recovered.segments if recovered.text else ():
        assert recovered.text is not None
        try:
            segment.open_text(files, folder, recovered.identity, recovered.text)
        except CorruptionError as error:
            if not repairs:
                raise
            path = text_path(folder, segment.number)
            rename_durably(files, path, broken_name(path))
            reason = f"the text index of segment {segment.number} was damaged ({error.reason})"
            found.append(f"{reason} and is built again from its payloads")
    return found
