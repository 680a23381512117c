"""The log as the layers above see it. Another kind of log can take the place of the local one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.format.events import Event, RequestKey
from asteroid_cloud.wal.format.ids import Ids
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.durable_reader import ReadableLog


class Unchanged(msgspec.Struct, frozen=True):
    """A condition of an append: no record after ``since`` changed any of these ids."""

    ids: Ids
    """Packed as in a record."""
    since: Lsn


class Retention(msgspec.Struct, frozen=True):
    """Whole files go, oldest first, once they are beyond either bound; without any, as soon as they can."""

    bytes_max: int | None = None
    """Of all files together; the newest is never given up for it, so there may be one file more."""
    age_ms_max: int | None = None
    """Of a file's newest record, in milliseconds."""

    @property
    def keeps_nothing(self) -> bool:
        """Whether no history is retained."""
        return self.bytes_max is None and self.age_ms_max is None


NOTHING = Retention()


class Log(ReadableLog, Protocol):
    """A durable sequence of events, numbered from 1, densely within a history, as the layers above see it."""

    @property
    def size_bytes(self) -> int:
        """What the log takes on disk."""
        ...

    @property
    def poisoned(self) -> AsteroidError | None:
        """Why nothing can be appended any more, if so."""
        ...

    async def append(
        self,
        events: Sequence[Event],
        *,
        expected_lsn: Lsn | None = None,
        unchanged: Unchanged | None = None,
        request: RequestKey | None = None,
    ) -> Lsn:
        """Makes events durable, all or none, and gives the LSN of the last, which is logged with ``request``.

        Raises Conflict ``lsn_mismatch`` when ``expected_lsn`` is not the newest LSN, Conflict
        ``precondition_failed`` when ``unchanged`` may not hold, NoSpace or TooLarge with nothing written,
        Poisoned or Conflict ``fenced`` when the log is closed to writes.
        """
        ...

    def check(self, unchanged: Unchanged) -> None:
        """Raises Conflict ``precondition_failed`` when what is durable says that it may not hold."""
        ...

    def tail(self, from_lsn: Lsn) -> AsyncIterator[list[Record]]:
        """Records from ``from_lsn`` on, in order, in groups; waits for more without end."""
        ...

    async def rotate(self) -> None:
        """Begins a new file, so that all that is logged until now can be trimmed."""
        ...

    async def trim(self, before_lsn: Lsn, retention: Retention = NOTHING) -> int:
        """Frees whole files of records before ``before_lsn`` that need not be retained; the bytes freed."""
        ...

    async def fence(self, epoch: int) -> None:
        """Refuses from now on, durably, appends of writers with a smaller epoch."""
        ...

    async def close(self) -> None:
        """Finishes the appends under way and closes the files."""
        ...
