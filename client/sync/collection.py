# Written by ops/faces from client/aio/collection.py: change that one.
"""One collection, for the blocking client: all calls of the index, on the collection's own path."""

from __future__ import annotations

from asteroid_cloud.client.protocol.collections import path_of
from asteroid_cloud.client.sync.calls import CollectionTransport
from asteroid_cloud.client.sync.changes import ChangeCalls
from asteroid_cloud.client.sync.index import IndexCalls
from asteroid_cloud.client.sync.load import LoadCalls
from asteroid_cloud.client.sync.search import SearchCalls
from asteroid_cloud.client.sync.transport import BlockingTransport
from asteroid_cloud.client.sync.vectors import VectorCalls


class Collection(IndexCalls, VectorCalls, SearchCalls, LoadCalls, ChangeCalls):
    """A collection of the server, by its name or by an alias, which each call follows anew.

    It has all calls that the client has for the collection ``default``, but those that make and delete the
    index: a collection is made and deleted as a whole. It costs nothing and holds nothing: the connections
    are the client's. Every call may raise NotFound (``no_collection``).
    """

    def __init__(self, transport: BlockingTransport, name: str) -> None:
        super().__init__(CollectionTransport(transport, path_of("collections", name)))
        self._name = name

    @property
    def name(self) -> str:
        """Its name, or the alias."""
        return self._name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"
