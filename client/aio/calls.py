"""What every group of the asynchronous client's calls is given."""

from __future__ import annotations

from asteroid_cloud.client.aio.transport import AsyncTransport


class AsyncCalls:
    """A group of calls on one server."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
