"""Writing to all that matches a filter: resolved to ids, a bounded batch of them in the log at a time.

The matches are those of one snapshot. Other writes go on between batches, so a batch whose snapshot is no
longer the newest looks again, alone, at each of its records, and leaves out what was deleted or does not
match any more; the log refuses the batch if anything came between the look and the record. So no record is
hit that does not match at that moment, and each batch is logged whole or not at all; all of them together
are not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import numpy as np

from asteroid_cloud import query
from asteroid_cloud.api.limits import MATCHES_A_BATCH_MAX, MIN_LSN_WAIT_S_MAX, PATCHES_A_BATCH_MAX
from asteroid_cloud.api.service.read_executor import ReadExecutor
from asteroid_cloud.indexer import (
    Engine,
    Ids,
    SetFields,
    Snapshot,
    WriteResult,
    merge_payload,
    set_fields,
)
from asteroid_cloud.query import MATCH_ALL, Filter, Work
from asteroid_cloud.wal.errors import AsteroidError, Conflict, InvalidRequest, Overloaded
from asteroid_cloud.wal.limits import MIB

Write = Callable[[Engine, Snapshot, Ids, bool], Awaitable[WriteResult]]
"""Writes to some ids as of a snapshot; True says that they have to be looked at again."""

PATCHES_BYTES_MAX = 4 * MIB
"""What the patches of one batch take in the log, before compression."""
LARGE_A_BATCH_MAX = 16
"""Rows of a batch whose payloads are large."""
TRIES_MAX = 64
"""How often a batch looks again; only what was logged by writers that were cut off comes between."""


async def delete_matching(engine: Engine, reads: ReadExecutor, filter: Filter) -> WriteResult:
    """Deletes all that matched when it was called and still do when their batch is logged.

    An error has in ``details["deleted"]`` how many are gone.
    """

    async def write(engine: Engine, snapshot: Snapshot, ids: Ids, changed: bool) -> WriteResult:
        if changed:
            look = partial(query.matching_among, snapshot, filter, ids)
            ids, _ = await reads.at_once(look, filter)
        return await engine.delete(ids, expected_lsn=snapshot.lsn)

    work = reads.work(filter)
    batches = partial(
        query.matching_batches, cache=reads.filter_cache, filter=filter, rows=MATCHES_A_BATCH_MAX, work=work
    )
    return await _write_batches(engine, reads, batches, write, "deleted", work)


async def merge_matching(engine: Engine, reads: ReadExecutor, filter: Filter, patch: bytes) -> WriteResult:
    """Applies a merge-patch to the payloads of all that matched when called and still do.

    Raises InvalidRequest ``bad_payload``, with the ``id``, when a payload would become too large; nothing of
    its batch is changed. An error has in ``details["patched"]`` how many are.
    """
    rows, work = _patches_a_batch(patch), reads.work(filter)
    batches = partial(query.matching_batches, cache=reads.filter_cache, filter=filter, rows=rows, work=work)
    write = _merging(reads, filter, patch)
    return await _write_batches(engine, reads, batches, write, "patched", work)


async def merge_ids(engine: Engine, reads: ReadExecutor, ids: Ids, patch: bytes) -> WriteResult:
    """Applies a merge-patch to the payloads of those ids that exist; as ``merge_matching`` does."""
    rows, wanted = _patches_a_batch(patch), np.unique(ids)

    def batches(snapshot: Snapshot) -> Iterator[Ids]:
        return (wanted[first : first + rows] for first in range(0, len(wanted), rows))

    write = _merging(reads, MATCH_ALL, patch)
    return await _write_batches(engine, reads, batches, write, "patched", reads.work(MATCH_ALL))


async def set_matching(engine: Engine, reads: ReadExecutor, filter: Filter, fields: SetFields) -> WriteResult:
    """Sets and removes fields in the payloads of all that matched when called and still do.

    As ``merge_matching``; an error has in ``details["set"]`` how many are changed.
    """
    rows, work = _patches_a_batch(fields.values), reads.work(filter)
    batches = partial(query.matching_batches, cache=reads.filter_cache, filter=filter, rows=rows, work=work)
    return await _write_batches(engine, reads, batches, _setting(reads, filter, fields), "set", work)


async def set_ids(engine: Engine, reads: ReadExecutor, ids: Ids, fields: SetFields) -> WriteResult:
    """Sets and removes fields in the payloads of those ids that exist; as ``set_matching`` does."""
    rows, wanted = _patches_a_batch(fields.values), np.unique(ids)

    def batches(snapshot: Snapshot) -> Iterator[Ids]:
        return (wanted[first : first + rows] for first in range(0, len(wanted), rows))

    write = _setting(reads, MATCH_ALL, fields)
    return await _write_batches(engine, reads, batches, write, "set", reads.work(MATCH_ALL))


def _setting(reads: ReadExecutor, filter: Filter, fields: SetFields) -> Write:
    async def write(engine: Engine, snapshot: Snapshot, ids: Ids, changed: bool) -> WriteResult:
        bytes_max = engine.options.payload_bytes_max

        def change(payload: bytes) -> bytes:
            return set_fields(payload, fields.values, fields.unset)

        def look(work: Work) -> tuple[Ids, int]:
            kept, payloads = query.matching_among(snapshot, filter, ids, work)
            return kept, _changed_bytes(kept, payloads, change, bytes_max)

        kept, size = await reads.at_once(look, filter)
        return await engine.decided.set_fields(snapshot, kept, fields, size, bytes_max)

    return write


def _patches_a_batch(patch: bytes) -> int:
    """As many as other writers can wait for: each takes the applier some 150 µs."""
    return max(1, min(PATCHES_A_BATCH_MAX, PATCHES_BYTES_MAX // len(patch)))


def _merging(reads: ReadExecutor, filter: Filter, patch: bytes) -> Write:
    async def write(engine: Engine, snapshot: Snapshot, ids: Ids, changed: bool) -> WriteResult:
        def merged(payload: bytes) -> bytes:
            return merge_payload(payload, patch)

        def look(work: Work) -> tuple[Ids, int]:
            kept, payloads = query.matching_among(snapshot, filter, ids, work)
            return kept, _changed_bytes(kept, payloads, merged, engine.options.payload_bytes_max)

        kept, size = await reads.at_once(look, filter)
        return await engine.merge_payloads(kept, patch, size, expected_lsn=snapshot.lsn)

    return write


def _changed_bytes(ids: Ids, payloads: list[bytes], change: Callable[[bytes], bytes], bytes_max: int) -> int:
    """What the payloads take after the change; refuses one that would take too much."""
    sizes = [len(change(payload)) for payload in payloads]
    for id, size in zip(ids.tolist(), sizes, strict=True):
        if size > bytes_max:
            raise InvalidRequest(
                f"the payload of {id} would have {size} bytes, more than {bytes_max}",
                code="bad_payload",
                id=id,
            )
    return sum(sizes)


async def _write_batches(
    engine: Engine,
    reads: ReadExecutor,
    batches: Callable[[Snapshot], Iterator[Ids]],
    write: Write,
    word: str,
    work: Work,
) -> WriteResult:
    """Writes to all batches of the newest snapshot; how many records, and the LSN of the last batch.

    ``work`` is what finding them may do.
    """
    snapshot, generation = await reads.snapshot(), engine.generation
    total = WriteResult(snapshot.lsn, 0)
    known: int | None = snapshot.lsn
    """The newest record, as long as all that came after the snapshot is this call's own."""
    left = (
        few for ids in batches(snapshot) for few in query.payload_batches(snapshot, ids, LARGE_A_BATCH_MAX)
    )
    try:
        while (ids := await reads.next_part(partial(next, left, None), work)) is not None:
            async with engine.alone():
                if engine.generation != generation:  # the index that held the matches is gone
                    break
                result, changed = await _written(engine.of_part(total.affected), write, ids, known)
            known = None if changed else result.lsn
            total = WriteResult(result.lsn, total.affected + result.affected)
    except AsteroidError as error:
        error.details[word] = total.affected
        raise
    return total


async def _written(engine: Engine, write: Write, ids: Ids, known: int | None) -> tuple[WriteResult, bool]:
    """One batch, written as of the newest snapshot, and whether that is not the one ``known`` to match.

    Nobody else writes meanwhile, but a writer that was cancelled may have left a record on its way.
    """
    for _ in range(TRIES_MAX):
        snapshot = engine.snapshot()
        changed = snapshot.lsn != known
        try:
            return await write(engine, snapshot, ids, changed), changed
        except Conflict as error:
            if error.code != "lsn_mismatch":
                raise
            found = error.details["lsn"]
            assert isinstance(found, int)
            await engine.wait_for(found, MIN_LSN_WAIT_S_MAX)
    raise Overloaded("the index changes too fast to write to what matches a filter", retry_after_s=1.0)
