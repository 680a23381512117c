"""Keep-alive connections of the standard library, shared by threads, all against a deadline.

A socket's own time limit starts again with each operation, so a server that sends single bytes could
keep a call waiting without end. Here every receive gets only what is left of the call's time.
"""

from __future__ import annotations

import http
import http.client
import io
import os
import select
import socket
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from asteroid_cloud.client.errors import AsteroidError, ConnectionFailed, DeadlineExceeded, InvalidRequest
from asteroid_cloud.client.inherited import watched
from asteroid_cloud.client.protocol.calls import Body, Call, Headers, Reply, check
from asteroid_cloud.client.protocol.retry import BAD_CERTIFICATE, Attempts
from asteroid_cloud.client.settings import IDLE_S_MAX, SILENCE_S_MAX, Settings

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


PIECE_BYTES = 64 * 1024
"""Of an answer, read at a time."""
JOINED_BYTES_MAX = 64 * 1024
"""A body up to this size leaves together with its headers: the server wakes up once, not twice."""
NOT_HTTP = (OSError, http.client.HTTPException, ValueError, OverflowError)
"""What the standard library raises when a connection fails, or when what comes is not HTTP."""


class TimedReader(io.RawIOBase):
    """The receiving end of a socket; each read may take what is left of the deadline."""

    def __init__(self, sock: TimedSocket) -> None:
        self.has_ended = False
        # SocketIO keeps the socket open until it is closed itself, as http.client relies upon.
        self.raw = sock.plain.makefile("rb", buffering=0)
        self.sock = sock

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Receive some bytes in time, or raise TimeoutError."""
        if self.has_ended:
            return None
        self.sock.arm()
        return self.raw.readinto(buffer)

    def close(self) -> None:
        """Let go of the socket."""
        self.raw.close()
        super().close()


class AnswerReader(io.BufferedReader):
    """The receiving end of a socket during one answer."""

    def __init__(self, sock: TimedSocket) -> None:
        self.sock = sock
        self.receiving = TimedReader(sock)
        self.is_cut = False
        """Whether a line was asked for and there was none any more."""
        super().__init__(self.receiving)

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line; empty at the end."""
        line = super().readline(size)
        self.is_cut |= not line
        return line

    def close(self) -> None:
        """End of the answer; says so to the socket when bytes have come that are not part of it."""
        if not self.closed:
            self.receiving.has_ended = True
            self.sock.has_surplus |= bool(self.peek(1))
        super().close()


