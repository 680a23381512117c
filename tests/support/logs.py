"""Small logs, and ways to make and read them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

from asteroid_cloud.wal import Files, LocalLog, Record
from asteroid_cloud.wal.append import SLOW_SYNC_S
from asteroid_cloud.wal.append.local_log import LOG_BUFFERS, BuffersNow
from asteroid_cloud.wal.format.events import Event, HistoryBegun, PayloadReplaced, encode_event
from asteroid_cloud.wal.format.frame import encode_frame
from asteroid_cloud.wal.format.log_file import FileHeader, encode_file_header, file_name
from asteroid_cloud.wal.lsn import Lsn
from tests.support.faulty_files import MemoryFiles

FOLDER = "data/wal"
FIRST = f"{FOLDER}/{file_name(Lsn(1))}"
IDENTITY = bytes(range(16))
TIME_MS = 1_767_225_600_000


def event(number: int, size: int = 4) -> Event:
    """An event that can be told from others."""
    return PayloadReplaced(number, b'"' + b"x" * size + b'"')


def frames_of(*groups: int, first: int = 1, identity: bytes = IDENTITY) -> list[bytes]:
    """Frames with as many events as ``groups`` say; event i has id i, its LSN."""
    frames = []
    for count in groups:
        encoded = [encode_event(event(lsn)) for lsn in range(first, first + count)]
        frames.append(encode_frame(identity, Lsn(first), TIME_MS, encoded))
        first += count
    return frames


def file_of(*frames: bytes, first: int = 1, identity: bytes = IDENTITY, epoch: int = 0) -> bytes:
    """A log file."""
    return encode_file_header(FileHeader(identity, Lsn(first), epoch)) + b"".join(frames)


def disk(*files: bytes | tuple[int, bytes]) -> MemoryFiles:
    """A disk with log files, each with its first LSN; 1 if none is given."""
    pairs = [file if isinstance(file, tuple) else (1, file) for file in files]
    return MemoryFiles({f"{FOLDER}/{file_name(Lsn(first))}": data for first, data in pairs})


@asynccontextmanager
async def opened(
    files: Files,
    *,
    identity: bytes | None = None,
    epoch: int | None = None,
    buffers: BuffersNow = lambda: LOG_BUFFERS,
    slow_sync_s: float = SLOW_SYNC_S,
) -> AsyncIterator[LocalLog]:
    """The log on ``files``."""
    log = await LocalLog.open(
        files, FOLDER, identity=identity, epoch=epoch, buffers=buffers, slow_sync_s=slow_sync_s
    )
    try:
        yield log
    finally:
        await log.close()


async def stored(files: Files) -> list[int]:
    """The ids of all events, read by a new opening; checks that LSNs and ids agree on order."""
    async with opened(files) as log:
        return ids(list(log.read(log.first_lsn)))


def ids(records: list[Record]) -> list[int]:
    """The ids that the events carry."""
    for before, after in pairwise(records):
        history = after.event
        is_history = isinstance(history, HistoryBegun) and history.branched_at == before.lsn < after.lsn
        assert after.lsn == before.lsn + 1 or is_history
    return [record.event.id for record in records if isinstance(record.event, PayloadReplaced)]
