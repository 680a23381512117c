"""The engine: one index over one data directory, event-sourced.

Writes become log records; the applier folds them; sealer and merger keep the rest in shape. Readers
take ``snapshot`` and need nothing more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import anyio
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.admin import Upkeep
from asteroid_cloud.indexer.model.deletions import DELETION_BYTES
from asteroid_cloud.indexer.model.errors import no_such_id, wrong_dim, wrong_payload_count
from asteroid_cloud.indexer.model.options import TAIL_ROW_BYTES, EngineOptions
from asteroid_cloud.indexer.model.precondition import Condition, as_of
from asteroid_cloud.indexer.model.results import Phase, WriteResult
from asteroid_cloud.indexer.model.spec import BITS_DEFAULT, IndexSpec, checked_spec
from asteroid_cloud.indexer.recovery.supervisor import Supervisor
from asteroid_cloud.indexer.segment.payload_file import PAYLOAD_REF_BYTES
from asteroid_cloud.indexer.state.rw_lock import ReadWriteLock
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import Unchanged
from asteroid_cloud.wal.disk import Files, LocalFiles, StoreLayout
from asteroid_cloud.wal.errors import AsteroidError, Conflict, InvalidRequest, TooLarge
from asteroid_cloud.wal.format import (
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.limits import FRAME_BODY_BYTES_MAX, PAYLOAD_BYTES_MAX


class Engine(Upkeep):
    """Use ``Engine.open``; every method is for the event loop that opened it."""

    def __init__(self, opening: Supervisor, options: EngineOptions) -> None:
        super().__init__(opening, options)
        self._turns = ReadWriteLock()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: str, options: EngineOptions | None = None, *, files: Files | None = None
    ) -> AsyncIterator[Engine]:
        """Opens the data directory, made if need be; recovery goes on in the background (see ``ready``).

        Raises LockHeld when another process has it open.
        """
        options = options or EngineOptions()
        opening = Supervisor(files or LocalFiles(), StoreLayout(path).collection(), options)
        await opening.lock()
        try:
            with _one_by_one():
                async with anyio.create_task_group() as group:
                    group.start_soon(opening.run)
                    try:
                        yield cls(opening, options)
                    finally:
                        opening.abandon_builds()
                        group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await opening.close()

    async def ready(self) -> None:
        """Returns at the end of recovery; raises what made it fail."""
        await self._opening.wait()

    @property
    def phase(self) -> Phase:
        """Where the engine stands."""
        return self._opening.phase

    @property
    def failure(self) -> AsteroidError | None:
        """Why no write is accepted any more, if so; reads go on."""
        return self._opened.log.poisoned or self._opened.applier.failure

    @property
    def spec(self) -> IndexSpec | None:
        """The index's dimension and metric; None before it is created."""
        snapshot = self._opened.applier.snapshot
        return snapshot.spec if snapshot else None

    @property
    def identity(self) -> bytes:
        """Sixteen bytes that tell this store from every other."""
        return self._opened.log.identity

    @property
    def applied_lsn(self) -> Lsn:
        """The newest record that readers see."""
        return self._opened.applier.applied_lsn

    @property
    def generation(self) -> int:
        """Changes whenever all that the index held is replaced or deleted."""
        return self._opened.state.generation

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Writes of other tasks wait until it ends, and it begins when those under way are applied.

        What a cancelled writer left may still come: a write within it tells by its ``expected_lsn``.
        """
        return self._turns.alone()

    async def wait_for(self, lsn: int, timeout_s: float) -> None:
        """Returns once readers see record ``lsn``; raises Overloaded ``not_caught_up`` after the timeout."""
        await self._opened.applier.wait_for(Lsn(lsn), timeout_s)

    async def create_index(self, dim: int, metric: str, bits: int = BITS_DEFAULT) -> WriteResult:
        """Fixes what the index is; raises Conflict ``index_already_initialized``, InvalidRequest."""
        spec = checked_spec(dim, metric, bits)
        if self.spec is not None:
            raise Conflict("the index exists already", code="index_already_initialized")
        return await self._write(IndexCreated(spec.dim, spec.metric, spec.bits))

    async def delete_index(self) -> WriteResult:
        """Removes the index and all its data; does nothing when there is none."""
        self._check_writable()
        if self.spec is None:
            return WriteResult(self.applied_lsn, 0)
        return await self._write(IndexDeleted())

    async def upsert(
        self,
        ids: NDArray[np.uint64],
        vectors: NDArray[np.float32],
        payloads: Sequence[bytes | None] | None,
        *,
        condition: Condition | None = None,
    ) -> WriteResult:
        """Inserts or replaces float32 rows [n, dim]; all of them or none.

        A payload of None keeps the old one, b"" clears it. An id given twice: the last one wins. Raises
        Conflict ``precondition_failed`` when ``condition`` may not hold of the first id.
        """
        spec = self.snapshot().spec
        if vectors.shape[1:] != (spec.dim,):
            raise wrong_dim(vectors.shape[-1], spec.dim)
        if len(vectors) != len(ids):
            raise InvalidRequest(f"{len(vectors)} vectors for {len(ids)} ids", code="bad_vector")
        if payloads is not None and len(payloads) != len(ids):
            raise wrong_payload_count(len(payloads), len(ids))
        held = sum(len(payload) for payload in payloads if payload) if payloads else 0
        if vectors.nbytes + held > FRAME_BODY_BYTES_MAX - 32 * len(ids) - 1024:
            raise TooLarge(
                f"a batch may take {FRAME_BODY_BYTES_MAX} bytes in the log", code="batch_too_large"
            )
        event = VectorsUpserted(
            np.ascontiguousarray(ids, "<u8").tobytes(),
            np.ascontiguousarray(vectors, "<f4").tobytes(),
            None if payloads is None else list(payloads),
        )
        kept = len(ids) if payloads is None else payloads.count(None)
        size = len(ids) * (spec.row_bytes + TAIL_ROW_BYTES + DELETION_BYTES) + kept * PAYLOAD_REF_BYTES + held
        unchanged = self._unchanged(int(ids[0]), condition) if len(ids) else None
        return await self._write(event, len(ids), size, unchanged=unchanged)

    async def delete(
        self,
        ids: NDArray[np.uint64],
        *,
        expected_lsn: int | None = None,
        condition: Condition | None = None,
    ) -> WriteResult:
        """Deletes those of the ids that exist; logs nothing when none does.

        Raises Conflict: ``lsn_mismatch`` when there is a newer record in the log than ``expected_lsn``,
        ``precondition_failed`` when ``condition`` may not hold of the first id.
        """
        self._check_writable()
        unchanged = self._unchanged(int(ids[0]), condition) if len(ids) else None
        live = [view.find(ids) >= 0 for view in self.snapshot().parts]
        found = np.unique(ids[np.logical_or.reduce(live)]) if live else ids[:0]
        if len(found) == 0:
            if unchanged is not None:
                self._opened.log.check(unchanged)
            return WriteResult(self.applied_lsn, 0)
        event = VectorsDeleted(found.astype("<u8").tobytes())
        return await self._write(event, 0, DELETION_BYTES * len(found), expected_lsn, unchanged)

    async def replace_payload(
        self, id_: int, payload: bytes, *, condition: Condition | None = None
    ) -> WriteResult:
        """Sets a payload to a JSON object text.

        Raises NotFound when the id is absent, Conflict ``precondition_failed`` for ``condition``.
        """
        size = self._row_bytes(id_) + len(payload)
        unchanged = self._unchanged(id_, condition)
        return await self._write(PayloadReplaced(id_, payload), 1, size, unchanged=unchanged)

    async def merge_payload(
        self, id_: int, patch: bytes, *, condition: Condition | None = None
    ) -> WriteResult:
        """Applies a JSON merge-patch (RFC 7396) to a payload; raises as ``replace_payload``."""
        size = self._row_bytes(id_) + PAYLOAD_BYTES_MAX  # what the old payload and the patch make at most
        unchanged = self._unchanged(id_, condition)
        return await self._write(PayloadMerged(id_, patch), 1, size, unchanged=unchanged)

    async def merge_payloads(
        self, ids: NDArray[np.uint64], patch: bytes, payload_bytes: int, *, expected_lsn: int | None = None
    ) -> WriteResult:
        """Applies one merge-patch to the payloads of some ids, which together take ``payload_bytes`` then.

        All are logged or none. Raises NotFound when one is absent, Conflict ``lsn_mismatch`` as ``delete``.
        """
        if len(ids) == 0:
            return WriteResult(self.applied_lsn, 0)
        size = len(ids) * (self.snapshot().spec.row_bytes + TAIL_ROW_BYTES + DELETION_BYTES) + payload_bytes
        events: list[Event] = [PayloadMerged(id_, patch) for id_ in ids.tolist()]
        return await self._write(events, len(ids), size, expected_lsn)

    def _row_bytes(self, id_: int) -> int:
        """What another row for this id takes beside its payload; raises NotFound when the id is absent."""
        ids, snapshot = np.array([id_], np.uint64), self.snapshot()
        if not any(view.find(ids)[0] >= 0 for view in snapshot.parts):
            raise no_such_id(id_)
        return snapshot.spec.row_bytes + TAIL_ROW_BYTES + DELETION_BYTES

    def _unchanged(self, id_: int, condition: Condition | None) -> Unchanged | None:
        """What the log has to check of a condition; raises when it is known already that it fails."""
        return None if condition is None else as_of(self.snapshot(), id_, condition)

    def _check_writable(self) -> None:
        """Raises the failure, if any: records that nobody sees here may come back with a restart."""
        if self.failure is not None:
            raise self.failure

    async def _write(
        self,
        events: Event | list[Event],
        rows: int = 0,
        size: int = 0,
        expected_lsn: int | None = None,
        unchanged: Unchanged | None = None,
    ) -> WriteResult:
        """Logs events together, waits until they are durable and applied, and says what they did."""
        self._check_writable()
        opened, listed = self._opened, events if isinstance(events, list) else [events]
        expected = None if expected_lsn is None else Lsn(expected_lsn)
        async with self._turns.shared(), opened.backpressure.admitted(rows, size):
            last = await opened.log.append(listed, expected_lsn=expected, unchanged=unchanged)
            lsns = range(last - len(listed) + 1, last + 1)
            outcomes = [await opened.applier.outcome(Lsn(lsn)) for lsn in lsns]
        return WriteResult(last, sum(outcome.affected for outcome in outcomes))


@contextmanager
def _one_by_one() -> Iterator[None]:
    """Lets an error of the caller's own block out as it is, not wrapped in the task group's."""
    try:
        yield
    except BaseExceptionGroup as group:
        if len(group.exceptions) != 1:
            raise
        raise group.exceptions[0] from None
