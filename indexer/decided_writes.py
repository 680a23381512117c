"""Writes that are decided on a snapshot: logged only while what they were decided on is still true.

The log compares: no record after the snapshot may have changed an id of the write. When one did, the write is
decided again on a newer snapshot; after a few tries alone, while no other write is under way. So a record
holds what was decided, and following, replaying or restoring it decides nothing a second time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from anyio import to_thread

from asteroid_cloud.indexer.decide.items import Upserts
from asteroid_cloud.indexer.decide.mixed import Mixed, SetFields, decided_mixed
from asteroid_cloud.indexer.decide.stored import Stored
from asteroid_cloud.indexer.decide.upserts import kept_of
from asteroid_cloud.indexer.limits import WRITE_ADMISSION_WAIT_S_MAX
from asteroid_cloud.indexer.model.errors import no_index
from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.model.results import WriteCounts, WriteResult
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.write_events import Write, mixed_of, upsert_of
from asteroid_cloud.indexer.write_path import Writer
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import Unchanged
from asteroid_cloud.wal.errors import Conflict, Overloaded
from asteroid_cloud.wal.format import RowsWritten, SetRows

DECIDED_IN_PLACE_MAX = 100
"""Items of a write that is decided on the event loop; of more, a thread decides."""
TRIES_BESIDE_OTHERS = 3
"""How often a write is decided while others go on; after that alone."""
TRIES_ALONE = 64
"""How often alone: only what was logged by writers that were cut off comes between."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is written."""

    write: Write
    ids: Keys
    """All that it rests on."""
    counts: WriteCounts
    """The answer when there is nothing to log."""


Decide = Callable[[Snapshot], Decision]


class DecidedWrites:
    """The writes of an open store that look before they write; every method is for its event loop."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def upsert(self, upserts: Upserts) -> WriteResult:
        """Writes those of the rows whose conditions say so, all together.

        Raises Conflict ``id_exists`` or ``precondition_failed`` with the ``index`` of the item, and nothing
        is written then; InvalidRequest or TooLarge for rows that do not fit.
        """
        return await self._written(partial(self._upserts, upserts), len(upserts.ids))

    async def write(self, mixed: Mixed, bytes_max: int) -> WriteResult:
        """Deletes, inserts, patches and sets rows, in this order and all at once.

        Raises as ``decided_mixed``, with nothing written.
        """
        items = len(mixed.deletes) + len(mixed.upserts.ids) + 10 * (len(mixed.patches) + len(mixed.sets))
        return await self._written(partial(self._mixed, mixed, bytes_max), items)

    async def write_as_of(self, snapshot: Snapshot, mixed: Mixed, bytes_max: int) -> WriteResult:
        """The same as of a snapshot; raises Conflict ``lsn_mismatch`` when there is a newer record."""
        self._writer.check()
        decision = await to_thread.run_sync(self._mixed, mixed, bytes_max, snapshot)
        if not decision.write.events:
            return WriteResult(snapshot.lsn, 0, decision.counts)
        return await self._writer.log(decision.write, expected_lsn=snapshot.lsn)

    async def set_fields(
        self, snapshot: Snapshot, ids: Keys, fields: SetFields, size: int, bytes_max: int
    ) -> WriteResult:
        """Sets fields in the payloads of some ids, which take ``size`` bytes together then, in one record.

        Raises Conflict ``lsn_mismatch`` when there is a newer record than the snapshot's.
        """
        if len(ids) == 0:
            return WriteResult(snapshot.lsn, 0)
        kind = snapshot.spec.ids
        packed, none = kind.pack(ids), kind.pack(ids[:0])
        rows = [SetRows(packed, fields.values, fields.unset)]
        event = RowsWritten(none, none, b"", None, [], rows, 0, bytes_max)
        write = mixed_of(snapshot.spec, event, ids, len(ids), size)
        return await self._writer.log(write, expected_lsn=snapshot.lsn)

    def _mixed(self, mixed: Mixed, bytes_max: int, snapshot: Snapshot) -> Decision:
        stored = Stored(snapshot, self._writer.parts.log.check)
        decided = decided_mixed(stored, mixed, bytes_max)
        return Decision(decided.write, decided.ids, decided.counts)

    def _upserts(self, upserts: Upserts, snapshot: Snapshot) -> Decision:
        kept = kept_of(Stored(snapshot, self._writer.parts.log.check), upserts)
        rows = kept.rows
        counts = WriteCounts(inserted=len(rows.ids), replaced=kept.replaced, skipped=kept.skipped)
        if len(rows.ids) == 0:
            return Decision(Write([]), upserts.ids, counts)
        write = upsert_of(snapshot.spec, rows.ids, rows.vectors, rows.payloads, kept.skipped, rows.bare)
        return Decision(write, upserts.ids, counts)

    async def _written(self, decide: Decide, items: int) -> WriteResult:
        for _ in range(TRIES_BESIDE_OTHERS):
            if (result := await self._try(decide, items)) is not None:
                return result
        async with self._writer.alone():
            for _ in range(TRIES_ALONE):
                if (result := await self._try(decide, items)) is not None:
                    return result
        raise Overloaded("the ids of this write change too fast to decide about it", retry_after_s=1.0)

    async def _try(self, decide: Decide, items: int) -> WriteResult | None:
        """Decides and writes once; None when that has to be done again."""
        self._writer.check()
        parts = self._writer.parts
        snapshot = parts.applier.snapshot
        if snapshot is None:
            raise no_index()
        if items <= DECIDED_IN_PLACE_MAX:
            decision = decide(snapshot)
        else:
            decision = await to_thread.run_sync(decide, snapshot)
        if not decision.write.events:
            return WriteResult(snapshot.lsn, 0, decision.counts)
        unchanged = Unchanged(snapshot.spec.ids.pack(decision.ids), snapshot.lsn)
        try:
            return await self._writer.log(decision.write, unchanged=unchanged)
        except Conflict as error:
            if error.code != "precondition_failed":
                raise
            newest = error.details["lsn"]
            assert isinstance(newest, int)
            await parts.applier.wait_for(Lsn(newest), WRITE_ADMISSION_WAIT_S_MAX)
            return None
