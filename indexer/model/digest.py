"""A digest of what an index holds, whatever parts it lies in.

    digest := Σ blake2b-128(id ++ record ++ payload) mod 2^128, over living rows
    id     := u64, or the bytes of a string after their number as u64

A sum does not depend on order, so a live index, a replayed one and a replica can be compared. Records
are quantised the same way everywhere, so equal vectors give equal records.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.deletions import listed
from asteroid_cloud.indexer.model.ids import IdKind
from asteroid_cloud.indexer.model.part import PartView
from asteroid_cloud.indexer.model.snapshot import Snapshot

DIGEST_BYTES = 16
SLICE_ROWS = 4096


def snapshot_digest(snapshot: Snapshot | None) -> str:
    """The digest as 32 hexadecimal digits; that of an index without rows, or of no index, is all zeros."""
    total = sum(_part_digest(view, snapshot.spec.ids) for view in snapshot.parts) if snapshot else 0
    return f"{total % 2 ** (8 * DIGEST_BYTES):0{2 * DIGEST_BYTES}x}"


def _part_digest(view: PartView, kind: IdKind) -> int:
    total = 0
    every = np.arange(view.rows, dtype=np.uint32)
    ordinals = every if view.alive is None else listed(view.alive, view.rows)
    for start in range(0, len(ordinals), SLICE_ROWS):
        some = ordinals[start : start + SLICE_ROWS]
        ids = view.ids(some).tolist()
        records = _records(view, some)
        for number, payload in enumerate(view.payloads(some)):
            row = blake2b(kind.digested(ids[number]), digest_size=DIGEST_BYTES)
            row.update(records[number])
            row.update(payload)
            total += int.from_bytes(row.digest(), "little")
    return total


def _records(view: PartView, ordinals: NDArray[np.uint32]) -> list[bytes]:
    """The quantised vector of each row; nothing for a row without one."""
    if not view.part.bare_rows:
        return [record.tobytes() for record in view.part.native.encoded(ordinals)]
    has_vector, records = view.part.has_vectors(ordinals), [b""] * len(ordinals)
    encoded = view.part.native.encoded(ordinals[has_vector])
    for place, record in zip(np.flatnonzero(has_vector).tolist(), encoded, strict=True):
        records[place] = record.tobytes()
    return records
