"""The cursors of ordered walks: the position of the last row of a page, sealed with its filter and order."""

from __future__ import annotations

import base64
import binascii
import json
import struct
import zlib

from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.records.order import OTHERS, OrderBy, Position
from asteroid_cloud.wal import LSN_MAX, Lsn
from asteroid_cloud.wal.errors import InvalidRequest, Overloaded
from asteroid_cloud.wal.limits import ID_MAX, PAYLOAD_BYTES_MAX

_SEAL = struct.Struct("<I")
TEXT_BYTES_MAX = 8 * PAYLOAD_BYTES_MAX
"""A position as JSON: a string of a payload with escapes, an id, and two numbers."""


def cursor_after(position: Position, lsn: Lsn, filter: Filter, order: OrderBy) -> str:
    """What asks for the page that begins after a row."""
    body = zlib.compress(json.dumps([lsn, *position]).encode())
    return base64.urlsafe_b64encode(_SEAL.pack(_seal(body, filter, order)) + body).decode()


def position_of(cursor: str, filter: Filter, order: OrderBy, snapshot: Snapshot) -> Position:
    """The position in a cursor.

    Raises InvalidRequest ``bad_cursor`` for one that is damaged, or of another filter or order; Conflict
    ``other_history`` for one of a history that was left; Overloaded ``not_caught_up`` when the snapshot is
    older than the page before.
    """
    try:
        raw = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        (seal,) = _SEAL.unpack_from(raw)
        body = raw[_SEAL.size :]
        if seal != _seal(body, filter, order):
            raise InvalidRequest(
                "the cursor belongs to another filter or order, or is damaged", code="bad_cursor"
            )
        inflate = zlib.decompressobj()
        lsn, rank, value, id_ = json.loads(inflate.decompress(body, TEXT_BYTES_MAX))
    except (UnicodeError, binascii.Error, struct.error, zlib.error, ValueError, TypeError) as error:
        raise InvalidRequest("the cursor is not one of ours", code="bad_cursor") from error
    found = Position(rank, value, id_)
    if type(lsn) is not int or not 0 <= lsn <= LSN_MAX or not _is_sound(found, order, snapshot):
        raise InvalidRequest("the cursor is not one of ours", code="bad_cursor")
    snapshot.histories.check(lsn)
    if lsn > snapshot.lsn:
        raise Overloaded(
            f"the page before was read at {lsn}, this snapshot is of {snapshot.lsn}", code="not_caught_up"
        )
    return found


def _is_sound(position: Position, order: OrderBy, snapshot: Snapshot) -> bool:
    """Whether a seal that anybody can compute was put on something that rows can be compared with."""
    rank, value, id_ = position
    fits = (value is None) if rank == OTHERS else order.rank_of(value) == rank
    if snapshot.spec.has_string_ids:
        return fits and type(id_) is str
    return fits and type(id_) is int and 0 <= id_ <= ID_MAX


def _seal(body: bytes, filter: Filter, order: OrderBy) -> int:
    """Ties a cursor to its filter and order and shows damage; it is not a secret."""
    return zlib.crc32(order.key, zlib.crc32(filter.key, zlib.crc32(body)))
