# Written by ops/faces from client/aio/calls.py: change that one.
"""What every group of the blocking client's calls is given."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from asteroid_cloud.client.protocol.calls import Call, Headers, ignored
from asteroid_cloud.client.protocol.collections import of_collection
from asteroid_cloud.client.settings import Settings
from asteroid_cloud.client.sync.transport import BlockingTransport

T = TypeVar("T")


class CollectionTransport:
    """Sends calls of the index to one collection, over the connections of the client."""

    def __init__(self, transport: BlockingTransport, path: str) -> None:
        self._transport = transport
        self._path = path

    @property
    def settings(self) -> Settings:
        """The client's."""
        return self._transport.settings

    @property
    def takes_base64(self) -> bool:
        """Whether the server has said that vectors may be base64."""
        return self._transport.takes_base64

    def send(self, call: Call[T]) -> T:
        """The result of a call."""
        return self._transport.send(of_collection(call, self._path))

    def stream(
        self, call: Call[Any], opened: Callable[[Headers], None] = ignored
    ) -> Generator[bytes, None, None]:
        """The pieces of an answer that may never end."""
        return self._transport.stream(of_collection(call, self._path), opened)


class Calls:
    """A group of calls on one server, or on one of its collections."""

    def __init__(self, transport: BlockingTransport | CollectionTransport) -> None:
        self._transport = transport
