"""How a connection ends while its client is still sending: the answer must arrive first.

To close at once would reset the connection, and a client that sends all of its request before it reads would
never see why it was refused. So only the sending side is closed, and what still arrives is discarded for a
bounded time.
"""

from __future__ import annotations

import asyncio

from asteroid_cloud.api.limits import LINGER_S_MAX


class LingeringTransport:
    """A connection's transport, as the answer to one request sees it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self.is_request_whole = False

    @property
    def is_lingering(self) -> bool:
        """Whether the answer is sent and all that still arrives is discarded."""
        return self._timer is not None

    def write(self, data: bytes) -> None:
        """Sends."""
        self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self.is_lingering or self._transport.is_closing()

    def close(self) -> None:
        """Ends the connection, at once if the client has sent all of its request, else when it hangs up."""
        if self.is_request_whole or self._transport.is_closing():
            self._transport.close()
        elif self._timer is None:
            self._timer = self._loop.call_later(LINGER_S_MAX, self._transport.close)
            self._transport.write_eof()
            self._transport.resume_reading()

    def forget(self) -> None:
        """Stops the clock: the connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
