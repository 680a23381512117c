"""The engine: one index over one data directory.

Writes become log records, which the applier applies; the sealer and the merger turn them into segments in the
background. Readers take a ``snapshot`` and need nothing more. What else can be done with a store is in
``admin``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from copy import copy
from functools import partial
from math import inf

import anyio
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from asteroid_cloud.indexer.admin import Admin
from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.bulk_load import BulkLoader
from asteroid_cloud.indexer.decided_writes import DecidedWrites
from asteroid_cloud.indexer.feed.change import FeedParts
from asteroid_cloud.indexer.feed.change_feed import ChangeFeed
from asteroid_cloud.indexer.history.purge import PurgeReport
from asteroid_cloud.indexer.history.tags import TagInfo
from asteroid_cloud.indexer.memory.budget import MemoryBudget, SharedBudget
from asteroid_cloud.indexer.model.errors import no_index
from asteroid_cloud.indexer.model.ids import Id, Keys
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.precondition import Condition, as_of
from asteroid_cloud.indexer.model.results import (
    EngineStats,
    MemoryUse,
    Phase,
    Recovery,
    WriteResult,
)
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.model.spec import BITS_DEFAULT, IndexSpec, checked_spec
from asteroid_cloud.indexer.recovery.supervisor import Supervisor
from asteroid_cloud.indexer.requests import Requests
from asteroid_cloud.indexer.text_definitions import TextDefinitions
from asteroid_cloud.indexer.write_events import (
    Write,
    delete_of,
    merge_of,
    merges_of,
    replacement_of,
    upsert_of,
)
from asteroid_cloud.indexer.write_path import Writer
from asteroid_cloud.wal import Histories, Lsn
from asteroid_cloud.wal.append import Unchanged
from asteroid_cloud.wal.disk import CollectionLayout, Files, LocalFiles, StoreLayout
from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.format import IndexDeleted, RequestKey
from asteroid_cloud.wal.store import StoreAccess, enter, enter_collection

FOUND_IN_PLACE_MAX = 1_000
"""More ids than this are looked up in a thread."""


class Engine:
    """Use ``Engine.open``; every method is for the event loop that opened it."""

    def __init__(self, supervisor: Supervisor, options: EngineOptions, budget: MemoryBudget) -> None:
        self.options = options
        self.budget = budget
        """Of the memory: what uses some of it asks for a share."""
        self._supervisor = supervisor
        self._writer = Writer(supervisor)
        self.decided = DecidedWrites(self._writer)
        """Writes whose items have conditions, or depend on each other."""
        self.texts = TextDefinitions(self._writer)
        """Which fields are indexed as text."""
        self.requests = Requests(self._writer)
        self.admin = Admin(self._writer, budget)
        """Bulk loads, backups, tags, purges, feeds and figures."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: str, options: EngineOptions | None = None, *, files: Files | None = None
    ) -> AsyncIterator[Engine]:
        """Opens the data directory, and creates it if need be; recovery runs in the background (``ready``).

        Raises LockHeld when another process has it open.
        """
        options, disk = options or EngineOptions(), files or LocalFiles()
        budget = MemoryBudget(options.memory_budget_bytes)
        entry = partial(enter, disk, path, creates=True)
        async with _running(entry, disk, StoreLayout(path).collection(), options, budget) as supervisor:
            yield cls(supervisor, options, budget)

    @classmethod
    @asynccontextmanager
    async def open_in(
        cls, store: StoreAccess, id_: str, options: EngineOptions, shared: SharedBudget
    ) -> AsyncIterator[Engine]:
        """Opens one collection of a store that this process has, by its id, and takes no lock for it."""
        layout, budget = StoreLayout(store.layout.root).collection(id_), MemoryBudget(shared=shared)
        entry = partial(enter_collection, store, id_)
        async with _running(entry, store.files, layout, options, budget) as supervisor:
            yield cls(supervisor, options, budget)
        supervisor.let_go()

    async def ready(self) -> None:
        """Returns at the end of recovery; raises what made it fail."""
        await self._supervisor.wait()

    def of_request(self, request: RequestKey | None) -> Engine:
        """The same engine for one request with a key: what it writes is remembered as that request's."""
        engine = copy(self)
        engine._writer = self._writer.of_request(request)
        engine.decided = DecidedWrites(engine._writer)
        engine.texts = TextDefinitions(engine._writer)
        return engine

    def of_part(self, done: int) -> Engine:
        """The same for one of several writes of the request; see ``Writer.request_part``."""
        return self.of_request(self._writer.request_part(done))

    @property
    def phase(self) -> Phase:
        """Where the engine stands."""
        return self._supervisor.phase

    @property
    def failure(self) -> AsteroidError | None:
        """Why no write is accepted any more, if so; reads go on."""
        return self._writer.failure

    @property
    def spec(self) -> IndexSpec | None:
        """The index's dimension and metric; None before it is created."""
        snapshot = self._writer.parts.applier.snapshot
        return snapshot.spec if snapshot else None

    @property
    def identity(self) -> bytes:
        """Sixteen bytes that tell this store from every other."""
        return self._writer.parts.log.identity

    @property
    def histories(self) -> Histories:
        """Where the store went back in time; none begins while it is open."""
        return self._writer.parts.state.histories

    @property
    def name(self) -> str:
        """Names the store, in hexadecimal; a store that is restored into a new folder gets another name."""
        return self.histories.store(self.identity).hex()

    @property
    def applied_lsn(self) -> Lsn:
        """The newest record that readers see."""
        return self._writer.parts.applier.applied_lsn

    @property
    def durable_lsn(self) -> Lsn:
        """The newest record in the log."""
        return self._writer.parts.log.durable_lsn

    @property
    def generation(self) -> int:
        """Changes whenever all that the index held is replaced or deleted."""
        return self._writer.parts.state.generation

    def snapshot(self) -> Snapshot:
        """What the index holds now; raises Conflict ``index_not_initialized`` when there is none."""
        snapshot = self._writer.parts.applier.snapshot
        if snapshot is None:
            raise no_index()
        return snapshot

    async def wait_for(self, lsn: int, timeout_s: float) -> None:
        """Returns once readers see it; raises Overloaded ``not_caught_up``, Conflict ``other_history``."""
        self.histories.check(lsn)
        await self._writer.parts.applier.wait_for(Lsn(lsn), timeout_s)

    def alone(self) -> AbstractAsyncContextManager[None]:
        """As ``Writer.alone``."""
        return self._writer.alone()

    async def create_index(
        self, dim: int, metric: str, bits: int = BITS_DEFAULT, ids: str = "integer", vector: str = "required"
    ) -> WriteResult:
        """Fixes what the index is; raises Conflict ``index_already_initialized``, InvalidRequest."""
        return await self.texts.create_index(checked_spec(dim, metric, bits, ids, vector), None)

    async def delete_index(self) -> WriteResult:
        """Removes the index and all its data; does nothing when there is none."""
        self._writer.check()
        if self.spec is None:
            return WriteResult(self.applied_lsn, 0)
        return await self._writer.log(Write([IndexDeleted()]))

    async def upsert(
        self,
        ids: Keys,
        vectors: NDArray[np.float32],
        payloads: Sequence[bytes | None] | None,
        *,
        condition: Condition | None = None,
        bare: NDArray[np.bool_] | None = None,
    ) -> WriteResult:
        """Inserts or replaces rows, all of them or none of them; ``vectors`` of those that are not ``bare``.

        A payload of None keeps the old one, b"" clears it. An id given twice: the last one wins. Raises
        Conflict ``precondition_failed`` when ``condition`` may not hold of the first id.
        """
        write = upsert_of(self.snapshot().spec, ids, vectors, payloads, bare=bare)
        return await self._writer.log(write, unchanged=_unchanged(self.snapshot(), ids, condition))

    async def delete(
        self, ids: Keys, *, expected_lsn: int | None = None, condition: Condition | None = None
    ) -> WriteResult:
        """Deletes those of the ids that exist; logs nothing when none does.

        Raises Conflict: ``lsn_mismatch`` when there is a newer record in the log than ``expected_lsn``,
        ``precondition_failed`` when ``condition`` may not hold of the first id.
        """
        self._writer.check()
        unchanged = _unchanged(self.snapshot(), ids, condition)
        write = await _deletion(self.snapshot(), ids)
        if not write.events:
            if unchanged is not None:
                self._writer.parts.log.check(unchanged)
            return WriteResult(self.applied_lsn, 0)
        return await self._writer.log(write, expected_lsn, unchanged)

    async def replace_payload(
        self, id_: Id, payload: bytes, *, condition: Condition | None = None
    ) -> WriteResult:
        """Sets a payload to a JSON object text.

        Raises NotFound when the id is absent, Conflict ``precondition_failed`` for ``condition``.
        """
        snapshot = self.snapshot()
        write = replacement_of(snapshot, id_, payload)
        return await self._writer.log(
            write, unchanged=_unchanged(snapshot, snapshot.spec.ids.one(id_), condition)
        )

    async def merge_payload(
        self, id_: Id, patch: bytes, *, condition: Condition | None = None
    ) -> WriteResult:
        """Applies a JSON merge-patch (RFC 7396) to a payload; raises as ``replace_payload``."""
        snapshot = self.snapshot()
        write = merge_of(snapshot, id_, patch, self.options.payload_bytes_max)
        return await self._writer.log(
            write, unchanged=_unchanged(snapshot, snapshot.spec.ids.one(id_), condition)
        )

    async def merge_payloads(
        self, ids: Keys, patch: bytes, payload_bytes: int, *, expected_lsn: int | None = None
    ) -> WriteResult:
        """Applies one merge-patch to the payloads of some ids, which together take ``payload_bytes`` then.

        All are logged or none. Raises NotFound when one is absent, Conflict ``lsn_mismatch`` as ``delete``.
        """
        if len(ids) == 0:
            return WriteResult(self.applied_lsn, 0)
        return await self._writer.log(
            merges_of(self.snapshot().spec, ids, patch, payload_bytes, self.options.payload_bytes_max),
            expected_lsn,
        )

    def bulk(self) -> AbstractAsyncContextManager[BulkLoader]:
        """As ``Admin.bulk``."""
        return self.admin.bulk(self._writer)

    async def backup(self, target: str, previous: str | None = None) -> BackupReport:
        """As ``Admin.backup``."""
        return await self.admin.backup(target, previous)

    async def tag(self, name: str) -> TagInfo:
        """As ``Admin.tag``."""
        return await self.admin.tag(name)

    async def tags(self) -> list[TagInfo]:
        """As ``Admin.tags``."""
        return await self.admin.tags()

    async def untag(self, name: str) -> None:
        """As ``Admin.untag``."""
        await self.admin.untag(name)

    async def purge(self) -> PurgeReport:
        """As ``Admin.purge``."""
        return await self.admin.purge()

    def changes(self, since: int, parts: FeedParts) -> AbstractContextManager[ChangeFeed]:
        """As ``Admin.changes``."""
        return self.admin.changes(since, parts)

    async def flush(self, timeout_s: float = inf) -> Lsn:
        """As ``Admin.flush``."""
        return await self.admin.flush(timeout_s)

    @property
    def recovery(self) -> Recovery:
        """As ``Admin.recovery``."""
        return self.admin.recovery

    def stats(self) -> EngineStats:
        """As ``Admin.stats``."""
        return self.admin.stats()

    async def memory(self) -> MemoryUse:
        """As ``Admin.memory``."""
        return await self.admin.memory()


