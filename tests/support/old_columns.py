"""Column files as programs wrote them before dates had columns, which are still to be answered right."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec

from asteroid_cloud.indexer.segment.column_file import MAGIC
from asteroid_cloud.indexer.segment.container import HEADER, TRAILER


def forget_dates(path: Path) -> int:
    """Takes the columns of dates out of a field file, and from its footer that there are any; how many."""
    raw = path.read_bytes()
    length, _, _ = TRAILER.unpack(raw[-TRAILER.size :])
    start = len(raw) - TRAILER.size - length
    footer = msgspec.msgpack.decode(raw[start : start + length])
    assert footer.pop("dates") is True
    forgotten = 0
    for field in footer["fields"]:
        kept = [column for column in field[2] if column[0] != "date"]
        forgotten += len(field[2]) - len(kept)
        field[2] = kept
        field[3] = [kind for kind in field[3] if kind != "date"]
    body = msgspec.msgpack.encode(footer)
    crc = zlib.crc32(body, zlib.crc32(raw[: HEADER.size]))
    path.write_bytes(raw[:start] + body + TRAILER.pack(len(body), crc, MAGIC))
    return forgotten
