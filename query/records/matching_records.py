"""Which records of a whole snapshot match a filter: how many, and their ids."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from asteroid_cloud.indexer import Ids, Snapshot
from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter
from asteroid_cloud.query.records.projection import NO_PAYLOAD
from asteroid_cloud.query.records.records import fetch, locate
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.matching_rows import matching_rows, ordinals_of
from asteroid_cloud.query.work import UNBOUNDED, Work

_DOCUMENT = msgspec.json.Decoder(dict[str, Any])


def count(snapshot: Snapshot, cache: FilterCache, filter: Filter = MATCH_ALL, work: Work = UNBOUNDED) -> int:
    """How many living records match, exactly."""
    if filter.matches_all:
        return snapshot.live
    return sum(matching_rows(view, filter, cache, work).count for view in snapshot.parts)


def matching_batches(
    snapshot: Snapshot, cache: FilterCache, filter: Filter, *, rows: int, work: Work = UNBOUNDED
) -> Iterator[Ids]:
    """The ids of all living records that match, in no order, at most ``rows`` at a time."""
    for view in snapshot.parts:
        for ordinals in ordinals_of(view, filter, cache, work):
            for first in range(0, len(ordinals), rows):
                yield view.ids(ordinals[first : first + rows])


def matching_among(
    snapshot: Snapshot, filter: Filter, ids: Ids, work: Work = UNBOUNDED
) -> tuple[Ids, list[bytes]]:
    """Those of the ids that exist and match, read one by one, and their payload texts."""
    records = [record for record in fetch(snapshot, ids, payload=True, work=work) if record is not None]
    if not filter.matches_all:
        records = [each for each in records if _matches(filter, each.payload or NO_PAYLOAD, work)]
    found = snapshot.spec.ids.of([each.id for each in records])
    return found, [each.payload or NO_PAYLOAD for each in records]


def payload_batches(snapshot: Snapshot, ids: Ids, large_max: int) -> Iterator[Ids]:
    """The same ids in runs whose payloads may be held together: ``large_max`` large ones at most in each."""
    if not any(view.part.has_large_payloads for view in snapshot.parts):
        yield ids
        return
    found, places = locate(snapshot, ids)
    is_large = np.zeros(len(ids), np.bool_)
    for number, view in enumerate(snapshot.parts):
        mine = np.flatnonzero(found & (places.parts == number))
        is_large[mine] = view.part.large_payloads(places.ordinals[mine])
    run_of = np.maximum(np.cumsum(is_large) - 1, 0) // large_max
    ends = [0, *(np.flatnonzero(np.diff(run_of)) + 1).tolist(), len(ids)]
    yield from (ids[first:last] for first, last in pairwise(ends))


def _matches(filter: Filter, payload: bytes, work: Work) -> bool:
    work.spend(filter.cost_of(1, len(payload)))
    return filter.matches(_DOCUMENT.decode(payload))
