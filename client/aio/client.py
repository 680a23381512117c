"""The asynchronous client: its settings, its life, and all groups of calls in one class."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from asteroid_cloud.client.aio.changes import AsyncChangeCalls
from asteroid_cloud.client.aio.index import AsyncIndexCalls
from asteroid_cloud.client.aio.load import AsyncLoadCalls
from asteroid_cloud.client.aio.search import AsyncSearchCalls
from asteroid_cloud.client.aio.server import AsyncServerCalls
from asteroid_cloud.client.aio.transport import AsyncTransport
from asteroid_cloud.client.aio.vectors import AsyncVectorCalls
from asteroid_cloud.client.settings import RetryPolicy, resolve


class AsyncClient(
    AsyncServerCalls,
    AsyncIndexCalls,
    AsyncVectorCalls,
    AsyncSearchCalls,
    AsyncLoadCalls,
    AsyncChangeCalls,
):
    """A client of one Asteroid server, with a pool of keep-alive connections.

    ``api_key`` and ``base_url`` fall back to the variables ASTEROID_API_KEY and ASTEROID_URL (or
    LSMVEC_API_KEY and LSMVEC_URL), then to no key and http://127.0.0.1:8000. ``timeout`` (seconds) is
    the limit of one call with all its retries; ``connections`` the most that are open at once.
    Nothing is sent before the first call, and nothing is remembered between calls: to read another
    client's write, pass its ``lsn`` as ``min_lsn``.

    While the server restarts or the connection breaks, calls are sent again until ``timeout``. A write
    carries a key that is the same in all its attempts, so the server does it once and gives its first answer
    again. To a server that has not said that it remembers keys (one of version 0.1.0, or before its
    first answer to this client) a write is sent again only if it surely had no effect; otherwise it raises
    ConnectionFailed with ``sent`` true: it may have been done.

    Connections belong to the process and to the event loop that opened them: a forked child and a second
    event loop open their own. Pickling and copying pass on the settings, the key among them.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 30.0,
        *,
        connections: int = 32,
        retries: RetryPolicy | None = None,
    ) -> None:
        settings = resolve(api_key, base_url, timeout, connections, retries or RetryPolicy())
        super().__init__(AsyncTransport(settings))

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._transport.settings.url

    async def aclose(self) -> None:
        """Close all connections. Later calls raise InvalidRequest (``client_closed``)."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_transport": AsyncTransport(self._transport.settings)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"