class TimedSocket:
    """What http.client uses of a socket, against a deadline that moves with each call."""

    def __init__(self, plain: socket.socket, deadline: float) -> None:
        self.plain = plain
        self.deadline = deadline
        self.has_surplus = False
        """Whether more came than the answers that were asked for."""
        self.is_joining = False
        """Whether what is sent next waits for what follows it, to leave together."""
        self._held: list[ReadableBuffer] = []

    def arm(self) -> None:
        """Give the next operation the time that is left."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the call passed")
        self.plain.settimeout(left)

    def sendall(self, data: ReadableBuffer) -> None:
        """Send all of it in time."""
        self._held.append(data)
        if self.is_joining:
            self.is_joining = False
            return
        held, self._held = self._held, []
        self.arm()
        self.plain.sendall(data if len(held) == 1 else b"".join(held))

    def makefile(self, mode: str) -> io.BufferedReader:
        """The receiving end, buffered."""
        return AnswerReader(self)

    def close(self) -> None:
        """Close the socket once its readers are closed too."""
        self.plain.close()


class FinalResponse(http.client.HTTPResponse):
    """The answer itself: all interim answers before it are skipped, not 100 alone."""

    def begin(self) -> None:
        """Read status and headers; raises HTTPException when they are cut off, or the length is none.

        The standard library takes the end of the connection for the end of the headers, and ignores a length
        below zero.
        """
        self._begin()
        while 100 <= self.status < 200 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]  # as if nothing had been read
            self._begin()

    def _begin(self) -> None:
        super().begin()
        if isinstance(self.fp, AnswerReader) and self.fp.is_cut:
            raise http.client.IncompleteRead(b"")
        length = self.headers.get("Content-Length")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise http.client.HTTPException(f"Content-Length is {length!r:.80}")


def read_whole(response: http.client.HTTPResponse) -> bytes:
    """The body, which takes no more memory than has come of it, whatever its length is said to be."""
    pieces: list[bytes] = []
    while piece := response.read(PIECE_BYTES):
        pieces.append(piece)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(pieces)


class Connection:
    """One keep-alive connection. It belongs to the process that made it."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None) -> None:
        self.process = os.getpid()
        host, port = settings.host, settings.port
        if tls is None:
            self.http = http.client.HTTPConnection(host, port)
        else:
            self.http = http.client.HTTPSConnection(host, port, context=tls)
        self.http.response_class = FinalResponse
        self.idle_since = 0.0
        self.is_odd = False
        """Whether something came or went over it after which it must not be used again."""

    @property
    def sock(self) -> TimedSocket | None:
        """The socket while it is connected."""
        sock: object = self.http.sock  # typed as a plain socket, which ``prepare`` replaces
        return sock if isinstance(sock, TimedSocket) else None

    def prepare(self, attempts: Attempts, what: str) -> None:
        """Connect, or move the deadline of the open connection."""
        left_s = attempts.left_s()
        if self.sock is not None:
            self.sock.deadline = attempts.deadline
            return
        self.http.timeout = left_s
        try:
            self.http.connect()  # sets TCP_NODELAY
        except ssl.SSLCertVerificationError as error:
            self.http.close()
            raise ConnectionFailed(f"{what}: {error}", code=BAD_CERTIFICATE, sent=False) from error
        except (OSError, http.client.HTTPException) as error:
            self.http.close()
            raise ConnectionFailed(f"{what}: {error}", sent=False) from error
        self.http.sock = TimedSocket(watched(self.http.sock), attempts.deadline)

    def exchange(self, call: Call[Any], path: str, headers: dict[str, str]) -> Reply:
        """One request and its answer, read whole."""
        if call.body is None or isinstance(call.body, bytes):
            if self.sock is not None:
                self.sock.is_joining = 0 < len(call.body or b"") <= JOINED_BYTES_MAX
            self.http.request(call.method, path, call.body, headers)
        else:
            self.stream(call.method, path, call.body, headers)
        sock = self.sock  # which is the response's alone once that says that it is the last
        response = self.http.getresponse()
        with response:
            reply = Reply(response.status, response.headers, read_whole(response))
        self.is_odd |= reply.status < 200 or sock is None or sock.has_surplus
        return reply

    def pieces(
        self, call: Call[Any], path: str, headers: dict[str, str], opened: Callable[[Headers], None]
    ) -> Generator[bytes, None, None]:
        """One request, and its answer as it comes; each piece may take SILENCE_S_MAX."""
        self.http.request(call.method, path, None, headers)
        sock = self.sock  # which is the response's alone once that says that it is the last
        response = self.http.getresponse()
        with response:
            if response.status != 200:
                check(Reply(response.status, response.headers, read_whole(response)))
            opened(response.headers)
            while True:
                if self.process != os.getpid():
                    raise ConnectionResetError("the feed belongs to the parent of this process")
                if sock is not None:
                    sock.deadline = time.monotonic() + SILENCE_S_MAX
                piece = response.read1(PIECE_BYTES)
                if not piece:
                    return
                yield piece

    def stream(self, method: str, path: str, body: Body, headers: dict[str, str]) -> None:
        """Send a body piece by piece; stop early where the server has already answered and hung up."""
        self.http.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            self.http.putheader(name, value)
        self.http.putheader("Content-Length", str(body.size_bytes))
        self.http.endheaders()
        try:
            for piece in body.pieces():
                self.http.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            self.is_odd = True  # the server waits for the rest of the body, or has hung up
            return  # its answer says why, and is read next; without one that read fails

    def usable(self) -> bool:
        """Whether the connection may carry another request: open, young enough and silent."""
        if self.sock is None or time.monotonic() - self.idle_since > IDLE_S_MAX:
            return False
        return not has_input(self.sock.plain)

    def close(self) -> None:
        """Close it; an answer that is being read ends in an error.

        The server learns of it at once, also when a forked child still has a copy of the descriptor.
        """
        if self.sock is not None and self.process == os.getpid():
            with suppress(OSError):
                self.sock.plain.shutdown(socket.SHUT_RDWR)
        self.http.close()


