"""The cursor of a walk in id order: where it is, as text that a client gives back."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib

from asteroid_cloud.indexer import Id, Snapshot, check_name
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.wal import LSN_MAX, Lsn
from asteroid_cloud.wal.errors import InvalidRequest, Overloaded

_OF_INTEGERS = struct.Struct("<QQI")
"""The last id, the LSN that the page was read at, the seal."""
_OF_STRINGS = struct.Struct("<QI")
"""The LSN and the seal; the last id follows as UTF-8."""


def cursor_of(last: Id, lsn: Lsn, filter: Filter) -> str:
    """The cursor of a walk that has come to an id."""
    seal = _seal(last, lsn, filter)
    if isinstance(last, int):
        packed = _OF_INTEGERS.pack(last, lsn, seal)
    else:
        packed = _OF_STRINGS.pack(lsn, seal) + last.encode()
    return base64.urlsafe_b64encode(packed).decode()


def id_of_cursor(cursor: str, filter: Filter, snapshot: Snapshot) -> Id:
    """The id that a walk has come to.

    Raises InvalidRequest ``bad_cursor`` for a cursor that is damaged or belongs to another filter; Conflict
    ``other_history`` for one of a history that was left; Overloaded ``not_caught_up`` when the snapshot is
    older than the page before.
    """
    try:
        raw = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        last, seen, seal = _unpacked(raw, has_names=snapshot.spec.has_string_ids)
    except (UnicodeError, binascii.Error, struct.error, InvalidRequest) as error:
        raise InvalidRequest("the cursor is not one of ours", code="bad_cursor") from error
    if seal != _seal(last, seen, filter):
        raise InvalidRequest("the cursor belongs to another filter, or is damaged", code="bad_cursor")
    if seen > LSN_MAX:
        raise InvalidRequest(f"the cursor's LSN is beyond the greatest, {LSN_MAX}", code="bad_cursor")
    snapshot.histories.check(seen)
    if seen > snapshot.lsn:
        raise Overloaded(
            f"the page before was read at {seen}, this snapshot is of {snapshot.lsn}", code="not_caught_up"
        )
    return last


def _unpacked(raw: bytes, *, has_names: bool) -> tuple[Id, int, int]:
    if has_names:
        seen, seal = _OF_STRINGS.unpack_from(raw)
        return check_name(raw[_OF_STRINGS.size :].decode()), seen, seal
    last, seen, seal = _OF_INTEGERS.unpack(raw)
    return last, seen, seal


def _seal(last: Id, lsn: int, filter: Filter) -> int:
    """Ties a cursor to its filter and shows damage; it is not a secret."""
    if isinstance(last, int):
        packed = struct.pack("<QQ", last, lsn)
    else:
        packed = struct.pack("<Q", lsn) + last.encode()
    return zlib.crc32(filter.key, zlib.crc32(packed))
