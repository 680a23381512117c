"""What is whole in a damaged log: every frame that can still be read, wherever it lies. Read-only.

``dense_runs`` says which of them follow one another; ``plan`` decides what of that stays a log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from zstandard import ZstdDecompressor

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError, NotFound
from asteroid_cloud.wal.format.events import BulkLoaded, HistoryBegun
from asteroid_cloud.wal.format.frame import LARGEST_FILE_BYTES
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES, FileHeader
from asteroid_cloud.wal.lsn import BEFORE_ALL, Lsn
from asteroid_cloud.wal.read.frame_walker import Damage, FrameWalker, Salvage
from asteroid_cloud.wal.read.frame_window import Frame, Window
from asteroid_cloud.wal.read.log_folder import log_files, read_file_header


class FoundFrame(msgspec.Struct, frozen=True):
    """Where a whole frame lies, and its records."""

    offset: int
    end: int
    first_lsn: Lsn
    last_lsn: Lsn
    time_ms: int = 0
    history: HistoryBegun | None = None
    """The history that it begins, if it begins one."""

    @property
    def named_lsn(self) -> Lsn:
        """The LSN in the name of a file that begins with this frame."""
        return self.first_lsn if self.history is None else Lsn(self.history.branched_at + 1)


class FoundBulkLoad(msgspec.Struct, frozen=True):
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
    is_foreign: bool = False
    """Whether its header is whole, but of another store."""
    frames: list[FoundFrame] = []
    bulk_loads: list[FoundBulkLoad] = []
    damage: list[Damage] = []
    is_too_large: bool = False
    """Whether it has bytes that no log writes, beyond LARGEST_FILE_BYTES."""
    acknowledged: Lsn = BEFORE_ALL
    """A record that was durable by what is left of it behind the last whole frame; 0 if nothing is."""


class RunSection(msgspec.Struct):
    """The frames of one file that belong to a run."""

    file: ScannedFile
    frames: list[FoundFrame]


class DenseRun(msgspec.Struct):
    """Records that follow one another without a gap, from file to file."""

    first_lsn: Lsn
    """Of a run that begins with a history, the LSN after the record that the history goes on from."""
    last_lsn: Lsn
    """``first_lsn - 1`` for a file that holds no record yet."""
    sections: list[RunSection]


def salvage_scan(files: Files, folder: str, identity: bytes | None) -> tuple[bytes, list[ScannedFile]]:
    """Goes through every byte of a log; the store's identity, and the files.

    Without ``identity`` it is that of most files. Raises NotFound without a log, UnsupportedVersion,
    CorruptionError when nothing says which store the log is of.
    """
    found = log_files(files, folder)
    if not found:
        raise NotFound(f"there is no log in {folder}")
    headers = {path: _header(files, path) for _, path in found}
    known = [header.identity for header in headers.values() if isinstance(header, FileHeader)]
    if identity is None and not known:
        reason = "no file header is whole and there is no checkpoint, so the store's identity is unknown"
        raise CorruptionError(found[0][1], 0, reason)
    chosen = identity or Counter(known).most_common(1)[0][0]
    return chosen, [_scanned(files, path, first, headers[path], chosen) for first, path in found]


def dense_runs(scanned: Sequence[ScannedFile]) -> list[DenseRun]:
    """The dense runs, in the order in which they lie."""
    runs: list[DenseRun] = []
    for file in scanned:
        section = RunSection(file, [])
        if file.header is not None:
            _join(runs, section, file.named_lsn, Lsn(file.named_lsn - 1))
        for frame in file.frames:
            if not runs or runs[-1].sections[-1] is not section or runs[-1].last_lsn + 1 != frame.named_lsn:
                section = RunSection(file, [])
                _join(runs, section, frame.named_lsn, frame.last_lsn)
            runs[-1].last_lsn = frame.last_lsn
            section.frames.append(frame)
    return runs


def _join(runs: list[DenseRun], section: RunSection, first: Lsn, last: Lsn) -> None:
    if runs and runs[-1].last_lsn + 1 == first and runs[-1].sections[-1].file is not section.file:
        runs[-1].sections.append(section)
        runs[-1].last_lsn = last
    else:
        runs.append(DenseRun(first, last, [section]))


def _header(files: Files, path: str) -> FileHeader | Damage:
    try:
        return read_file_header(files, path)
    except CorruptionError as error:
        return Damage.of(error)


def _scanned(
    files: Files, path: str, named_lsn: Lsn, header: FileHeader | Damage, identity: bytes
) -> ScannedFile:
    found = ScannedFile(path, named_lsn, files.size(path))
    if isinstance(header, Damage):
        found.damage.append(header)
    elif header.identity != identity:
        found.is_foreign = True
        found.damage.append(Damage(path, 0, "the file belongs to another store"))
    elif header.first_lsn != named_lsn:
        found.damage.append(Damage(path, 0, "the file's name and header disagree"))
    else:
        found.header = header
    unpacker = ZstdDecompressor()

    def decode(frame: Frame) -> None:
        """Takes the bulk loads that end in a frame; raises CorruptionError when it does not decode."""
        found.bulk_loads += [
            FoundBulkLoad(record.lsn, Lsn(record.event.since))
            for record in frame.records(unpacker)
            if isinstance(record.event, BulkLoaded)
        ]

    policy = Salvage(decode)
    window = Window(files, path, min(found.size, LARGEST_FILE_BYTES))
    if found.size > LARGEST_FILE_BYTES:
        found.is_too_large = True
        found.damage.append(Damage(path, LARGEST_FILE_BYTES, "the file is larger than any of a log"))
    walker = FrameWalker(window, identity, Lsn(0), policy=policy)
    for frame in walker:
        place = frame.header
        found.frames.append(
            FoundFrame(frame.offset, frame.end, place.first_lsn, place.last_lsn, place.time_ms, frame.history)
        )
    found.damage += policy.damage
    end = found.frames[-1].end if found.frames else FILE_HEADER_BYTES
    last = found.frames[-1].last_lsn if found.frames else Lsn(max(named_lsn, 1) - 1)
    found.acknowledged = window.acknowledged_behind(end, last) or BEFORE_ALL
    return found
