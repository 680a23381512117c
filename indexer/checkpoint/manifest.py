"""The manifest: which segments are the index as of which LSN. The newest one in the folder counts.

    manifest := magic[8] version:u32 length:u32 crc32(magic ++ version ++ length ++ body):u32 body
    body     := msgpack of Manifest

A manifest is written under a temporary name, synced, renamed to ``manifest-<number>`` and the folder
synced; only then are the files that it no longer names removed and the log behind it trimmed.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable

import msgspec

from asteroid_cloud.indexer.limits import MANIFEST_BYTES_MAX
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal import Branch, Histories, Lsn
from asteroid_cloud.wal.disk import Files, read_small, write_atomic
from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion

MAGIC = b"ASTRMAN1"
VERSION = 1
FEATURES_VERSION = 2
"""The version of manifests with features; programs that know of none refuse it."""
OUTLIERS = "outliers"
"""Rows of the index keep some of their values apart."""
STRING_IDS = "string_ids"
"""Ids of the index are strings."""
OPTIONAL_VECTORS = "optional_vectors"
"""Rows of the index need no vector."""
LARGE_PAYLOADS = "large_payloads"
"""Some segments have payloads in blocks of their own, which are larger than blocks were before."""
TEXT = "text"
"""Some fields are indexed as text."""
FEATURES_KNOWN: frozenset[str] = frozenset({OUTLIERS, STRING_IDS, OPTIONAL_VECTORS, LARGE_PAYLOADS, TEXT})
"""The features that this program can read."""
CHECKED = struct.Struct("<8sII")
HEADER = struct.Struct("<8sIII")
PREFIX = "manifest-"
NAME = re.compile(r"manifest-\d{12}")
TEMPORARY = "manifest.tmp"


class SegmentEntry(msgspec.Struct, frozen=True):
    """One segment: its number, its rows, and which of them were dead at the manifest's LSN (zstd)."""

    number: int
    rows: int
    dead: bytes


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The index as record ``applied_lsn`` left it; replay starts with the one after."""

    identity: bytes
    number: int
    applied_lsn: int
    spec: IndexSpec | None
    next_segment: int
    segments: list[SegmentEntry]
    created_lsn: int = 0
    """The record that created the index."""
    applied_ms: int = 0
    """The time of record ``applied_lsn``; 0 when it is not known."""
    histories: list[tuple[int, int, bytes]] = []
    """Each as the record that it goes on from, its first record, and the store's name since then.

    A program that knows of none refuses the store all the same: its log has files of version 3.
    """
    requests: bytes = b""
    """Those with a key that are remembered, as ``RequestTable.pack`` gives them."""
    text: TextDefinition | msgspec.UnsetType = msgspec.UNSET
    """Which fields are indexed as text; left out when there are none."""
    features: list[str] | msgspec.UnsetType = msgspec.UNSET
    """What a reader must know to read the index rightly; left out when there is nothing."""

    def branches(self) -> Histories:
        """The histories that led to record ``applied_lsn``."""
        return Histories(tuple(Branch(Lsn(at), Lsn(began), store) for at, began, store in self.histories))


def listed_histories(histories: Histories) -> list[tuple[int, int, bytes]]:
    """Histories as a manifest holds them."""
    return [(int(each.branched_at), int(each.began_at), each.store) for each in histories.branches]


def features_of(
    spec: IndexSpec | None, segments: Iterable[Segment] = (), text: TextDefinition | None = None
) -> list[str] | msgspec.UnsetType:
    """What a reader must know to read an index of this spec and these segments."""
    if spec is None:
        return msgspec.UNSET
    has = {
        OUTLIERS: spec.outliers > 0,
        STRING_IDS: spec.has_string_ids,
        OPTIONAL_VECTORS: not spec.needs_vectors,
        LARGE_PAYLOADS: any(segment.has_large_payloads for segment in segments),
        TEXT: text is not None,
    }
    return [name for name, is_used in has.items() if is_used] or msgspec.UNSET


def manifest_name(number: int) -> str:
    """The file name of manifest ``number``."""
    return f"{PREFIX}{number:012d}"


def write_manifest(files: Files, folder: str, manifest: Manifest) -> None:
    """Makes the manifest durable and the newest, atomically."""
    version = FEATURES_VERSION if manifest.features else VERSION
    data = checked_file(MAGIC, msgspec.msgpack.encode(manifest), version)
    write_atomic(files, f"{folder}/{manifest_name(manifest.number)}", data, f"{folder}/{TEMPORARY}")


def read_manifest(files: Files, path: str) -> Manifest:
    """A manifest, checked; raises CorruptionError or UnsupportedVersion."""
    return decode_manifest(path, read_small(files, path, MANIFEST_BYTES_MAX))


def decode_manifest(path: str, data: bytes) -> Manifest:
    """A manifest file's contents, checked; raises CorruptionError or UnsupportedVersion."""
    body = unchecked(path, MAGIC, data, FEATURES_VERSION if FEATURES_KNOWN else VERSION)
    try:
        manifest = msgspec.msgpack.decode(body, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, HEADER.size, f"the manifest does not decode: {error}") from error
    unknown = ", ".join(sorted(set(manifest.features or ()) - FEATURES_KNOWN))
    if unknown:
        raise UnsupportedVersion(f"{path} uses features that this program does not know: {unknown}")
    return manifest


def checked_file(magic: bytes, body: bytes, version: int = VERSION) -> bytes:
    """A small file of one body, with its kind, version and checksum."""
    crc = zlib.crc32(body, zlib.crc32(CHECKED.pack(magic, version, len(body))))
    return HEADER.pack(magic, version, len(body), crc) + body


def unchecked(path: str, magic: bytes, data: bytes, version_max: int = VERSION) -> bytes:
    """The body of such a file; raises CorruptionError or UnsupportedVersion."""
    if len(data) < HEADER.size:
        raise CorruptionError(path, 0, "the file is too short for its header")
    found, version, length, crc = HEADER.unpack_from(data)
    if found != magic:
        raise CorruptionError(path, 0, f"the file does not begin with {magic.decode()}")
    if version > version_max:
        raise UnsupportedVersion(f"{path} has format version {version}; this program knows {version_max}")
    body = data[HEADER.size :]
    if len(body) != length or zlib.crc32(body, zlib.crc32(data[: CHECKED.size])) != crc:
        raise CorruptionError(path, HEADER.size, "the checksum does not match")
    return body


def newest_manifest(files: Files, folder: str) -> Manifest | None:
    """The manifest with the highest number; None in a new store, and in one that is a log only.

    Raises CorruptionError for one under another's name: it might be older than what it hides.
    """
    names = sorted(filter(NAME.fullmatch, files.list(folder) if files.exists(folder) else []))
    if not names:
        return None
    path = f"{folder}/{names[-1]}"
    manifest = read_manifest(files, path)
    if manifest_name(manifest.number) != names[-1]:
        raise CorruptionError(path, 0, f"this is manifest {manifest.number} under another's name")
    return manifest
