"""The rows of remembered requests, and how a manifest holds them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from asteroid_cloud.indexer.limits import KEYS_LIMIT
from asteroid_cloud.indexer.model.results import DONE
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import CorruptionError

ROW = np.dtype(
    [
        ("key", "<u8", 2),
        ("digest", "<u8"),
        ("first_lsn", "<u8"),
        ("record_lsn", "<u8"),
        ("lsn", "<u8"),
        ("time_ms", "<u8"),
        ("affected", "<u8"),
        ("status", "<u4"),
        ("marks", "<u4"),
    ]
)
IS_PART = 1
"""The lowest of the marks: the request did not come to its end. The others are how many ids it replaced."""
NAMES = tuple(ROW.names or ())
ROWS_BYTES_MAX = KEYS_LIMIT * ROW.itemsize
Rows = NDArray[np.void]
ENTRY = struct.Struct("<16s8sQQQQQII")
"""One of them."""


class Entry(NamedTuple):
    """One of them, unpacked."""

    key: bytes
    digest: bytes
    first_lsn: int
    record_lsn: int
    lsn: int
    """What the answer is as of."""
    time_ms: int
    affected: int
    status: int
    marks: int


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """A table as a manifest holds it."""

    rows: bytes
    """Column after column, zstd."""
    answers: dict[int, bytes]
    """By the number of the row."""
    replaced: dict[int, int] = {}
    """By the number of the row, where it is not 0: how many ids the request replaced."""


def packed(rows: Rows, answers: Mapping[int, bytes], until: Lsn, age_ms_max: int) -> bytes:
    """What had begun by record ``until``, without what is too old by then; b"" when that is nothing.

    ``answers`` are by the number of the row.
    """
    is_kept = rows["first_lsn"] <= until
    if len(rows):
        is_kept &= rows["time_ms"] + np.uint64(age_ms_max) > rows["time_ms"].max()
    places = np.cumsum(is_kept) - 1
    kept = {int(places[number]): text for number, text in answers.items() if is_kept[number]}
    rows = rows[is_kept]
    if len(rows) == 0:
        return b""
    is_later = rows["record_lsn"] > until  # it had begun by then, and was not at its end
    rows["marks"][is_later], rows["status"][is_later] = IS_PART, DONE
    replaced = rows["marks"] >> np.uint32(1)
    rows["marks"] &= IS_PART  # the other marks are a later addition, and stand apart
    columns = b"".join([np.ascontiguousarray(rows[name]).tobytes() for name in NAMES])
    counts = {int(number): int(replaced[number]) for number in np.flatnonzero(replaced)}
    body = zstandard.ZstdCompressor(level=1).compress(columns)
    return msgspec.msgpack.encode(Packed(body, kept, counts))


def unpacked(contents: bytes) -> tuple[Rows, dict[int, bytes]]:
    """The rows and answers that ``packed`` gave; raises CorruptionError."""
    try:
        found = msgspec.msgpack.decode(contents, type=Packed)
        columns = zstandard.ZstdDecompressor().decompress(found.rows, max_output_size=ROWS_BYTES_MAX)
    except (msgspec.DecodeError, zstandard.ZstdError) as error:
        raise CorruptionError("manifest", 0, f"the requests in it do not decode: {error}") from error
    rows = np.zeros(len(columns) // ROW.itemsize, ROW)
    if len(rows) * ROW.itemsize != len(columns):
        raise CorruptionError("manifest", 0, "the requests in it are cut off")
    at = 0
    for name in NAMES:
        size = rows[name].nbytes
        rows[name] = np.frombuffer(columns[at : at + size], rows[name].dtype).reshape(rows[name].shape)
        at += size
    for number, count in found.replaced.items():
        if not 0 <= number < len(rows):
            raise CorruptionError("manifest", 0, "it names requests that are not in it")
        rows["marks"][number] |= 2 * count
    return rows, found.answers
