"""Retention: how much history a log keeps behind the checkpoint, for restores and for slow feeds."""

from __future__ import annotations

from collections.abc import Sequence

from asteroid_cloud.wal.append.log import Retention
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_window import frame_time_ms
from asteroid_cloud.wal.read.log_folder import Extent


def retained_from(
    files: Files,
    extents: Sequence[Extent],
    before: Lsn,
    retention: Retention,
    now_ms: int,
    newest_ms: int,
) -> Lsn:
    """The first record to retain, ``before`` at most, which is the first that is needed in any case.

    ``newest_ms`` is the time of the newest record, or later.
    """
    if retention.keeps_nothing:
        return before
    left = sum(extent.end for extent in extents)
    for number, extent in enumerate(extents):
        is_newest = number == len(extents) - 1
        following = None if is_newest else extents[number + 1]
        if following is not None and following.first_lsn > before:
            return min(extent.first_lsn, before)
        ended_ms = newest_ms if following is None else _begun_ms(files, following, newest_ms)
        too_old = retention.age_ms_max is not None and ended_ms < now_ms - retention.age_ms_max
        too_many = retention.bytes_max is not None and left > retention.bytes_max and not is_newest
        if not (too_old or too_many):
            return min(extent.first_lsn, before)
        left -= extent.end
    return before


def _begun_ms(files: Files, extent: Extent, newest_ms: int) -> int:
    """When the first record of a file was logged; that of the file before it is no later.

    Damage is reported elsewhere. Here a file that is not known to be old is retained.
    """
    if extent.end <= FILE_HEADER_BYTES:
        return newest_ms
    time_ms = frame_time_ms(files, extent.path, FILE_HEADER_BYTES)
    return newest_ms if time_ms is None else time_ms
