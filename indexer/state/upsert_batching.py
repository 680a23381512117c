"""Runs: records of one row each, one behind the other, which can be folded at once.

Most stores are written to by many who write a row each; what numpy and the core take to be called is more
than what one row takes then. Rows of a run have different ids, so that none depends on one before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeGuard

from asteroid_cloud.wal.format import Record, VectorsUpserted

RUN_ROWS_MAX = 64
ID_BYTES = 8


def runs_of(records: Sequence[Record]) -> Iterator[tuple[list[Record], list[VectorsUpserted]]]:
    """All records in order, in groups, each with the upserts of its run, or with none.

    A group without upserts is a single record, to be folded by itself; vectors of a run are of one length.
    """
    run: list[Record] = []
    upserts: list[VectorsUpserted] = []
    ids: set[bytes] = set()
    for record in records:
        event = record.event
        if not _is_single(event):
            if run:
                yield run, upserts
            yield [record], []
            run, upserts, ids = [], [], set()
            continue
        is_apart = event.ids in ids or len(run) == RUN_ROWS_MAX
        if run and (is_apart or len(event.vectors) != len(upserts[0].vectors)):
            yield run, upserts
            run, upserts, ids = [], [], set()
        run.append(record)
        upserts.append(event)
        ids.add(event.ids)
    if run:
        yield run, upserts


def _is_single(event: object) -> TypeGuard[VectorsUpserted]:
    """Whether it gives one row, with a payload or without one."""
    if not isinstance(event, VectorsUpserted) or len(event.ids) != ID_BYTES:
        return False
    return event.payloads is None or len(event.payloads) == 1
