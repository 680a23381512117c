"""The items of a batch: taken from any supply, and checked into columns."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.service.checks import Vector, check_dim, checked_id, float32_vector
from asteroid_cloud.api.service.payloads import payload_text
from asteroid_cloud.indexer import IndexSpec
from asteroid_cloud.wal.errors import InvalidRequest

Item = tuple[int, Vector] | tuple[int, Vector, Mapping[str, Any] | None]
Items = Iterable[Item]
AsyncItems = Iterable[Item] | AsyncIterable[Item]


async def batched(items: AsyncItems, size: int) -> AsyncIterator[list[Item]]:
    """The items in lists of at most that size."""
    if not isinstance(items, AsyncIterable):
        supply = iter(items)
        while batch := list(islice(supply, size)):
            yield batch
        return
    batch = []
    async for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def checked_items(
    items: Sequence[Item], spec: IndexSpec, first: int
) -> tuple[NDArray[np.uint64], NDArray[np.float32], list[bytes | None]]:
    """Items in columns; raises InvalidRequest ``bad_item`` with the ``index``, counted from ``first``."""
    ids = np.empty(len(items), np.uint64)
    vectors = np.empty((len(items), spec.dim), np.float32)
    payloads: list[bytes | None] = []
    for row, item in enumerate(items):
        try:
            id, vector, metadata = item if len(item) == 3 else (*item, None)
            ids[row] = checked_id(id)
            numbers = float32_vector(vector)
            check_dim(len(numbers), spec)
            vectors[row] = numbers
            payloads.append(None if metadata is None else payload_text(metadata))
        except InvalidRequest as error:
            raise InvalidRequest(
                f"item {first + row}: {error.message}", code="bad_item", index=first + row, reason=error.code
            ) from error
        except (TypeError, ValueError) as error:
            raise InvalidRequest(
                f"item {first + row} is not (id, vector) or (id, vector, metadata)",
                code="bad_item",
                index=first + row,
            ) from error
    return ids, vectors, payloads
