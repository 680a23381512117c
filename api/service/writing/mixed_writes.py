"""Writes of many kinds of changes in one record: what filters match is found as of the state before it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from msgspec.structs import replace

from asteroid_cloud import query
from asteroid_cloud.api.limits import MIN_LSN_WAIT_S_MAX
from asteroid_cloud.api.service.payloads import checked_text
from asteroid_cloud.api.service.read_executor import ReadExecutor
from asteroid_cloud.indexer import Engine, Ids, Mixed, SetFields, Snapshot, WriteResult
from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX, MATCHED_ROWS_MAX
from asteroid_cloud.query import Filter, field_path
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, Overloaded, TooLarge

MATCHES_AT_ONCE = 1_000
TRIES_BESIDE_OTHERS = 2
"""How often filters are looked at while other writes go on; after that alone."""
TRIES_ALONE = 64
UNSET_MAX = 1_000
"""Paths that a change removes."""


async def write_mixed(
    engine: Engine, reads: ReadExecutor, mixed: Mixed, filters: Sequence[Filter]
) -> WriteResult:
    """Does all of it in one record: what matches a filter is deleted with what ``mixed`` deletes.

    Raises what ``DecidedWrites.write`` does, and TooLarge ``batch_too_large`` when the filters match more
    than MATCHED_ROWS_MAX rows; nothing is written then.
    """
    bytes_max = engine.options.payload_bytes_max
    if not filters:
        return await engine.decided.write(mixed, bytes_max)
    for _ in range(TRIES_BESIDE_OTHERS):
        if (result := await _try(engine, reads, mixed, filters, bytes_max)) is not None:
            return result
    async with engine.alone():
        for _ in range(TRIES_ALONE):
            if (result := await _try(engine, reads, mixed, filters, bytes_max)) is not None:
                return result
    raise Overloaded("the index changes too fast to write to what matches a filter", retry_after_s=1.0)


async def _try(
    engine: Engine, reads: ReadExecutor, mixed: Mixed, filters: Sequence[Filter], bytes_max: int
) -> WriteResult | None:
    """Looks and writes once; None when another write came between."""
    snapshot = engine.snapshot()
    matched = [await _matched(reads, snapshot, filter) for filter in filters]
    ids = snapshot.spec.ids.distinct(np.concatenate(matched))
    if len(ids) > MATCHED_ROWS_MAX:
        raise _too_many()
    whole = replace(mixed, deletes=np.concatenate([mixed.deletes, ids]))
    try:
        return await engine.decided.write_as_of(snapshot, whole, bytes_max)
    except Conflict as error:
        if error.code != "lsn_mismatch":
            raise
        newest = error.details["lsn"]
        assert isinstance(newest, int)
        await engine.wait_for(newest, MIN_LSN_WAIT_S_MAX)
        return None


async def _matched(reads: ReadExecutor, snapshot: Snapshot, filter: Filter) -> Ids:
    work = reads.work(filter)
    left = query.matching_batches(snapshot, reads.filter_cache, filter, rows=MATCHES_AT_ONCE, work=work)
    found, count = [snapshot.spec.ids.of([])], 0
    while (ids := await reads.next_part(partial(next, left, None), work)) is not None:
        found.append(ids)
        count += len(ids)
        if count > MATCHED_ROWS_MAX:
            raise _too_many()
    return np.concatenate(found)


def _too_many() -> TooLarge:
    reason = f"the filters of one write match at most {MATCHED_ROWS_MAX:,} rows"
    return TooLarge(reason, code="batch_too_large")


def check_items(count: int) -> None:
    """Raises TooLarge ``batch_too_large`` for more items than one write has, InvalidRequest for none."""
    if count > BATCH_ITEMS_MAX:
        raise TooLarge(f"a write has at most {BATCH_ITEMS_MAX:,} items", code="batch_too_large")
    if count == 0:
        raise InvalidRequest("a write needs at least one item", code="empty_batch")


def checked_set(values: bytes | None, unset: object, bytes_max: int) -> SetFields:
    """What is to be set, as the text of a JSON object, and the paths to be removed.

    Raises InvalidRequest ``bad_set`` or ``bad_unset``, and when neither is given.
    """
    if values is None and unset is None:
        raise InvalidRequest("give set, unset or both", code="missing_field")
    if not isinstance(unset, list | tuple | None):
        raise InvalidRequest("unset must be a list of paths", code="bad_unset")
    if len(unset or ()) > UNSET_MAX:
        raise InvalidRequest(f"unset has at most {UNSET_MAX:,} paths", code="bad_unset")
    paths = [list(field_path(path, "unset", code="bad_unset")) for path in unset or ()]
    return SetFields((checked_text(values, bytes_max) if values is not None else b"") or b"{}", paths)
