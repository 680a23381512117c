"""A server that answers with bytes of the test's choice: what no HTTP library would send."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class RawServer:
    """Answers the requests that arrive with ``answers``, one after the other.

    It keeps connections open, unless it ``closes`` them after each answer.
    """

    def __init__(self, *answers: bytes, closes: bool = False) -> None:
        self._closes = closes
        self.requests: list[tuple[int, bytes]] = []
        """Of each request the number of its connection and its first line."""
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._connections):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)

    def push(self, unasked: bytes) -> None:
        """Sends bytes over the first connection that no request asked for."""
        self._connections[0].sendall(unasked)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number = len(self._connections)
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(number, connection)))
            self._threads[-1].start()

    def _serve(self, number: int, connection: socket.socket) -> None:
        with suppress(OSError):  # the client hangs up, or the test has ended
            self._answer_on(number, connection)

    def _answer_on(self, number: int, connection: socket.socket) -> None:
        received = b""
        while piece := connection.recv(65536):
            received += piece
            while (end := received.find(b"\r\n\r\n")) >= 0:
                self.requests.append((number, received.split(b"\r\n", 1)[0]))
                received = received[end + 4 :]
                if self._answers:
                    connection.sendall(self._answers.pop(0))
                    if self._closes:
                        connection.shutdown(socket.SHUT_RDWR)
                        return


def answer(body: bytes, status: str = "200 OK") -> bytes:
    """A whole answer."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)
