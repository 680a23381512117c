"""How much of its log a store keeps, in ``retention.json``: it belongs to the store, not to whoever opens it.

Who opens a store without saying anything about it changes nothing; what is said is stored, and counts from
then on. A file that is damaged is left alone, and all of the log is kept.
"""

from __future__ import annotations

import logging
import zlib

import msgspec

from asteroid_cloud.indexer.model.options import EngineOptions, RetentionChange
from asteroid_cloud.wal.append import Retention
from asteroid_cloud.wal.disk import CollectionLayout, Files, read_small, write_atomic
from asteroid_cloud.wal.errors import CorruptionError, InvalidRequest, UnsupportedVersion

logger = logging.getLogger(__name__)
FORMAT = 1
FILE_BYTES_MAX = 4096


class StoredRetention(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds."""

    format: int = FORMAT
    keep_log: bool = False
    """Whether all of the log is kept, whatever the bounds say."""
    bytes_max: int | None = None
    age_ms_max: int | None = None
    crc32: int = 0
    """Of this as compact JSON in which it is 0."""

    def checksum(self) -> int:
        """What ``crc32`` has to be."""
        return zlib.crc32(msgspec.json.encode(msgspec.structs.replace(self, crc32=0)))


def read_retention(files: Files, layout: CollectionLayout) -> StoredRetention:
    """What a store keeps; nothing if it never was told. Raises CorruptionError, UnsupportedVersion."""
    if not files.exists(layout.retention):
        return StoredRetention()
    try:
        found = msgspec.json.decode(read_small(files, layout.retention, FILE_BYTES_MAX), type=StoredRetention)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(layout.retention, 0, f"it does not decode: {error}") from error
    if found.format > FORMAT:
        raise UnsupportedVersion(f"{layout.retention} has format {found.format}; this program knows {FORMAT}")
    if found.crc32 != found.checksum():
        raise CorruptionError(layout.retention, 0, "the checksum does not match")
    return msgspec.structs.replace(found, crc32=0)


def write_retention(files: Files, layout: CollectionLayout, kept: StoredRetention) -> None:
    """Makes it durable; raises NoSpace, StorageError."""
    checked = msgspec.structs.replace(kept, crc32=kept.checksum())
    write_atomic(files, layout.retention, msgspec.json.encode(checked))


def carry_retention(files: Files, source: CollectionLayout, into: CollectionLayout) -> None:
    """Gives a store that is made of another what that one keeps; raises UnsupportedVersion, StorageError."""
    try:
        kept = read_retention(files, source)
    except CorruptionError as error:
        logger.warning("it is not taken over how much of the log is kept: %s", error.message)
        return
    if kept != StoredRetention():
        files.make_dirs(into.folder)
        write_retention(files, into, kept)


class SettledRetention(msgspec.Struct, frozen=True):
    """What a store is to keep, once it has opened."""

    kept: StoredRetention
    is_new: bool
    """Whether it is not stored yet."""

    def applied_to(self, options: EngineOptions) -> EngineOptions:
        """The options, which then say it in full."""
        bounds = Retention(self.kept.bytes_max, self.kept.age_ms_max)
        return msgspec.structs.replace(options, keep_log=self.kept.keep_log, log_retention=bounds)


def settle_retention(files: Files, layout: CollectionLayout, options: EngineOptions) -> SettledRetention:
    """What the store keeps from now on, by what is stored and what the options change; changes nothing.

    Raises InvalidRequest ``bad_settings`` for a bound while all of the log is kept, UnsupportedVersion,
    StorageError; CorruptionError in the recovery mode "strict".
    """
    try:
        stored = read_retention(files, layout)
    except CorruptionError as error:
        if options.recovery == "strict":
            raise
        logger.warning("all of the log is kept, until it is said how much: %s", error.message)
        stored = StoredRetention(keep_log=True)
    wanted = _changed(stored, options)
    return SettledRetention(wanted, wanted != stored)


def _changed(stored: StoredRetention, options: EngineOptions) -> StoredRetention:
    keep_log = stored.keep_log if options.keep_log is None else options.keep_log
    said = options.log_retention
    if isinstance(said, Retention):
        said = RetentionChange(said.bytes_max, said.age_ms_max)
    elif said is None:
        said = RetentionChange()
    bytes_max = stored.bytes_max if said.bytes_max is msgspec.UNSET else said.bytes_max
    age_ms_max = stored.age_ms_max if said.age_ms_max is msgspec.UNSET else said.age_ms_max
    is_bounded = isinstance(said.bytes_max, int) or isinstance(said.age_ms_max, int)
    if keep_log and is_bounded:
        raise InvalidRequest(
            "the store keeps all of its log: end that with keep_log = false (--no-keep-log) to set a bound",
            code="bad_settings",
        )
    return StoredRetention(keep_log=keep_log, bytes_max=bytes_max, age_ms_max=age_ms_max)
