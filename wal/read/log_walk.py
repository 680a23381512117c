"""The frames of a whole log: from file to file, without a gap, also while its oldest files are trimmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import LogPruned, StorageError
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_walker import Damage, FrameWalker
from asteroid_cloud.wal.read.frame_window import Frame
from asteroid_cloud.wal.read.log_folder import was_trimmed


def walk_log(
    files: Files, folder: str, firsts: Sequence[Lsn], opened: Callable[[int], FrameWalker], from_lsn: Lsn
) -> Iterator[Frame]:
    """Frames with records from ``from_lsn`` on; ``firsts`` are the first LSNs of the files, oldest first.

    ``opened`` gives the walk through the file of that number. Raises CorruptionError for damage and for a gap
    between two files, LogPruned when the log begins later or is trimmed past the walk.
    """
    if firsts[0] > from_lsn:
        raise pruned(from_lsn, firsts[0])
    walker: FrameWalker | None = None
    for number, first in enumerate(firsts):
        if number + 1 < len(firsts) and firsts[number + 1] <= from_lsn:
            continue
        if walker is not None:
            refuse_gap(walker, first)
        try:
            walker = opened(number)
            for frame in walker:
                if walker.last_lsn >= from_lsn:
                    yield frame
        except StorageError as error:
            if was_trimmed(files, folder, first):
                following = from_lsn if walker is None else max(from_lsn, walker.last_lsn + 1)
                raise LogPruned(f"record {following} was trimmed while the log was read") from error
            raise


def refuse_gap(ended: FrameWalker, next_first: Lsn) -> None:
    """Raises CorruptionError unless the file behind the one just walked through goes on where it ends."""
    gap = gap_between(ended.window.path, ended.offset, ended.last_lsn, next_first)
    if gap is not None:
        raise gap.error()


def gap_between(path: str, end: int, last_lsn: Lsn, next_first: Lsn) -> Damage | None:
    """What is wrong when a file ends with ``last_lsn`` at ``end`` and the next begins with ``next_first``."""
    if last_lsn + 1 == next_first:
        return None
    return Damage(path, end, f"record {next_first} of the next file follows record {last_lsn}")


def pruned(wanted: Lsn, first: Lsn) -> LogPruned:
    """The error for a record that the log no longer holds."""
    return LogPruned(f"record {wanted} is gone; the log begins with {first}")
