"""One collection, for the asynchronous client: all calls of the index, on the collection's own path."""

from __future__ import annotations

from asteroid_cloud.client.aio.calls import CollectionTransport
from asteroid_cloud.client.aio.changes import AsyncChangeCalls
from asteroid_cloud.client.aio.index import AsyncIndexCalls
from asteroid_cloud.client.aio.load import AsyncLoadCalls
from asteroid_cloud.client.aio.search import AsyncSearchCalls
from asteroid_cloud.client.aio.transport import AsyncTransport
from asteroid_cloud.client.aio.vectors import AsyncVectorCalls
from asteroid_cloud.client.protocol.collections import path_of


class AsyncCollection(AsyncIndexCalls, AsyncVectorCalls, AsyncSearchCalls, AsyncLoadCalls, AsyncChangeCalls):
    """A collection of the server, by its name or by an alias, which each call follows anew.

    It has all calls that the client has for the collection ``default``, but those that make and delete the
    index: a collection is made and deleted as a whole. It costs nothing and holds nothing: the connections
    are the client's. Every call may raise NotFound (``no_collection``).
    """

    def __init__(self, transport: AsyncTransport, name: str) -> None:
        super().__init__(CollectionTransport(transport, path_of("collections", name)))
        self._name = name

    @property
    def name(self) -> str:
        """Its name, or the alias."""
        return self._name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"