def has_input(sock: socket.socket) -> bool:
    """Whether an idle connection was closed by the server, or holds bytes that no request asked for."""
    if sys.platform == "win32":
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()  # unlike select it knows no highest file number
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class Pool:
    """At most so many connections of one process at once; the one used last is used first."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.process = os.getpid()
        self.closed = False
        self._tls = ssl.create_default_context() if settings.https else None
        self._slots = threading.BoundedSemaphore(settings.connections)
        self._idle: deque[Connection] = deque()
        self._lock = threading.Lock()

    def exchange(self, call: Call[Any], attempts: Attempts) -> Reply:
        """One request and its answer, on a connection of its own."""
        what = f"{call.method} {self.settings.url}{call.path}"
        with self.slot(attempts, what):
            return self.use(self.take(), call, attempts, what)

    @contextmanager
    def slot(self, attempts: Attempts, what: str) -> Generator[None, None, None]:
        """The right to use one connection; raises InvalidRequest ``client_closed``."""
        self.check()
        if not self._slots.acquire(timeout=attempts.left_s()):
            raise DeadlineExceeded(f"{what}: all connections were busy", sent=False)
        try:
            self.check()  # again: it may have been closed while this waited
            yield
        finally:
            self._slots.release()

    def check(self) -> None:
        """Raises InvalidRequest ``client_closed`` once it is closed."""
        if self.closed:
            raise InvalidRequest("the client is closed", code="client_closed")

    def stream(
        self, call: Call[Any], timeout_s: float, opened: Callable[[Headers], None]
    ) -> Generator[bytes, None, None]:
        """The pieces of one answer, on a connection of its own that is not used again."""
        what = f"{call.method} {self.settings.url}{call.path}"
        attempts = Attempts(call, self.settings.policy, timeout_s)
        with self.slot(attempts, what):
            connection = self.take()
            try:
                connection.prepare(attempts, what)
                headers = self.settings.headers | call.headers
                yield from connection.pieces(call, self.settings.prefix + call.path, headers, opened)
            except TimeoutError as error:
                raise DeadlineExceeded(f"{what}: nothing came for {SILENCE_S_MAX} s") from error
            except AsteroidError:
                raise
            except NOT_HTTP as error:
                raise ConnectionFailed(f"{what}: {error or type(error).__name__}") from error
            finally:
                self.give_back(connection, False)

    def use(self, connection: Connection, call: Call[Any], attempts: Attempts, what: str) -> Reply:
        """The exchange on this connection, which is kept only if the exchange ended well."""
        done = False
        try:
            connection.prepare(attempts, what)
            headers = self.settings.headers | call.headers
            reply = connection.exchange(call, self.settings.prefix + call.path, headers)
            done = True
        except TimeoutError as error:
            raise DeadlineExceeded(f"{what}: no answer in time") from error
        except AsteroidError:
            raise
        except NOT_HTTP as error:
            raise ConnectionFailed(f"{what}: {error or type(error).__name__}") from error
        else:
            return reply
        finally:
            self.give_back(connection, done)

    def take(self) -> Connection:
        """An idle connection that still works, or a new one, not yet connected."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return Connection(self.settings, self._tls)
            if connection.usable():
                return connection
            connection.close()

    def give_back(self, connection: Connection, reusable: bool) -> None:
        """Keep the connection for the next call, or close it."""
        connection.idle_since = time.monotonic()
        with self._lock:
            if reusable and connection.sock is not None and not connection.is_odd and not self.closed:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close the idle connections now and those in use when their calls end."""
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, deque()
        for connection in idle:
            connection.close()

    def abandon(self) -> None:
        """Drops what a forked process has inherited of its parent: copies of idle connections, and locks."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    @property
    def has_connections(self) -> bool:
        """Whether a connection is open that no call uses."""
        return bool(self._idle)
