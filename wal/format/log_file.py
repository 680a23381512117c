"""One file of the log: its name, its header, and the frames in it, read front to back."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

import msgspec

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from asteroid_cloud.wal.format.body import BadFrame
from asteroid_cloud.wal.format.frame import HEADER_BYTES, MAGIC, FrameHeader, check_frame, decode_header
from asteroid_cloud.wal.limits import MIB
from asteroid_cloud.wal.lsn import Lsn

FILE_MAGIC = b"ASTRWAL1"
VERSION = 2
VERSIONS = (1, VERSION)
"""Those that are read; files of the newest alone are written."""
FILE_HEADER = struct.Struct("<8sII16sQQII")
FILE_HEADER_BYTES = FILE_HEADER.size
NAME = re.compile(r"(\d{20})\.wal")
WINDOW_BYTES = MIB
Extent = tuple[Lsn, str, int]
"""A log file: its first LSN, its path, and its bytes that count."""


class FileHeader(msgspec.Struct, frozen=True):
    """What a log file says of itself."""

    identity: bytes
    first_lsn: Lsn
    epoch: int
    version: int = VERSION


class Frame(msgspec.Struct, frozen=True):
    """A frame whose checksum matches, and where it lies."""

    offset: int
    header: FrameHeader
    packed: memoryview

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.offset + self.header.frame_bytes


def file_name(first_lsn: Lsn) -> str:
    """The name of the file whose first record is ``first_lsn``."""
    return f"{first_lsn:020d}.wal"


def log_files(files: Files, folder: str) -> list[tuple[Lsn, str]]:
    """The log's files as (first LSN, path), oldest first."""
    found = [(match, name) for name in files.list(folder) if (match := NAME.fullmatch(name))]
    return sorted((Lsn(int(match[1])), f"{folder}/{name}") for match, name in found)


def encode_file_header(header: FileHeader) -> bytes:
    """The bytes that a file begins with."""
    fields = (FILE_MAGIC, header.version, 0, header.identity, header.first_lsn, header.epoch)
    crc = zlib.crc32(FILE_HEADER.pack(*fields, 0, 0)[:-8])
    return FILE_HEADER.pack(*fields, crc, 0)


def decode_file_header(path: str, data: bytes) -> FileHeader:
    """Raises CorruptionError for a torn or foreign file, UnsupportedVersion for a newer one."""
    if len(data) < FILE_HEADER_BYTES:
        raise CorruptionError(path, 0, "the file's header is cut off")
    magic, version, flags, identity, first_lsn, epoch, crc, reserved = FILE_HEADER.unpack_from(data)
    if magic != FILE_MAGIC:
        raise CorruptionError(path, 0, "not a log file")
    if version > VERSION:
        raise UnsupportedVersion(f"{path} has format version {version}; this program knows {VERSION}")
    if version not in VERSIONS or reserved != 0 or zlib.crc32(data[: FILE_HEADER_BYTES - 8]) != crc:
        raise CorruptionError(path, 0, "the checksum of the file's header does not match")
    if flags != 0:
        raise UnsupportedVersion(f"{path} has format flags {flags:#x}; this program knows none")
    return FileHeader(identity, Lsn(first_lsn), epoch, version)


class Window:
    """Reads a file through a buffer, so that many small frames do not cost a system call each."""

    def __init__(self, files: Files, path: str, end: int) -> None:
        self._files = files
        self._path = path
        self._end = end
        self._start = 0
        self._data = b""

    def get(self, offset: int, length: int) -> memoryview:
        """The bytes there, fewer at the end of the file."""
        length = max(0, min(length, self._end - offset))
        inside = self._start <= offset and offset + length <= self._start + len(self._data)
        if not inside:
            wanted = min(max(length, WINDOW_BYTES), self._end - offset)
            self._data = self._files.read(self._path, offset, wanted)
            self._start = offset
        at = offset - self._start
        return memoryview(self._data)[at : at + length]


def read_file_header(files: Files, path: str) -> FileHeader:
    """The header of a log file; see ``decode_file_header``."""
    return decode_file_header(path, files.read(path, 0, FILE_HEADER_BYTES))


def frame_at(window: Window, identity: bytes, offset: int) -> Frame:
    """The frame that begins at ``offset``; raises BadFrame."""
    header = decode_header(window.get(offset, HEADER_BYTES))
    packed = check_frame(identity, header, window.get(offset, header.frame_bytes))
    return Frame(offset, header, packed)


def read_frames(files: Files, path: str, identity: bytes, end: int) -> Iterator[Frame]:
    """The frames up to byte ``end``; raises CorruptionError at the first that is not whole."""
    window = Window(files, path, end)
    offset = FILE_HEADER_BYTES
    while offset < end:
        try:
            frame = frame_at(window, identity, offset)
        except BadFrame as error:
            raise CorruptionError(path, offset, error.message) from error
        yield frame
        offset = frame.end


def next_frame(files: Files, path: str, identity: bytes, offset: int, after: Lsn) -> Frame | None:
    """The first whole frame that begins at ``offset`` or later and holds records after ``after``."""
    end = files.size(path)
    window = Window(files, path, end)
    while offset + HEADER_BYTES <= end:
        piece = bytes(window.get(offset, WINDOW_BYTES))
        at = piece.find(MAGIC)
        if at < 0:
            offset += max(1, len(piece) - len(MAGIC) + 1)
            continue
        try:
            frame = frame_at(window, identity, offset + at)
        except BadFrame:
            offset += at + 1
            continue
        if frame.header.first_lsn > after:
            return frame
        offset += at + 1
    return None
