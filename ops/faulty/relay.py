"""HTTP/1.1 as far as a proxy needs it: whole requests of a client, and whole answers, as bytes."""

from __future__ import annotations

import asyncio

END = b"\r\n\r\n"
HEAD_BYTES_MAX = 1 << 16


def header(head: bytes, name: bytes) -> bytes | None:
    """The value of a header."""
    for line in head.split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.strip().lower() == name:
            return value.strip()
    return None


async def read_request(reader: asyncio.StreamReader) -> bytes | None:
    """The next request; None when there is no whole one any more."""
    try:
        head = await reader.readuntil(END)
        return head + await reader.readexactly(int(header(head, b"content-length") or 0))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def ask(host: str, port: int, request: bytes) -> bytes | None:
    """The server's answer, on a connection of its own; None when there is none."""
    try:
        reader, writer = await asyncio.open_connection(host, port, limit=HEAD_BYTES_MAX)
    except OSError:
        return None
    try:
        writer.write(request)
        await writer.drain()
        return await _answer(reader)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(END)
    if head.split(b" ", 2)[1] == b"204":
        return head
    if header(head, b"transfer-encoding") is None:
        return head + await reader.readexactly(int(header(head, b"content-length") or 0))
    pieces = [head]
    while True:
        line = await reader.readuntil(b"\r\n")
        pieces += [line, await reader.readexactly(int(line, 16) + 2)]
        if int(line, 16) == 0:
            return b"".join(pieces)
