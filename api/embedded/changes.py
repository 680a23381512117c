"""The store's change feed, for a program that has the store inside it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud import indexer
from asteroid_cloud.api.embedded.calls import Calls
from asteroid_cloud.api.embedded.life import each_until_closed
from asteroid_cloud.api.limits import HEARTBEAT_S_MAX
from asteroid_cloud.api.service.change_feeds import checked_changes, followed
from asteroid_cloud.api.service.payloads import payload_value
from asteroid_cloud.api.service.results import Answer, Payload
from asteroid_cloud.indexer import Ids
from asteroid_cloud.indexer.feed import ChangeKind


class Change(Answer, frozen=True, eq=False, kw_only=True):
    """One change, or a piece of a large one: all pieces have its LSN, and all but the last say ``more``."""

    lsn: int
    kind: ChangeKind
    time_ms: int
    """When it was logged, in milliseconds since 1970."""
    ids: Ids | None = None
    """uint64, or objects that are each a str."""
    payloads: list[Payload | None] | None = None
    """For each id: None keeps the payload, {} clears it; of ``merge_payload`` the merge-patch.

    Of ``set_fields`` the fields that were set, after what lies at the paths of ``unset`` was removed."""
    unset: list[list[str]] | None = None
    vectors: NDArray[np.float32] | None = None
    """As they were given, [n, dim]."""
    bare: NDArray[np.bool_] | None = None
    """Which of these rows have no vector, but zeros in its place; None: all have one."""
    dim: int | None = None
    metric: str | None = None
    bits: int | None = None
    id_kind: str | None = None
    """Of an index whose ids are strings: "string"."""
    vector: str | None = None
    """Of one whose rows need no vector: "optional"."""
    rows: int | None = None
    """Of a bulk load, whose ids are 0 … rows - 1 unless they are strings."""
    more: bool = False


class ChangeCalls(Calls):
    """Follow what is written."""

    @each_until_closed
    async def changes(
        self,
        since: int = 0,
        *,
        include: Sequence[str] | None = None,
        follow: bool = True,
        limit: int | None = None,
    ) -> AsyncGenerator[Change, None]:
        """What was logged after LSN ``since``, in order; with ``follow`` it never ends.

        ``include`` names what each change carries beside its ids: "payload", "vector" or both. It ends after
        ``limit`` changes. A slow reader delays nobody. Raises Conflict
        (``other_history``) when the store was taken back in time to a record before ``since``, NotFound
        (``changes_pruned``) when the log no longer reaches back to it, InvalidRequest (``bad_since``,
        ``bad_limit``, ``bad_include``), and Overloaded (``too_many_feeds``).
        """
        asked = checked_changes(since, include, limit, follow, HEARTBEAT_S_MAX)
        with self.engine.changes(asked.since, asked.parts) as feed:
            async with aclosing(followed(feed, asked, self.engine.durable_lsn)) as groups:
                async for given in groups:
                    for change in given.changes:
                        yield _public(change)


def _public(change: indexer.Change) -> Change:
    texts = change.payloads
    payloads = None if texts is None else [None if text is None else payload_value(text) for text in texts]
    return Change(
        lsn=change.lsn,
        kind=change.kind,
        time_ms=change.time_ms,
        ids=change.ids,
        payloads=payloads,
        unset=change.unset,
        vectors=change.vectors,
        bare=change.bare,
        dim=change.dim,
        metric=change.metric,
        bits=change.bits,
        id_kind=change.id_kind,
        vector=change.vector,
        rows=change.rows,
        more=change.more,
    )
