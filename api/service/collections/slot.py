"""The place of one named collection: whether it is open, who uses it, and how large it was when closed."""

from __future__ import annotations

import time
from enum import Enum

import anyio
import msgspec

from asteroid_cloud.api.service.collections.collection import Collection
from asteroid_cloud.indexer.catalog import CatalogEntry
from asteroid_cloud.wal.errors import AsteroidError


class SlotState(Enum):
    """Where a collection stands."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"


class Size(msgspec.Struct, frozen=True):
    """How large a collection is."""

    vectors: int | None
    """None when only opening it tells."""
    bytes: int
    """Of its log and its segments."""


class Slot:
    """Of one collection, from its making to its removal; for the event loop."""

    __slots__ = (
        "_scopes",
        "changed",
        "collection",
        "ended",
        "entry",
        "failed_s",
        "failure",
        "is_removed",
        "is_wanted",
        "size",
        "state",
        "used_s",
        "uses",
    )

    def __init__(self, entry: CatalogEntry) -> None:
        self.entry = entry
        self.state = SlotState.CLOSED
        self.collection: Collection | None = None
        """While it is open."""
        self.changed = anyio.Event()
        """Set and replaced whenever the state changes."""
        self.ended = anyio.Event()
        """Set at the end of the time that it was open, or was being opened."""
        self.is_wanted = False
        """Whether it is to be open, or to become so; taken away to have it closed."""
        self.is_removed = False
        self.uses = 0
        """Calls under way, and those that wait for it to open."""
        self.used_s = time.monotonic()
        """When the last one ended."""
        self.failure: AsteroidError | None = None
        """Why it did not open the last time."""
        self.failed_s = 0.0
        self.size: Size | None = None
        """As it was closed; None when that is not known."""
        self._scopes: set[anyio.CancelScope] = set()

    @property
    def can_close(self) -> bool:
        """Whether it is open, nobody uses it or wants to, and nothing would be lost by closing it."""
        collection = self.collection
        return (
            collection is not None and self.is_wanted and not self.uses and collection.engine.failure is None
        )

    @property
    def is_closing(self) -> bool:
        """Whether it was open and gives its place back soon."""
        return self.state is SlotState.CLOSING or (self.state is SlotState.OPEN and not self.is_wanted)

    def due_s(self, idle_s: float) -> float:
        """When it is to be closed unless somebody uses it; later than now while somebody does."""
        return (self.used_s if self.collection is not None and not self.uses else time.monotonic()) + idle_s

    async def unwanted(self) -> None:
        """Returns once it is to be closed."""
        while self.is_wanted:
            await self.changed.wait()

    def enter(self, state: SlotState) -> None:
        """Changes the state, and tells those who wait for that."""
        self.state = state
        self.announce()

    def announce(self) -> None:
        """Lets everybody who waits look again."""
        self.changed.set()
        self.changed = anyio.Event()

    def begin_use(self, scope: anyio.CancelScope) -> None:
        """A call begins, which ``end_uses`` cancels."""
        self._scopes.add(scope)

    def end_use(self, scope: anyio.CancelScope) -> None:
        """A call is over."""
        self._scopes.discard(scope)
        if self.is_removed:
            self.announce()

    async def unused(self) -> None:
        """Returns once no call is under way."""
        while self._scopes:
            await self.changed.wait()

    def end_uses(self) -> None:
        """Cancels the calls under way."""
        for scope in list(self._scopes):
            scope.cancel()
