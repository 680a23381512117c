"""One client's connection: serves one request after the other, and keeps the rules."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from asteroid_cloud.api.http.connection.answer_bytes import refusal
from asteroid_cloud.api.http.connection.crowd import Crowd
from asteroid_cloud.api.http.connection.cycle import Cycle
from asteroid_cloud.api.http.connection.phase_clock import PhaseClock
from asteroid_cloud.api.http.connection.reader import Request, RequestReader, scope_of
from asteroid_cloud.api.http.connection.rules import Phase
from asteroid_cloud.api.http.exchange.gone import Gone
from asteroid_cloud.api.limits import PIPELINED_MAX
from asteroid_cloud.api.wire.headers import CUT, GONE, WAITS, WELCOME
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest, Overloaded

BUFFERED_BYTES_MAX = 65_536
"""Bytes of a body that wait for the application; beyond that, the client waits."""


class Connection(asyncio.Protocol):
    """A connection as uvicorn's server keeps it."""

    def __init__(
        self,
        crowd: Crowd,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._app = config.loaded_app
        self._crowd = crowd
        self._server = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._in_scope: dict[str, Any] = {}  # what each request is told of its connection
        self._reader = RequestReader(self)
        self._clock = PhaseClock(self._loop, self._expired)
        self._queue: deque[Cycle | AsteroidError] = deque()
        """The request under way, those behind it, and why nothing is read behind these."""
        self._arriving: Cycle | None = None
        """The request whose body is still to come."""
        self._is_deaf = False
        """Whether all that arrives is thrown away."""
        self._is_paused = False
        self._is_stopping = False
        """Whether the server is."""
        self._room: asyncio.Event | None = None
        """Set once the client has read enough; None while it has."""
        self._gone = Gone()
        """Ends reads that nobody waits for any more."""
        self._is_in_head = False
        """Whether a request has begun whose headers are not whole."""

    # What the event loop calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as it is
        """Lets the client in, or refuses it when there are too many."""
        self._transport = transport
        self._in_scope = {
            "scheme": "http" if transport.get_extra_info("sslcontext") is None else "https",
            "client": _address(transport.get_extra_info("peername")),
            "server": _address(transport.get_extra_info("sockname")),
            CUT: self.abort,
            GONE: self._gone.ends,
            WAITS: lambda: self._room is not None,
            WELCOME: self._welcome,
        }
        self._server.connections.add(self)  # type: ignore[arg-type]  # it needs only ``shutdown``
        self._clock.enter(Phase.OPENING)
        try:
            self._crowd.enter(self)
        except Overloaded as error:
            self._refuse(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the client; requests under way learn of it."""
        self._server.connections.discard(self)
        self._crowd.leave(self)
        self._clock.stop()
        self._is_deaf = True
        self._gone.tell()
        for each in self._queue:
            if isinstance(each, Cycle):
                each.is_lost()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parses what has arrived; what is not right is refused."""
        if self._is_deaf:
            return
        try:
            self._reader.feed(data)
        except AsteroidError as error:
            self._refuse(error)
        self.settle_reading()

    def pause_writing(self) -> None:
        """The client does not read what is sent."""
        self._room = asyncio.Event()

    def resume_writing(self) -> None:
        """The client has read, or is gone."""
        if self._room is not None:
            self._room.set()
            self._room = None

    def shutdown(self) -> None:
        """The server stops: the connection ends with the request under way, if there is one."""
        self._is_stopping = True
        first = self._queue[0] if self._queue else None
        if isinstance(first, Cycle) and not first.is_answered:
            first.keeps = False
        else:
            self._transport.close()

    # What the reader calls.

    def request_begins(self) -> None:
        """The first byte of a request; raises InvalidRequest when too many wait already."""
        if len(self._queue) > PIPELINED_MAX:
            raise InvalidRequest(f"more than {PIPELINED_MAX} requests wait for their answers")
        self._is_in_head = True
        if self._clock.phase is Phase.IDLE:
            self._crowd.works(self)
            self._clock.enter(Phase.HEAD)

    def request_came(self, request: Request) -> None:
        """Hands the request to the application, or puts it behind the one under way."""
        scope = scope_of(request) | self._in_scope
        cycle = self._arriving = Cycle(
            scope, self, length=request.length, keeps=request.keeps_alive, awaits=request.awaits_continue
        )
        self._is_in_head = False
        self._queue.append(cycle)
        if len(self._queue) == 1:
            self._serve(cycle)

    def body_came(self, piece: bytes) -> None:
        """A piece of the body."""
        assert self._arriving is not None
        self._arriving.took(piece)

    def request_is_whole(self) -> None:
        """The body is whole."""
        assert self._arriving is not None
        cycle, self._arriving = self._arriving, None
        cycle.end_of_body()
        if self._clock.phase is Phase.DISCARDING:
            self._go_on()

    # What a request under way calls.

    def write(self, data: bytes | memoryview) -> None:
        """Sends."""
        self._transport.write(data)

    async def writable(self) -> None:
        """Waits until the client has read enough of what was sent, or is gone."""
        if self._room is not None:
            await self._room.wait()

    def abort(self) -> None:
        """Ends the connection at once, without what is still to be sent."""
        self._is_deaf = True
        self._transport.abort()

    def settle_reading(self) -> None:
        """Reads on, unless what has arrived waits to be served."""
        arriving = self._arriving
        is_full = arriving is not None and arriving.buffered > BUFFERED_BYTES_MAX
        should_pause = not self._is_deaf and (len(self._queue) > 1 or is_full)
        if should_pause != self._is_paused and not self._transport.is_closing():
            self._is_paused = should_pause
            (self._transport.pause_reading if should_pause else self._transport.resume_reading)()

    def answered(self) -> None:
        """The request under way is answered: goes on, or ends the connection."""
        self._server.total_requests += 1
        cycle = self._queue[0]
        assert isinstance(cycle, Cycle)
        if not cycle.keeps:
            self._end(is_all_read=cycle.is_whole and len(self._queue) == 1)
        elif cycle.is_whole:
            self._go_on()
        else:
            self._clock.enter(Phase.DISCARDING)
        self.settle_reading()

    # What other connections call, through the crowd.

    def evict(self) -> None:
        """Another connection needs the room."""
        if self._clock.phase in (Phase.SERVING, Phase.ENDING, Phase.STOPPING):
            self.abort()
        else:
            self._is_deaf = True
            self._transport.close()

    def _serve(self, cycle: Cycle) -> None:
        self._crowd.works(self)
        self._clock.enter(Phase.SERVING)
        task = self._loop.create_task(cycle.run(self._app))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    def _go_on(self) -> None:
        """The next request in the queue, or waits for one."""
        self._queue.popleft()
        following = self._queue[0] if self._queue else None
        if isinstance(following, Cycle):
            self._serve(following)
        elif following is not None:
            self._tell(following)
        elif self._is_in_head:
            self._clock.enter(Phase.HEAD)
        else:
            self._crowd.rests(self)
            self._clock.enter(Phase.IDLE)

    def _refuse(self, error: AsteroidError) -> None:
        """Nothing is read any more, and the client learns why once it has the answers before."""
        self._is_deaf = True
        broken, self._arriving = self._arriving, None
        if broken is not None and not broken.is_answered:
            broken.is_lost()
            self._queue.pop()
        if not self._queue and (broken is None or not broken.has_begun):
            self._tell(error)
        elif broken is not None and broken.has_begun:
            self._end(is_all_read=False)
        else:
            self._queue.append(error)

    def _tell(self, error: AsteroidError) -> None:
        self._transport.write(refusal(error))
        self._end(is_all_read=False)

    def _end(self, *, is_all_read: bool) -> None:
        """Ends the connection; while the client still sends, only after it has hung up.

        To close at once would reset the connection, and a client that sends all of its request before it
        reads would never see the answer.
        """
        self._is_deaf = True
        self._queue.clear()
        self._clock.enter(Phase.STOPPING if self._is_stopping else Phase.ENDING)
        if is_all_read:
            self._transport.close()
        elif not self._transport.is_closing():
            self._crowd.rests(self)
            if self._transport.can_write_eof():
                self._transport.write_eof()
            self.settle_reading()

    def _welcome(self) -> None:
        self._crowd.welcome(self)

    def _expired(self) -> None:
        """The phase took too long."""
        if self._clock.phase in (Phase.ENDING, Phase.STOPPING):
            self.abort()
        elif self._clock.phase in (Phase.OPENING, Phase.HEAD) and self._is_in_head:
            self._refuse(InvalidRequest("the headers did not arrive in time", code="headers_timeout"))
        else:  # it asks for nothing, so there is nothing to answer
            self._is_deaf = True
            self._transport.close()


def _address(found: Any) -> tuple[str, int] | None:
    """Host and port of a socket's end; None for one without."""
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None


def connection_factory(crowd: Crowd) -> Callable[..., Connection]:
    """What makes the connections of one server."""

    def connect(**of_server: Any) -> Connection:
        return Connection(crowd, **of_server)

    return connect
