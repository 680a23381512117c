"""The highest LSN that a log tells of, also when it is damaged: a new history begins above it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.frame import LARGEST_FILE_BYTES
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_walker import FrameWalker, Salvage
from asteroid_cloud.wal.read.frame_window import Frame, Window
from asteroid_cloud.wal.read.log_folder import log_files, read_file_header


def highest_lsn(files: Files, folders: Iterable[str]) -> Lsn:
    """The highest LSN of any whole frame, or in a file's name, in these logs; 0 when there is none.

    Raises UnsupportedVersion. What is damaged is passed over: histories are so far apart that a few records
    more or less make no difference.
    """
    return max((_highest(files, folder) for folder in folders), default=Lsn(0))


def highest_epoch(files: Files, folders: Iterable[str]) -> int:
    """The highest epoch in a whole file header of these logs; 0 when there is none."""
    return max((epoch for folder in folders for epoch in _epochs(files, folder)), default=0)


def _epochs(files: Files, folder: str) -> Iterator[int]:
    for _, path in log_files(files, folder):
        with suppress(CorruptionError):
            yield read_file_header(files, path).epoch


def _highest(files: Files, folder: str) -> Lsn:
    found = log_files(files, folder)
    highest = Lsn(max((first - 1 for first, _ in found), default=0))
    identity: bytes | None = None
    for _, path in reversed(found):
        try:
            identity = read_file_header(files, path).identity
        except CorruptionError:
            continue
        last = Lsn(0)
        window = Window(files, path, min(files.size(path), LARGEST_FILE_BYTES))
        for frame in FrameWalker(window, identity, Lsn(0), policy=Salvage(_accept)):
            last = max(last, frame.header.last_lsn)
        if last:
            return max(highest, last)
    return highest


def _accept(frame: Frame) -> None:
    """Takes every frame whose checksum matches."""
