"""The items of a batch: taken from any supply, and checked into columns."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from asteroid_cloud.api.service.checks import Vector, check_dim, float32_vector
from asteroid_cloud.api.service.ids import checked_id
from asteroid_cloud.api.service.payloads import payload_text
from asteroid_cloud.api.service.preconditions import checked_match, checked_on_existing
from asteroid_cloud.indexer import NO_MATCH, NUMBER_OF, Id, IndexSpec, ItemConditions, OnExisting, Upserts
from asteroid_cloud.wal.errors import InvalidRequest

Item = tuple[int | str, Vector] | tuple[int | str, Vector, Mapping[str, Any] | None] | Mapping[str, Any]
Items = Iterable[Item]
AsyncItems = Iterable[Item] | AsyncIterable[Item]
CONDITIONS = {"if_match", "on_existing"}
NAMES = {"id", "vector", "metadata", *CONDITIONS}


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
    items: Sequence[Item],
    spec: IndexSpec,
    first: int,
    payload_bytes_max: int,
    on_existing: OnExisting | None = None,
) -> Upserts:
    """Items in columns; raises InvalidRequest ``bad_item`` with the ``index``, counted from ``first``.

    ``on_existing`` goes for items that do not say it themselves.
    """
    ids: list[Id] = []
    vectors = np.empty((len(items), spec.dim), np.float32)
    bare = np.zeros(len(items), np.bool_)
    there = 0
    payloads: list[bytes | None] = []
    matches = np.full(len(items), NO_MATCH, np.int64)
    modes = np.full(len(items), NUMBER_OF[on_existing or "replace"], np.uint8)
    for row, item in enumerate(items):
        try:
            id, vector, metadata = parts_of(item, spec.needs_vectors)
            number = checked_id(id, spec)
            if vector is None and not spec.needs_vectors:
                bare[row] = True
            else:
                numbers = float32_vector(vector)
                check_dim(len(numbers), spec)
                vectors[there] = numbers
                there += 1
            ids.append(number)
            payloads.append(None if metadata is None else payload_text(metadata, payload_bytes_max))
            if isinstance(item, Mapping) and item.keys() & CONDITIONS:
                matches[row] = checked_match(item.get("if_match"))
                if (said := checked_on_existing(item.get("on_existing"))) is not None:
                    modes[row] = NUMBER_OF[said]
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
    is_plain = not modes.any() and bool((matches == NO_MATCH).all())
    conditions = None if is_plain else ItemConditions(matches, modes)
    return Upserts(spec.ids.of(ids), vectors[:there], payloads, conditions, bare)


def parts_of(item: Any, needs_vector: bool = True) -> tuple[Any, Any, Any]:
    """Id, vector and metadata of an item: a mapping with these names, or two or three values in a row.

    Without ``needs_vector`` a mapping may leave it out, and the vector is None then.
    """
    if isinstance(item, Mapping):
        if unknown := item.keys() - NAMES:
            raise InvalidRequest(
                f"there is no field {min(map(str, unknown))!r:.80} in an item", code="unknown_field"
            )
        for name in ("id", "vector") if needs_vector else ("id",):
            if name not in item:
                raise InvalidRequest(f"the field {name!r} is missing", code="missing_field")
        return item["id"], item.get("vector"), item.get("metadata")
    if isinstance(item, str | bytes):
        raise TypeError("text is no item")
    id, vector, metadata = item if len(item) == 3 else (*item, None)
    return id, vector, metadata
