"""Supervising a store from its opening to its end: its phase, its background tasks, and their failures."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio

from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.results import Phase
from asteroid_cloud.indexer.recovery.opener import Opener
from asteroid_cloud.indexer.recovery.operator_hints import with_advice
from asteroid_cloud.indexer.recovery.wiring import StoreParts
from asteroid_cloud.wal.disk import CollectionLayout, Files
from asteroid_cloud.wal.errors import AsteroidError, Conflict, StorageError
from asteroid_cloud.wal.store import StoreAccess

logger = logging.getLogger(__name__)


class Supervisor:
    """Opens one store and keeps its tasks going; ``opened`` has its parts once recovery is over."""

    def __init__(
        self,
        entry: Callable[[], StoreAccess],
        files: Files,
        layout: CollectionLayout,
        options: EngineOptions,
        budget: MemoryBudget,
    ) -> None:
        """``entry`` enters the store, in a thread."""
        self.opened: StoreParts | None = None
        self.phase = Phase("opening", 0.0, "taking the lock")
        self.layout = layout
        self._options = options
        self._settled = anyio.Event()
        """Set once the store is open or has failed to open."""
        self._opener = Opener(entry, files, layout, options, budget, self._enter)

    async def lock(self) -> None:
        """Takes the data directory for this process alone; raises LockHeld."""
        await self._opener.lock()

    async def run(self) -> None:
        """Opens the store, then keeps the background tasks going until cancelled."""
        try:
            opened = await self._opener.open()
        except (AsteroidError, OSError) as error:
            self._fail(error)
            return
        self.opened = opened
        self._enter(Phase("ready", 1.0, f"recovered up to LSN {opened.applier.applied_lsn}"))
        self._settled.set()
        async with anyio.create_task_group() as group:
            for task in (
                lambda: opened.applier.follow(opened.log),
                opened.sealer.run,
                opened.merger.run,
                opened.texts.run,
                opened.pages.run,
                opened.checkpointer.run,
            ):
                group.start_soon(self._supervised, opened, task)

    async def wait(self) -> None:
        """Returns when recovery is over; raises what made it fail."""
        await self._settled.wait()
        if self.phase.error is not None:
            raise self.phase.error

    def abandon_builds(self) -> None:
        """Lets builds under way stop at their next slice."""
        self._opener.abandon_builds()

    async def close(self) -> None:
        """Closes the log and releases the lock; nothing acknowledged needs more than the log.

        Whoever still waits for a record to be applied learns that the store is closed.
        """
        if self.opened is not None:
            self.opened.applier.fail(Conflict("the store is closed", code="store_closed"))
        await self._opener.close()

    def let_go(self) -> None:
        """Frees what a closed store has in memory and its descriptors, at once.

        Its parts know each other, so that they would stay until the garbage collector meets them. Readers
        keep the snapshots that they have; what is asked of the store later raises Conflict ``store_closed``.
        """
        opened, self.opened = self.opened, None
        closed = Conflict("the store is closed", code="store_closed")
        self._enter(Phase("failed", 1.0, closed.message, closed))
        self._opener.let_go()
        if opened is not None:
            opened.applier.snapshot = None
            opened.state.segments, opened.state.memtables = [], []

    def _enter(self, phase: Phase) -> None:
        self.phase = phase

    async def _supervised(self, opened: StoreParts, task: Callable[[], Awaitable[None]]) -> None:
        """Runs one background task; if it dies, writes stop with its reason while reads go on."""
        try:
            await task()
        except Exception as error:  # whatever it is, it must not take the readers down
            logger.exception("a background task ended")
            opened.applier.fail(self._fail(error))

    def _fail(self, error: Exception) -> AsteroidError:
        failure = error if isinstance(error, AsteroidError) else StorageError(str(error))
        failure.details = with_advice(failure, self._options.recovery)
        advice = failure.details.get("advice")
        logger.error("the store cannot go on: %s%s", failure.message, f"; {advice}" if advice else "")
        self._enter(Phase("failed", self.phase.progress, failure.message, failure))
        self._settled.set()
        return failure
