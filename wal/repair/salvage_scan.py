"""What is whole in a damaged log: every frame that can still be read, wherever it lies, in dense runs.

Read-only. ``repair`` decides what of it stays a log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from zstandard import ZstdDecompressor

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError, NotFound
from asteroid_cloud.wal.format.body import BadFrame
from asteroid_cloud.wal.format.events import BulkLoaded
from asteroid_cloud.wal.format.frame import decode_body
from asteroid_cloud.wal.format.log_file import (
    FILE_HEADER_BYTES,
    FileHeader,
    Frame,
    Window,
    frame_at,
    log_files,
    next_frame,
    read_file_header,
)
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.inspector import Damage


class Place(msgspec.Struct, frozen=True):
    """Where a whole frame lies, and its records."""

    offset: int
    end: int
    first_lsn: Lsn
    last_lsn: Lsn


class Load(msgspec.Struct, frozen=True):
    """A bulk load that ends with record ``lsn`` and needs those from ``since`` on."""

    lsn: Lsn
    since: Lsn


class ScannedFile(msgspec.Struct):
    """One file: its whole frames, in the order in which they lie, and what is wrong between them."""

    path: str
    named_lsn: Lsn
    size: int
    header: FileHeader | None = None
    """None unless it is whole, of this log, and says what the name says."""
    frames: list[Place] = []
    loads: list[Load] = []
    damage: list[Damage] = []


class Part(msgspec.Struct):
    """What of a file belongs to a run."""

    file: ScannedFile
    frames: list[Place]


class Run(msgspec.Struct):
    """Records that follow one another without a gap, from file to file."""

    first_lsn: Lsn
    last_lsn: Lsn
    """``first_lsn - 1`` for a file that holds no record yet."""
    parts: list[Part]


def salvage_scan(files: Files, folder: str, identity: bytes | None) -> tuple[bytes, list[ScannedFile]]:
    """Goes through every byte of a log; without ``identity`` it is that of most of its files, and given too.

    Raises NotFound without a log, UnsupportedVersion, CorruptionError when nothing says which store it is of.
    """
    found = log_files(files, folder) if files.exists(folder) else []
    if not found:
        raise NotFound(f"there is no log in {folder}")
    headers = {path: _header(files, path) for _, path in found}
    known = [header.identity for header in headers.values() if isinstance(header, FileHeader)]
    if identity is None and not known:
        raise CorruptionError(
            found[0][1], 0, "no header is whole, and there is no checkpoint: whose log is it?"
        )
    chosen = identity or Counter(known).most_common(1)[0][0]
    return chosen, [_surveyed(files, path, first, headers[path], chosen) for first, path in found]


def runs_of(surveyed: Sequence[ScannedFile]) -> list[Run]:
    """The dense runs, in the order in which they lie."""
    runs: list[Run] = []
    for file in surveyed:
        part = Part(file, [])
        if file.header is not None:
            _join(runs, part, file.named_lsn, Lsn(file.named_lsn - 1))
        for place in file.frames:
            if not runs or runs[-1].parts[-1] is not part or runs[-1].last_lsn + 1 != place.first_lsn:
                part = Part(file, [])
                _join(runs, part, place.first_lsn, place.last_lsn)
            runs[-1].last_lsn = place.last_lsn
            part.frames.append(place)
    return runs


def _join(runs: list[Run], part: Part, first: Lsn, last: Lsn) -> None:
    if runs and runs[-1].last_lsn + 1 == first and runs[-1].parts[-1].file is not part.file:
        runs[-1].parts.append(part)
        runs[-1].last_lsn = last
    else:
        runs.append(Run(first, last, [part]))


def _header(files: Files, path: str) -> FileHeader | Damage:
    try:
        return read_file_header(files, path)
    except CorruptionError as error:
        return Damage(error.path, error.offset, error.reason)


def _surveyed(
    files: Files, path: str, named_lsn: Lsn, header: FileHeader | Damage, identity: bytes
) -> ScannedFile:
    found = ScannedFile(path, named_lsn, files.size(path))
    if isinstance(header, Damage):
        found.damage.append(header)
    elif header.identity != identity:
        found.damage.append(Damage(path, 0, "the file belongs to another store"))
    elif header.first_lsn != named_lsn:
        found.damage.append(Damage(path, 0, "the file's name and header disagree"))
    else:
        found.header = header
    window, unpacker = Window(files, path, found.size), ZstdDecompressor()
    offset, last = FILE_HEADER_BYTES, Lsn(0)
    while offset < found.size:
        try:
            frame = frame_at(window, identity, offset)
            loads = _loads(frame, unpacker)
        except BadFrame as error:
            found.damage.append(Damage(path, offset, error.message))
            behind = next_frame(files, path, identity, offset + 1, last)
            if behind is None:
                break
            offset = behind.offset
            continue
        found.loads += loads
        found.frames.append(Place(offset, frame.end, frame.header.first_lsn, frame.header.last_lsn))
        offset, last = frame.end, frame.header.last_lsn
    return found


def _loads(frame: Frame, unpacker: ZstdDecompressor) -> list[Load]:
    """Decodes a frame, raising BadFrame; the bulk loads that end in it."""
    return [
        Load(record.lsn, Lsn(record.event.since))
        for record in decode_body(frame.header, frame.packed, unpacker)
        if isinstance(record.event, BulkLoaded)
    ]
