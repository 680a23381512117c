"""Payloads of several parts in the order of a new segment's rows, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.build.source import Source

RowKeys = NDArray[np.uint64]
PAYLOAD_TEXT_BYTES = 48
"""RAM of a payload beside its text."""


def payload_windows(sizes: NDArray[np.int64], bytes_max: int) -> Iterator[slice]:
    """Cuts rows whose payloads have these sizes into runs that take no more; one row may, alone."""
    ends = np.cumsum(sizes + PAYLOAD_TEXT_BYTES)
    first = 0
    while first < len(sizes):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + bytes_max, "right")))
        yield slice(first, last)
        first = last


class PayloadOrder:
    """Gives payloads of several sources in the order of keys, a bounded number of bytes at a time."""

    def __init__(self, sources: Sequence[Source], bytes_max: int) -> None:
        self._sources = sources
        self._bytes_max = bytes_max

    def __call__(self, keys: RowKeys) -> Iterator[bytes]:
        """The payload of each key, in order."""
        which, ordinals = self._places(keys)
        sizes = np.zeros(len(keys), np.int64)
        for number, source in enumerate(self._sources):
            mine = np.flatnonzero(which == number)
            sizes[mine] = source.part.payload_sizes(ordinals[mine])
        for window in payload_windows(sizes, self._bytes_max):
            yield from self._texts(which[window], ordinals[window])

    def _places(self, keys: RowKeys) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """The source of each key, and its row there."""
        all_keys = np.concatenate([source.keys() for source in self._sources])
        order = np.argsort(all_keys).astype(np.uint32)
        places = order[np.searchsorted(all_keys, keys, sorter=order)]
        numbers = np.arange(len(self._sources), dtype=np.uint32)
        which = np.repeat(numbers, [len(source.ordinals) for source in self._sources])
        ordinals = np.concatenate([source.ordinals for source in self._sources])
        return which[places], ordinals[places]

    def _texts(self, which: NDArray[np.uint32], ordinals: NDArray[np.uint32]) -> list[bytes]:
        texts = [b""] * len(which)
        for number, source in enumerate(self._sources):
            mine = np.flatnonzero(which == number)
            found = source.part.payloads(ordinals[mine])
            for position, text in zip(mine.tolist(), found, strict=True):
                texts[position] = text
        return texts
