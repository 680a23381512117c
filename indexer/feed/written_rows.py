"""A record of many kinds of changes, as the changes that it consists of, in their order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from asteroid_cloud.indexer.feed.change import LINE_BYTES, Change
from asteroid_cloud.indexer.model.ids import INTEGER_IDS, STRING_IDS
from asteroid_cloud.wal.format import (
    PatchedRows,
    Record,
    RowsWritten,
    SetRows,
    VectorsDeleted,
    VectorsUpserted,
)

Part = VectorsDeleted | VectorsUpserted | PatchedRows | SetRows


def parts_of(event: RowsWritten) -> Iterator[Part]:
    """What it deletes, inserts, patches and sets."""
    if event.deleted:
        yield VectorsDeleted(event.deleted)
    if event.upserted:
        yield VectorsUpserted(event.upserted, event.vectors, event.payloads, event.bare)
    yield from event.patched
    yield from event.set


def change_of_one(
    record: Record, part: PatchedRows | SetRows, place: int, payloads: bool, more: bool
) -> tuple[Change, int]:
    """The change of the payload of one id, with what it gets if ``payloads``; and the bytes it takes."""
    kind = STRING_IDS if isinstance(part.ids, list) else INTEGER_IDS
    ids = np.array(kind.unpack(part.ids)[place : place + 1])  # a view would keep the whole record
    text = part.patch if isinstance(part, PatchedRows) else part.values
    change = Change(
        lsn=record.lsn,
        time_ms=record.time_ms,
        kind="merge_payload" if isinstance(part, PatchedRows) else "set_fields",
        ids=ids,
        payloads=[text] if payloads else None,
        unset=part.unset if payloads and isinstance(part, SetRows) else None,
        more=more,
    )
    return change, LINE_BYTES + (len(text) if payloads else 0)
