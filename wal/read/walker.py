"""Every frame of a log in order, for those who look at all of it; damage on the way is an error."""

from __future__ import annotations

from collections.abc import Iterator

from zstandard import ZstdDecompressor

from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.body import BadFrame
from asteroid_cloud.wal.format.frame import decode_body
from asteroid_cloud.wal.format.log_file import Frame
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.inspector import Damage, FileState, LogInspector, missing_between

FIRST = Lsn(1)


def frames_in_order(inspector: LogInspector, from_lsn: Lsn = FIRST) -> Iterator[tuple[FileState, Frame]]:
    """The frames of a log, from the file on that holds ``from_lsn``, or from its oldest; a torn tail ends it.

    Raises NotFound without a log, CorruptionError for damage, for a hole, and when a server trimmed
    what had been begun, UnsupportedVersion.
    """
    states = inspector.files()
    before: FileState | None = None
    for number, state in enumerate(states):
        newest = number + 1 == len(states)
        if not newest and states[number + 1].first_lsn <= from_lsn:
            continue
        wrong = missing_between(before, state) if before else None
        if wrong is None:
            for frame in inspector.frames(state, newest=newest):
                yield state, frame
            wrong = state.damage
            if state.trimmed and (before or state.records):
                wrong = Damage(state.path, 0, "the file was trimmed while the log was read")
        if wrong is not None:
            raise CorruptionError(wrong.path, wrong.offset, wrong.reason)
        before = None if state.trimmed else state


def records_of(state: FileState, frame: Frame, unpacker: ZstdDecompressor) -> Iterator[Record]:
    """The records of a frame that ``frames_in_order`` gave; raises CorruptionError."""
    try:
        yield from decode_body(frame.header, frame.packed, unpacker)
    except BadFrame as error:
        raise CorruptionError(state.path, frame.offset, error.message) from error
