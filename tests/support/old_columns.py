"""Column files as earlier programs wrote them, or read them, which are still to be answered right.

Before dates had columns; where there was no room for a column; and without long columns.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from asteroid_cloud.indexer.segment.column_file import MAGIC
from asteroid_cloud.indexer.segment.container import HEADER, TRAILER


def forget_dates(path: Path) -> int:
    """Takes the columns of dates out of a field file, and from its footer that there are any; how many."""
    forgotten = 0

    def forget(footer: dict[str, Any]) -> None:
        nonlocal forgotten
        assert footer.pop("dates") is True
        for field in footer["fields"]:
            kept = [column for column in field[2] if column[0] != "date"]
            forgotten += len(field[2]) - len(kept)
            field[2] = kept
            field[3] = [kind for kind in field[3] if kind != "date"]

    _change_footer(path, forget)
    return forgotten


def forget_long(path: Path) -> int:
    """Leaves what programs see of a field file that know no long columns; how many there were."""
    forgotten: list[Any] = []
    _change_footer(path, lambda footer: forgotten.extend(footer.pop("long", [])))
    return len(forgotten)


def leave_out(path: Path, random: Random) -> int:
    """Leaves half of the columns out, as if there had been no room; how many."""
    left_out = 0

    def leave(footer: dict[str, Any]) -> None:
        nonlocal left_out
        for field in footer["fields"]:
            for column in list(field[2]):
                if random.random() < 0.5:
                    field[2].remove(column)
                    field[3].append(column[0])
                    left_out += 1

    _change_footer(path, leave)
    return left_out


def _change_footer(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    raw = path.read_bytes()
    length, _, _ = TRAILER.unpack(raw[-TRAILER.size :])
    start = len(raw) - TRAILER.size - length
    footer = msgspec.msgpack.decode(raw[start : start + length])
    change(footer)
    body = msgspec.msgpack.encode(footer)
    crc = zlib.crc32(body, zlib.crc32(raw[: HEADER.size]))
    path.write_bytes(raw[:start] + body + TRAILER.pack(len(body), crc, MAGIC))
