"""HTTP/1.1 connections by uvicorn, with the bounds that it lacks: on their number, and on headers.

This is what happens before there is a request; ``bodies`` has the bounds on bodies.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from asteroid_cloud.api.http.exchange.gone import Gone
from asteroid_cloud.api.http.lingering_close import LingeringTransport
from asteroid_cloud.api.limits import CONNECTIONS_MAX, HEADERS_BYTES_MAX, HEADERS_S_MAX
from asteroid_cloud.api.wire.error_answers import answer_to
from asteroid_cloud.api.wire.headers import CUT, GONE
from asteroid_cloud.api.wire.media_types import JSON
from asteroid_cloud.api.wire.request_ids import REQUEST_ID, new_request_id
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest, Overloaded

# uvicorn logs each broken request, so that anybody could fill the disk with lines of log.
logger = logging.getLogger(__name__)
logger.setLevel(logging.ERROR)


def connections_max() -> int:
    """How many clients may be connected: few enough that the store can still open its files."""
    files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS_MAX if files_max < 0 else min(CONNECTIONS_MAX, files_max // 2)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A client has a bounded time to connect and ask, and a bounded size to ask in."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = logger
        self._connections_max = connections_max()
        self._deadline: asyncio.TimerHandle | None = None
        """Runs while headers are awaited: from the connection or a request's first byte to their end."""
        self._gone = Gone()
        """Ends reads that nobody waits for any more."""
        self._header_bytes = 0
        self._answering: LingeringTransport | None = None
        """What the newest request is answered through."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Accepts the client, or refuses it when there are too many."""
        super().connection_made(transport)
        self._await_headers()
        if len(self.connections) > self._connections_max:
            self._refuse(Overloaded("too many connections", retry_after_s=1.0))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the client."""
        self._stop_waiting()
        if self._answering is not None:
            self._answering.forget()
        self._gone.tell()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on; headers that do not end are refused."""
        if self.transport.is_closing() or (self._answering and self._answering.is_lingering):
            return  # what a refused client still sends
        if self._deadline is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._deadline is not None and self._header_bytes > HEADERS_BYTES_MAX:
            self._refuse(
                InvalidRequest(
                    f"the headers have more than {HEADERS_BYTES_MAX} bytes", code="headers_too_large"
                )
            )

    def on_message_begin(self) -> None:
        """Begins to wait for the headers of one more request."""
        super().on_message_begin()
        if self._deadline is None:
            self._await_headers()
            self._header_bytes = 1  # the one that began the message, at least

    def on_headers_complete(self) -> None:
        """Hands the request to the application."""
        self._stop_waiting()
        super().on_headers_complete()
        self._answering = LingeringTransport(self.transport, self.loop)
        self.scope[GONE] = self._gone.ends  # type: ignore[literal-required]
        self.scope[CUT] = self.transport.abort  # type: ignore[literal-required]
        self.cycle.transport = self._answering  # type: ignore[assignment]  # all of it that a cycle uses

    def on_message_complete(self) -> None:
        """Notes that the client has sent all of its request."""
        if self._answering is not None:
            self._answering.is_request_whole = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Goes on to the next request, unless the connection is ending."""
        if self._answering is None or not self._answering.is_lingering:
            super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP is refused in the shape of all errors."""
        self._refuse(InvalidRequest(msg))

    def _await_headers(self) -> None:
        self._header_bytes = 0
        self._deadline = self.loop.call_later(HEADERS_S_MAX, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if self._header_bytes:
            self._refuse(InvalidRequest("the headers did not arrive in time", code="headers_timeout"))
        else:  # it never asked, so there is nothing to answer
            self._stop_waiting()
            self.transport.close()

    def _refuse(self, error: AsteroidError) -> None:
        """Answers and ends the connection."""
        self._stop_waiting()
        answer = answer_to(error)
        headers = {
            "content-type": JSON,
            "content-length": str(len(answer.body)),
            "connection": "close",
            REQUEST_ID.lower(): new_request_id(),
        }
        lines = [f"{name}: {value}\r\n".encode() for name, value in (headers | answer.headers).items()]
        self.transport.write(b"".join([STATUS_LINE[answer.status], *lines, b"\r\n", answer.body]))
        self.transport.close()
