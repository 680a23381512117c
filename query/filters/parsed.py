"""Filters that were parsed, kept for those who send them again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class ParsedFilters(Generic[T]):
    """What texts stand for, the least recently used dropped beyond a number, or a size of the texts."""

    def __init__(self, parse: Callable[[bytes], T], most: int, bytes_max: int) -> None:
        self._parse = parse
        self._most = most
        self._bytes_max = bytes_max
        self._kept: OrderedDict[bytes, T] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0
        """Of the texts."""

    def __len__(self) -> int:
        return len(self._kept)

    def __call__(self, text: bytes) -> T:
        """What a text stands for; raises what ``parse`` does, and keeps nothing then."""
        with self._lock:
            if text in self._kept:
                self._kept.move_to_end(text)
                return self._kept[text]
        parsed = self._parse(text)
        with self._lock:
            if text not in self._kept:
                self._kept[text] = parsed
                self.bytes += len(text)
            while self.bytes > self._bytes_max or len(self._kept) > self._most:
                dropped, _ = self._kept.popitem(last=False)
                self.bytes -= len(dropped)
        return parsed
