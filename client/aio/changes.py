"""The asynchronous client's change feed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from asteroid_cloud.client.aio.calls import AsyncCalls
from asteroid_cloud.client.aio.concurrency import sleep
from asteroid_cloud.client.errors import AsteroidError
from asteroid_cloud.client.protocol.changes import Following, Lines, cut_off
from asteroid_cloud.client.results.changes import Change


class AsyncChangeCalls(AsyncCalls):
    """Follow what is written."""

    async def changes(
        self,
        since: int = 0,
        *,
        include: Sequence[str] | None = None,
        follow: bool = True,
        limit: int | None = None,
    ) -> AsyncGenerator[Change, None]:
        """What was logged after LSN ``since``, in order; with ``follow`` it never ends.

        ``include`` names what each change carries beside its ids: "payload", "vector" or both. It ends
        after ``limit`` changes, or without ``follow`` after what was logged when it began. When the
        connection breaks, the feed continues on a new one: nothing comes twice, and nothing is left out. To
        continue later, pass the ``lsn`` of the last change that was not marked ``more``.

        Raises OtherHistory when the store was taken back in time to a record before ``since``, or another
        store answers once the connection was lost, NotFound (``changes_pruned``) when the server's log no
        longer reaches back to ``since``, InvalidRequest (``bad_since``, ``bad_limit``, ``bad_include``),
        Unavailable (``too_many_feeds``), and ConnectionFailed when the server stays away for longer than the
        client's ``timeout``.
        """
        following = Following(since, include, limit, follow, self._transport.settings)
        while not following.is_over:
            try:
                lines = Lines()
                async with aclosing(self._transport.stream(following.call(), following.opened)) as pieces:
                    async for piece in pieces:
                        for line in lines.cut(piece):
                            change = following.take(line)
                            if change is not None:
                                yield change
                            if following.is_over:
                                return
                raise cut_off()
            except AsteroidError as error:
                pause_s = following.pause_after(error)
            await sleep(pause_s)
