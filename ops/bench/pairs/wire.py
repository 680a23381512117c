"""Requests over one connection that stays open; their bytes are made before anything is measured."""

from __future__ import annotations

import json
import socket
from types import TracebackType
from typing import Any, Self

ROOM = 1 << 16
END = b"\r\n\r\n"
LENGTH = b"content-length: "


def request(method: str, path: str, body: object = None) -> bytes:
    """The bytes of a request with a JSON body."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = (
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    )
    return "\r\n".join(lines).encode() + END + content


class Wire:
    """One connection to a server."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, asked: bytes) -> bytes:
        """The body of the answer; raises RuntimeError for one that is no success."""
        self._socket.sendall(asked)
        answer = self._socket.recv(ROOM)
        while END not in answer:
            answer += self._more()
        head, _, body = answer.partition(END)
        length = int(head.partition(LENGTH)[2].partition(b"\r\n")[0] or b"0")
        while len(body) < length:
            body += self._more()
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"{asked[:80]!r} was answered {answer[:300]!r}")
        return body

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The same of a request that is made now, decoded."""
        answer = self.send(request(method, path, body))
        return json.loads(answer) if answer else None

    def _more(self) -> bytes:
        found = self._socket.recv(ROOM)
        if not found:
            raise RuntimeError("the server ended the connection")
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
