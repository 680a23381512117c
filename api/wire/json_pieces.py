"""Large JSON answers, written item by item into pieces, so that they can be counted, refused and sent so.

A piece is let go of when it is sent. Nothing is joined to one text, and what a row needs while it is written
(a vector as a list of floats takes many times its size) is gone before the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from asteroid_cloud.api.limits import ANSWER_PIECE_BYTES
from asteroid_cloud.api.service.memory.answers import AnswerRoom

Pieces = deque[bytes]
ENCODER = msgspec.json.Encoder()


class JsonPieces:
    """Gathers the text of one answer; each piece is counted in the answer's room."""

    def __init__(self, room: AnswerRoom) -> None:
        self._room = room
        self._buffer = bytearray()
        self._pieces: Pieces = deque()
        self._written = 0
        """Bytes of whole pieces."""

    def text(self, text: bytes) -> None:
        """Adds a text as it is."""
        self._buffer += text

    def items(self, items: Iterable[object], done: Callable[[int], None] = lambda number: None) -> None:
        """Adds an array; ``done`` hears of each item that is written, so that its source can be let go of.

        Raises TooLarge ``answer_too_large``, Overloaded.
        """
        self._buffer += b"["
        for number, item in enumerate(items):
            if number:
                self._buffer += b","
            ENCODER.encode_into(item, self._buffer, len(self._buffer))
            done(number)
            if len(self._buffer) >= ANSWER_PIECE_BYTES:
                self._close_piece()
        self._buffer += b"]"

    def few(self, items: list[object]) -> None:
        """Adds an array that is small beside a piece."""
        ENCODER.encode_into(items, self._buffer, len(self._buffer))

    def finish(self) -> Pieces:
        """All pieces, one at least; raises as ``items``."""
        self._close_piece()
        self._room.hold(self._written)
        return self._pieces

    def _close_piece(self) -> None:
        self._pieces.append(bytes(self._buffer))
        self._written += len(self._buffer)
        self._buffer.clear()
        self._room.check(self._written)
        self._room.hold(max(self._room.held, self._written))
