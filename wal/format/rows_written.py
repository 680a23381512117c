"""The event of many kinds of changes at once."""

from __future__ import annotations

import msgspec

from asteroid_cloud.wal.format.ids import Ids
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_DEFAULT


class PatchedRows(msgspec.Struct, frozen=True, array_like=True):
    """The payloads of these ids got one JSON merge-patch (RFC 7396)."""

    ids: Ids
    patch: bytes


class SetRows(msgspec.Struct, frozen=True, array_like=True):
    """The payloads of these ids lost what lies at some paths, then got some fields, without merging."""

    ids: Ids
    values: bytes
    """The text of a JSON object."""
    unset: list[list[str]]
    """Paths, each the keys from the outermost on."""


class RowsWritten(msgspec.Struct, frozen=True, array_like=True, tag=14):
    """Rows were deleted, inserted or replaced, patched and set, in this order and all at once.

    Void when a row to be patched or set is absent then, or its payload would be too large.
    """

    deleted: Ids
    upserted: Ids
    vectors: bytes
    payloads: list[bytes | None] | None = None
    """As those of VectorsUpserted; a row that was deleted here has no payload to keep."""
    patched: list[PatchedRows] = []
    set: list[SetRows] = []
    skipped: int = 0
    """Items of the same write that are not here, because their ids existed."""
    bytes_max: int = PAYLOAD_BYTES_DEFAULT
    """What a payload that is patched or set may have afterwards."""
    bare: bytes = b""
    """Which of the upserted rows have no vector, as those of VectorsUpserted."""

    @property
    def ids(self) -> Ids:
        """All of them, one packed after the other."""
        changed = [*(each.ids for each in self.patched), *(each.ids for each in self.set)]
        parts = [self.deleted, self.upserted, *changed]
        if any(isinstance(part, list) for part in parts):
            return [id_ for part in parts if isinstance(part, list) for id_ in part]
        return b"".join([part for part in parts if isinstance(part, bytes)])
