"""Retention: how much history a log keeps behind the checkpoint, for going back and for feeds that lag."""

from __future__ import annotations

from collections.abc import Sequence

from asteroid_cloud.wal.append.log import Retention
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.format.body import BadFrame
from asteroid_cloud.wal.format.frame import HEADER_BYTES, decode_header
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES, Extent
from asteroid_cloud.wal.lsn import Lsn


def kept_from(
    files: Files,
    extents: Sequence[Extent],
    before: Lsn,
    retention: Retention,
    now_ms: int,
    newest_ms: int,
) -> Lsn:
    """The first record that has to stay, ``before`` at most, which is the first that must.

    ``newest_ms`` is the time of the newest record, or later.
    """
    if retention.keeps_nothing:
        return before
    left = sum(size for _, _, size in extents)
    for number, (first, _, size) in enumerate(extents):
        is_newest = number == len(extents) - 1
        follows = None if is_newest else extents[number + 1]
        if follows is not None and follows[0] > before:
            return min(first, before)
        ended_ms = newest_ms if follows is None else _begun_ms(files, follows, newest_ms)
        too_old = retention.age_ms_max is not None and ended_ms < now_ms - retention.age_ms_max
        too_many = retention.bytes_max is not None and left > retention.bytes_max and not is_newest
        if not (too_old or too_many):
            return min(first, before)
        left -= size
    return before


def _begun_ms(files: Files, extent: Extent, newest_ms: int) -> int:
    """When the first record of a file was logged; that of the file before it is no later."""
    _, path, size = extent
    if size <= FILE_HEADER_BYTES:
        return newest_ms
    try:
        return decode_header(files.read(path, FILE_HEADER_BYTES, HEADER_BYTES)).time_ms
    except BadFrame:  # damage is for others to tell of; what is not known to be old stays
        return newest_ms
