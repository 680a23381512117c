"""The frame that all files of a segment share: a header, checksummed sections, a footer.

    file    := header section* footer trailer
    header  := magic[8] version:u32 features:u32
    footer  := msgpack of a Struct that lists the sections
    trailer := footer_bytes:u32 crc32(header ++ footer):u32 magic[8]

Everything is little-endian. Sections start at multiples of 8, or of 4096 when asked. The footer comes
last, so a file is written front to back once and a torn one has no footer.

Each bit of ``features`` is a feature flag: something that a reader must know to read the file rightly. A file
with flags has version 2, so that programs which know of no flags refuse it. A program refuses a file with a
flag that it does not know.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from asteroid_cloud.indexer.native import core
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from asteroid_cloud.wal.limits import MIB

HEADER = struct.Struct("<8sII")
TRAILER = struct.Struct("<II8s")
FOOTER_BYTES_MAX = MIB
FEATURES_VERSION = 2
"""The version of files with feature flags."""
ALIGN = core.SECTION_ALIGN
PAGE = 4096

Footer = TypeVar("Footer", bound=msgspec.Struct)
CheckWanted = Callable[[], None]
"""Called before each piece of long work; raises to have it stopped."""


def always_wanted() -> None:
    """Work that nobody stops."""


class Section(msgspec.Struct, frozen=True, array_like=True):
    """Where a run of bytes lies in its file, and the CRC-32 of them."""

    offset: int
    length: int
    crc: int


class ContainerWriter:
    """Writes one file front to back, within a ``with``; it counts only once ``finish`` has synced it."""

    def __init__(self, files: Files, path: str, magic: bytes, version: int, features: int = 0) -> None:
        self._file = files.create(path)
        self._magic = magic
        self._header = HEADER.pack(magic, FEATURES_VERSION if features else version, features)
        self._end = 0
        self._put(self._header)

    def section(self, chunks: Iterable[bytes], align: int = ALIGN) -> Section:
        """Appends one section made of ``chunks``."""
        self._put(bytes(-self._end % align))
        start, crc = self._end, 0
        for chunk in chunks:
            crc = zlib.crc32(chunk, crc)
            self._put(chunk)
        return Section(start, self._end - start, crc)

    def finish(self, footer: msgspec.Struct) -> None:
        """Writes the footer and makes the file durable."""
        body = msgspec.msgpack.encode(footer)
        crc = zlib.crc32(body, zlib.crc32(self._header))
        self._put(body + TRAILER.pack(len(body), crc, self._magic))
        self._file.sync()

    def __enter__(self) -> ContainerWriter:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the file; without a footer nothing refers to it, and the next start removes it."""
        self._file.close()

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._end += len(data)


def footer_bytes(files: Files, path: str) -> bytes:
    """A file's footer and trailer, unchecked: undamaged files that differ in anything differ in these."""
    size = files.size(path)
    trailer = files.read(path, max(0, size - TRAILER.size), TRAILER.size)
    length = TRAILER.unpack(trailer)[0] if len(trailer) == TRAILER.size else 0
    start = max(0, size - TRAILER.size - min(length, FOOTER_BYTES_MAX))
    return files.read(path, start, size - start)


def read_footer(
    files: Files, path: str, magic: bytes, version: int, kind: type[Footer], known_features: int = 0
) -> Footer:
    """The footer of a whole file of this magic.

    Raises CorruptionError for a torn, damaged or foreign file, and UnsupportedVersion for a newer one or one
    with a feature that is not among ``known_features``.
    """
    size = files.size(path)
    if size < HEADER.size + TRAILER.size:
        raise CorruptionError(path, 0, f"{size} bytes are too few for a file of this kind")
    header = files.read(path, 0, HEADER.size)
    found_magic, found_version, features = HEADER.unpack(header)
    if found_magic != magic:
        raise CorruptionError(path, 0, "not a file of this kind")
    version_max = max(version, FEATURES_VERSION) if known_features else version
    if found_version > version_max:
        raise UnsupportedVersion(
            f"{path} has format version {found_version}; this program knows {version_max}"
        )
    at = size - TRAILER.size
    length, crc, closing = TRAILER.unpack(files.read(path, at, TRAILER.size))
    if closing != magic or length > min(FOOTER_BYTES_MAX, at - HEADER.size):
        raise CorruptionError(path, at, "the file ends without a footer")
    body = files.read(path, at - length, length)
    if zlib.crc32(body, zlib.crc32(header)) != crc:
        raise CorruptionError(path, at - length, "the footer's checksum does not match")
    if unknown := features & ~known_features:  # asked once the header is known to be whole
        raise UnsupportedVersion(f"{path} uses features that this program does not know ({unknown:#x})")
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, at - length, f"the footer does not decode: {error}") from error


def read_section(
    files: Files, path: str, section: Section, step: int = MIB, check_wanted: CheckWanted = always_wanted
) -> Iterator[bytes]:
    """The section's bytes, ``step`` at a time; raises CorruptionError at the end if they are damaged."""
    is_inside = section.length >= 0 and HEADER.size <= section.offset <= files.size(path) - section.length
    if not is_inside or section.offset % ALIGN:
        raise CorruptionError(path, section.offset, "a section lies outside the file or its border")
    crc = 0
    for start in range(0, section.length, step):
        check_wanted()
        chunk = files.read(path, section.offset + start, min(step, section.length - start))
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if crc != section.crc:
        raise CorruptionError(path, section.offset, "the section's checksum does not match")


def load_section(
    files: Files, path: str, section: Section, check_wanted: CheckWanted = always_wanted
) -> bytes:
    """The whole section, checked."""
    return b"".join(read_section(files, path, section, check_wanted=check_wanted))
