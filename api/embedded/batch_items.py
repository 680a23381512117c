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

Item = tuple[int, Vector] | tuple[int, Vector, Mapping[str, Any] | None] | Mapping[str, Any]
Items = Iterable[Item]
AsyncItems = Iterable[Item] | AsyncIterable[Item]
NAMES = {"id", "vector", "metadata"}


async def batched(items: AsyncItems, size: int) -> AsyncIterator[list[Item]]:
    """The items in lists of at most that size."""
    if not isinstance(items, AsyncIterable):
        if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
            raise InvalidRequest(
                f"items must be a list of items, not {type(items).__name__}", code="bad_item"
            )
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
    items: Sequence[Item], spec: IndexSpec, first: int, payload_bytes_max: int
) -> tuple[NDArray[np.uint64], NDArray[np.float32], list[bytes | None]]:
    """Items in columns; raises InvalidRequest ``bad_item`` with the ``index``, counted from ``first``."""
    ids = np.empty(len(items), np.uint64)
    vectors = np.empty((len(items), spec.dim), np.float32)
    payloads: list[bytes | None] = []
    for row, item in enumerate(items):
        try:
            id, vector, metadata = parts_of(item)
            ids[row] = checked_id(id)
            numbers = float32_vector(vector)
            check_dim(len(numbers), spec)
            vectors[row] = numbers
            payloads.append(None if metadata is None else payload_text(metadata, payload_bytes_max))
        except InvalidRequest as error:
            raise InvalidRequest(
                f"item {first + row}: {error.message}", code="bad_item", index=first + row, reason=error.code
            ) from error
        except (TypeError, ValueError) as error:
            raise InvalidRequest(
                f"item {first + row} is no mapping, and not (id, vector) or (id, vector, metadata)",
                code="bad_item",
                index=first + row,
            ) from error
    return ids, vectors, payloads


def parts_of(item: Any) -> tuple[Any, Any, Any]:
    """Id, vector and metadata of an item: a mapping with these names, or two or three values in a row."""
    if isinstance(item, Mapping):
        if unknown := item.keys() - NAMES:
            raise InvalidRequest(
                f"there is no field {min(map(str, unknown))!r:.80} in an item", code="unknown_field"
            )
        for name in ("id", "vector"):
            if name not in item:
                raise InvalidRequest(f"the field {name!r} is missing", code="missing_field")
        return item["id"], item["vector"], item.get("metadata")
    if isinstance(item, str | bytes):
        raise TypeError("text is no item")
    id, vector, metadata = item if len(item) == 3 else (*item, None)
    return id, vector, metadata
