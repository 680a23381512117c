"""Where ids are alive, and what follows from it: payloads that stay, rows that die."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.segment.payload_refs import RowPayload
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.wal import Lsn


@dataclass(slots=True)
class Located:
    """Living rows of one part: where their ids stand among those asked for, and the rows' ordinals."""

    part: Memtable | Segment
    positions: NDArray[np.int64]
    ordinals: NDArray[np.uint32]


def locate(parts: Sequence[Memtable | Segment], ids: Keys) -> Iterator[Located]:
    """The living rows of ``ids``, one part after the other, the newest first.

    An id that is asked for twice is found twice.
    """
    left = np.arange(len(ids))
    for part in reversed(parts):
        if len(left) == 0:
            return
        rows = part.find(ids[left], part.rows)
        if rows.max() < 0:  # the usual case, for a record of one row in each part
            continue
        there = np.flatnonzero(rows >= 0)
        there = there[~part.deletions.is_dead(rows[there].astype(np.uint32))]
        if len(there):
            yield Located(part, left[there], rows[there].astype(np.uint32))
            left = np.delete(left, there)


def resolved_payloads(given: Sequence[bytes | None], located: Sequence[Located]) -> list[RowPayload]:
    """The payloads of new rows: those given and, where there is None, those of the rows that they replace."""
    payloads: list[RowPayload] = [payload or b"" for payload in given]
    for where in located:
        keeps = np.array([given[position] is None for position in where.positions.tolist()], np.bool_)
        old = where.part.payload_refs(where.ordinals[keeps])
        for position, payload in zip(where.positions[keeps].tolist(), old, strict=True):
            payloads[position] = payload
    return payloads


def mark_deleted(lsn: Lsn, located: Sequence[Located]) -> None:
    """Marks the rows deleted by record ``lsn``."""
    for where in located:
        where.part.deletions.mark_deleted(lsn, np.unique(where.ordinals))