def _unchanged(snapshot: Snapshot, ids: Keys, condition: Condition | None) -> Unchanged | None:
    """What the log has to check of a condition on the first id; raises when that fails already."""
    if condition is None or len(ids) == 0:
        return None
    return as_of(snapshot, ids[:1].tolist()[0], condition)


async def _deletion(snapshot: Snapshot, ids: Keys) -> Write:
    """As ``delete_of``, without holding up the event loop."""
    if len(ids) <= FOUND_IN_PLACE_MAX:
        return delete_of(snapshot, ids)
    return await to_thread.run_sync(delete_of, snapshot, ids)


@asynccontextmanager
async def _running(
    entry: Callable[[], StoreAccess],
    files: Files,
    layout: CollectionLayout,
    options: EngineOptions,
    budget: MemoryBudget,
) -> AsyncIterator[Supervisor]:
    """Enters and opens what lies there, and closes it at the end of the block."""
    supervisor = Supervisor(entry, files, layout, options, budget)
    await supervisor.lock()
    try:
        with _unwrapped():
            async with anyio.create_task_group() as group:
                group.start_soon(supervisor.run)
                try:
                    yield supervisor
                finally:
                    supervisor.abandon_builds()
                    group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await supervisor.close()


@contextmanager
def _unwrapped() -> Iterator[None]:
    """Lets an error of the caller's block out as it is, not wrapped in the task group's."""
    try:
        yield
    except BaseExceptionGroup as group:
        if len(group.exceptions) != 1:
            raise
        raise group.exceptions[0] from None
