"""One file of the log: its name and its header. FORMAT.md has the byte table.

Pure encoding and decoding; nothing here touches a file.
"""

from __future__ import annotations

import re
import struct
import zlib

import msgspec

from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from asteroid_cloud.wal.lsn import Lsn

FILE_MAGIC = b"ASTRWAL1"
VERSION = 3
VERSIONS = (1, 2, VERSION)
"""Those that are read; files of the newest alone are written."""
FILE_HEADER = struct.Struct("<8sII16sQQII")
FILE_HEADER_BYTES = FILE_HEADER.size
STRING_IDS = 1
"""The flag of a file that may hold records of an index whose ids are strings,"""
OPTIONAL_VECTORS = 2
"""and of one whose rows need no vector."""
LARGE_PAYLOADS = 4
"""The flag of a file that may hold payloads of more than 64 KiB, or patches that may make some."""
MIXED_WRITES = 8
"""The flag of a file that may hold records that delete, insert and change rows all at once."""
TEXT_INDEXES = 16
"""The flag of a file that may hold records that say which fields are indexed as text."""
FLAGS = STRING_IDS | OPTIONAL_VECTORS | LARGE_PAYLOADS | MIXED_WRITES | TEXT_INDEXES
"""All flags that there are. Programs refuse a file with one that they do not know."""
FILE_NAME = re.compile(r"(\d{20})\.wal")


class FileHeader(msgspec.Struct, frozen=True):
    """What a log file says of itself."""

    identity: bytes
    first_lsn: Lsn
    epoch: int
    version: int = VERSION
    flags: int = 0
    """What a reader must know; who goes on behind such a file goes on with its flags."""


def file_name(first_lsn: Lsn) -> str:
    """The name of the file whose first record is ``first_lsn``."""
    return f"{first_lsn:020d}.wal"


def encode_file_header(header: FileHeader) -> bytes:
    """The bytes that a file begins with."""
    fields = (FILE_MAGIC, header.version, header.flags, header.identity, header.first_lsn, header.epoch)
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
    if flags & ~FLAGS:
        raise UnsupportedVersion(f"{path} has format flags {flags:#x}; this program knows {FLAGS:#x}")
    return FileHeader(identity, Lsn(first_lsn), epoch, version, flags)
