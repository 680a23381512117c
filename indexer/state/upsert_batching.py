"""Upsert batching: neighbouring records of one row each, which can be applied at once.

Most stores have many writers that write one row at a time; a call of numpy or of the core then costs more
than the row itself. The rows of a batch have different ids, so that none depends on one before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeGuard

from asteroid_cloud.wal.format import Record, VectorsUpserted, ids_in

BATCH_ROWS_MAX = 64


def batches_of(records: Sequence[Record]) -> Iterator[tuple[list[Record], list[VectorsUpserted]]]:
    """All records in order, in groups, each with the upserts of a batch, or with none.

    A group without upserts is a single record, to be applied by itself; all vectors of a batch are of one
    length.
    """
    batch: list[Record] = []
    upserts: list[VectorsUpserted] = []
    ids: set[bytes | str] = set()
    for record in records:
        event = record.event
        if not _is_single(event):
            if batch:
                yield batch, upserts
            yield [record], []
            batch, upserts, ids = [], [], set()
            continue
        id_ = event.ids if isinstance(event.ids, bytes) else event.ids[0]
        is_apart = id_ in ids or len(batch) == BATCH_ROWS_MAX
        if batch and (is_apart or len(event.vectors) != len(upserts[0].vectors)):
            yield batch, upserts
            batch, upserts, ids = [], [], set()
        batch.append(record)
        upserts.append(event)
        ids.add(id_)
    if batch:
        yield batch, upserts


def _is_single(event: object) -> TypeGuard[VectorsUpserted]:
    """Whether it gives one row with a vector, with a payload or without one."""
    if not isinstance(event, VectorsUpserted) or event.bare or ids_in(event.ids) != 1:
        return False
    return event.payloads is None or len(event.payloads) == 1
