"""Bodies that take long to read are read in a thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from asteroid_cloud.api.service.collections import Collection
from asteroid_cloud.api.service.read_executor import ReadExecutor
from asteroid_cloud.api.wire.requests import filter_from, payload_from
from asteroid_cloud.query import Filter
from asteroid_cloud.wal.limits import KIB

T = TypeVar("T")

IN_PLACE_BYTES_MAX = 64 * KIB
"""A body with lists of numbers up to this size is read in place: that takes half a millisecond at most."""
FILTER_IN_PLACE_BYTES_MAX = 1 * KIB
"""The same of a filter, which takes longer to check."""


async def read(reads: ReadExecutor, size: int, function: Callable[[], T]) -> T:
    """What a function makes of a body of that size."""
    return function() if size <= IN_PLACE_BYTES_MAX else await reads.in_thread(function)


async def read_payload(collection: Collection, raw: msgspec.Raw) -> bytes | None:
    """The metadata in a body, checked: None when left out, b"" for an empty object."""
    bytes_max = collection.engine.options.payload_bytes_max
    return await read(collection.reads, memoryview(raw).nbytes, lambda: payload_from(raw, bytes_max))


async def read_filter(reads: ReadExecutor, raw: msgspec.Raw) -> Filter:
    """The filter in a body."""
    return await with_filter(reads, raw, partial(filter_from, raw))


async def with_filter(reads: ReadExecutor, raw: msgspec.Raw, function: Callable[[], T]) -> T:
    """What a function makes of a body with that filter, which it checks."""
    if memoryview(raw).nbytes <= FILTER_IN_PLACE_BYTES_MAX:
        return function()
    return await reads.in_thread(function)
