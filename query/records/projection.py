"""Payloads of which only some fields are wanted.

They are read some at a time and cut at once, so that what is not wanted is never held for a whole answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import PartView, TakeBytes, unbounded
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.costs import PROJECTED_BYTE
from asteroid_cloud.query.work import Work
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.limits import MIB, PAYLOAD_DEPTH_MAX

NO_PAYLOAD = b"{}"
"""What a record without a payload answers."""
FIRST_ROWS = 16
"""Payloads read at first, while nobody knows how large they are."""
ROWS_A_READ = 1_024
BYTES_A_READ = 1 * MIB
"""About as many bytes of whole payloads are held at a time."""


@dataclass(frozen=True, slots=True)
class Projection:
    """The fields that are wanted: paths through objects. Numbers and texts stay as they were written."""

    paths: frozenset[tuple[str, ...]]

    def native(self) -> core.Projection:
        """What does the cutting; made anew for each answer, because many requests may wait at a time."""
        return core.Projection([path for path in self.paths if len(path) <= PAYLOAD_DEPTH_MAX])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a read of rows gives beside their ids."""

    payload: bool = False
    vector: bool = False
    fields: Projection | None = None
    """Of the payload only these; None for all of it."""


def projected_at(
    views: Sequence[PartView],
    parts: NDArray[np.uint32],
    ordinals: NDArray[np.uint32],
    projection: Projection,
    take: TakeBytes,
    work: Work,
) -> list[bytes]:
    """The chosen fields of each place, ``{}`` where there are none; ``take`` hears of what is kept.

    Raises CorruptionError for what is not a JSON object.
    """
    texts, native = [NO_PAYLOAD] * len(parts), projection.native()
    in_order = np.lexsort((ordinals, parts))  # as they lie on the disk
    for part in np.unique(parts):
        places = in_order[parts[in_order] == part]
        first, rows = 0, FIRST_ROWS
        while first < len(places):
            some = places[first : first + rows]
            whole = views[part].payloads(ordinals[some], work.counting(unbounded))
            size = sum(map(len, whole))
            work.spend(size * PROJECTED_BYTE)
            cut = _cut(native, whole, views[part], int(ordinals[some[0]]))
            take(sum(map(len, cut)))
            for place, text in zip(some.tolist(), cut, strict=True):
                texts[place] = text
            first += len(some)
            rows = min(max(1, BYTES_A_READ * len(some) // max(size, 1)), ROWS_A_READ, 4 * rows)
    return texts


def _cut(native: core.Projection, whole: list[bytes], view: PartView, row: int) -> list[bytes]:
    try:
        return native.apply([text or NO_PAYLOAD for text in whole])
    except ValueError as error:
        raise CorruptionError(f"payloads of {view.key}", row, f"not a JSON object: {error}") from error
