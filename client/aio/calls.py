"""What every group of the asynchronous client's calls is given."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

from asteroid_cloud.client.aio.transport import AsyncTransport
from asteroid_cloud.client.protocol.calls import Call, Headers, ignored
from asteroid_cloud.client.protocol.collections import of_collection
from asteroid_cloud.client.settings import Settings

T = TypeVar("T")


class CollectionTransport:
    """Sends calls of the index to one collection, over the connections of the client."""

    def __init__(self, transport: AsyncTransport, path: str) -> None:
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

    async def send(self, call: Call[T]) -> T:
        """The result of a call."""
        return await self._transport.send(of_collection(call, self._path))

    def stream(
        self, call: Call[Any], opened: Callable[[Headers], None] = ignored
    ) -> AsyncGenerator[bytes, None]:
        """The pieces of an answer that may never end."""
        return self._transport.stream(of_collection(call, self._path), opened)


class AsyncCalls:
    """A group of calls on one server, or on one of its collections."""

    def __init__(self, transport: AsyncTransport | CollectionTransport) -> None:
        self._transport = transport
