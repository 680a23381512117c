# Written by ops/faces from api/embedded/changes.py: change that one.
"""The store's change feed, for a program that has the store inside it."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from asteroid_cloud.api.embedded.blocking.calls import BlockingCalls
from asteroid_cloud.api.embedded.changes import Change


class BlockingChangeCalls(BlockingCalls):
    """Follow what is written."""

    def changes(
        self,
        since: int = 0,
        *,
        include: Sequence[str] | None = None,
        follow: bool = True,
        limit: int | None = None,
    ) -> Generator[Change, None, None]:
        """What was logged after LSN ``since``, in order; with ``follow`` it never ends.

        ``include`` names what each change carries beside its ids: "payload", "vector" or both. It ends after
        ``limit`` changes. A slow reader delays nobody. Raises Conflict
        (``other_history``) when the store was taken back in time to a record before ``since``, NotFound
        (``changes_pruned``) when the log no longer reaches back to it, InvalidRequest (``bad_since``,
        ``bad_limit``, ``bad_include``), and Overloaded (``too_many_feeds``).
        """
        yield from self._loop.each(self._store.changes(since, include=include, follow=follow, limit=limit))
