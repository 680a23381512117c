"""Counting the bytes of a read that may begin again."""

from __future__ import annotations

from asteroid_cloud.indexer import TakeBytes
from asteroid_cloud.wal.errors import TooCostly


class Retaken:
    """Tells ``take`` of each byte once, however often the read begins again."""

    def __init__(self, take: TakeBytes) -> None:
        self._take = take
        self._told = 0

    def again(self, bytes_max: int | None = None) -> TakeBytes:
        """What one attempt is to call; it raises TooCostly beyond ``bytes_max``, and what ``take`` does."""
        held = 0

        def take(size: int) -> None:
            nonlocal held
            held += size
            if bytes_max is not None and held > bytes_max:
                raise TooCostly("more bytes than may be read in place")
            if held > self._told:
                self._take(held - self._told)
                self._told = held

        return take
