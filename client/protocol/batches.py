"""Cutting an endless supply of items into request bodies, and keeping the score of an upload."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import msgspec

from asteroid_cloud.client.arguments import integer
from asteroid_cloud.client.errors import AsteroidError, InvalidRequest
from asteroid_cloud.client.protocol.encoding import (
    Vector,
    encode_id,
    encode_metadata,
    encode_vector,
    encode_vectors,
)
from asteroid_cloud.client.results.rows import Inserted

Item = tuple[int | str, Vector] | tuple[int | str, Vector, Mapping[str, object] | None] | Mapping[str, Any]
Items = Iterable[Item]
AsyncItems = Iterable[Item] | AsyncIterable[Item]

OnExisting = Literal["replace", "skip", "fail"]
"""Where the id of an item exists, the item replaces what is stored, is left out, or nothing is written."""

CHUNK_ITEMS = 1000
CHUNK_ITEMS_MAX = 10_000
CHUNK_BYTES_MAX = 48 * 1024 * 1024  # the server refuses a body of more than 64 MiB
NAMES = {"id", "vector", "metadata", "if_match", "on_existing"}
PLACES = ("index", "failed_index")  # the fields of an error that name an item by its place


class Chunk(msgspec.Struct, frozen=True):
    """One request body and the place of its first item in the whole upload."""

    first: int
    items: int
    body: bytes
    lists: Callable[[], bytes] | None = None
    """The body with vectors as lists of numbers, where ``body`` has them as base64."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One item on the wire."""

    id: int | str
    vector: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    metadata: msgspec.Raw | None = None
    if_match: int | str | None = None
    on_existing: str | None = None


class Entries(msgspec.Struct, frozen=True, omit_defaults=True):
    """One body on the wire."""

    items: list[Entry]
    on_existing: str | None = None


def checked_chunk_size(chunk_size: object) -> int:
    """Refuse a chunk that the server would refuse."""
    items = integer("chunk_size", chunk_size, code="bad_chunk")
    if not 1 <= items <= CHUNK_ITEMS_MAX:
        raise InvalidRequest(f"chunk_size must be 1 … {CHUNK_ITEMS_MAX}, got {items}", code="bad_chunk")
    return items


def encode_chunks(
    items: Sequence[Item], first: int, on_existing: str | None = None, *, base64: bool = False
) -> list[Chunk]:
    """The items as one request body, or as several where large metadata makes one too big."""
    body = encode_body(items, first, on_existing, base64)
    bytes_max = CHUNK_BYTES_MAX // 2 if base64 else CHUNK_BYTES_MAX  # it may have to be sent as lists
    if len(body) <= bytes_max or len(items) == 1:
        lists = partial(encode_body, items, first, on_existing, False) if base64 else None
        return [Chunk(first, len(items), body, lists)]
    half = len(items) // 2
    rest = encode_chunks(items[half:], first + half, on_existing, base64=base64)
    return encode_chunks(items[:half], first, on_existing, base64=base64) + rest


def encode_body(items: Sequence[Item], first: int, on_existing: str | None, base64: bool) -> bytes:
    """The items as one request body."""
    return msgspec.json.encode(Entries(entries(items, first, base64), on_existing))


def entries(items: Sequence[Item], first: int, base64: bool = False) -> list[Entry]:
    """The items encoded; an error names the first bad one by its place in the whole upload."""
    try:
        given = [parts_of(item)[1] for item in items]
        there = [vector for vector in given if not _is_none(vector)]
        texts = iter(encode_vectors(there, base64=base64) if there else ())
        vectors = [_own(vector) if _is_none(vector) else next(texts) for vector in given]
    except (AsteroidError, TypeError, ValueError):
        # Some item is at fault, or lengths differ, which is for the server to judge: one by one.
        return [entry(item, None, first + place) for place, item in enumerate(items)]
    pairs = zip(items, vectors, strict=True)
    return [entry(item, vector, first + place) for place, (item, vector) in enumerate(pairs)]


def _is_none(vector: object) -> bool:
    return vector is None or vector is msgspec.UNSET


def _own(vector: Vector | msgspec.UnsetType | None) -> msgspec.Raw | msgspec.UnsetType:
    """A vector as text; None is null, and what was left out stays so: the server knows if that is allowed."""
    if isinstance(vector, msgspec.UnsetType):
        return vector
    return msgspec.Raw(b"null") if vector is None else encode_vector(vector)


def entry(item: Item, vector: msgspec.Raw | msgspec.UnsetType | None, place: int) -> Entry:
    """One item encoded, its vector too unless that was done before."""
    try:
        id, own_vector, metadata = parts_of(item)
        return Entry(
            encode_id(id),
            _own(own_vector) if vector is None else vector,
            None if metadata is None else encode_metadata(metadata),
            *(conditions_of(item) if isinstance(item, Mapping) else ()),
        )
    except InvalidRequest as error:
        raise InvalidRequest(f"item {place}: {error}", code="bad_item", details={"index": place}) from error
    except (TypeError, ValueError) as error:
        raise InvalidRequest(
            f"item {place} is no mapping, and not (id, vector) or (id, vector, metadata)",
            code="bad_item",
            details={"index": place},
        ) from error


def conditions_of(item: Mapping[str, Any]) -> tuple[int | str | None, str | None]:
    """What an item asks of its id; the server judges what it is."""
    match, existing = item.get("if_match"), item.get("on_existing")
    if match is not None and not isinstance(match, str):
        match = integer("if_match", match)
    return match, None if existing is None else str(existing)


def parts_of(item: Any) -> tuple[Any, Any, Any]:
    """Id, vector and metadata of an item: a mapping with these names, or two or three values in a row.

    UNSET stands for a vector that a mapping leaves out.
    """
    if isinstance(item, Mapping):
        if unknown := item.keys() - NAMES:
            raise InvalidRequest(
                f"there is no field {min(map(str, unknown))!r:.80} in an item", code="unknown_field"
            )
        if "id" not in item:
            raise InvalidRequest("the field 'id' is missing", code="missing_field")
        return item["id"], item.get("vector", msgspec.UNSET), item.get("metadata")
    if isinstance(item, str | bytes):
        raise TypeError("text is no item")
    id, vector, metadata = item if len(item) == 3 else (*item, None)
    return id, vector, metadata


class Tally:
    """How much of an upload the server has acknowledged."""

    def __init__(self) -> None:
        self.inserted = self.replaced = self.skipped = 0
        self.lsn = 0

    def add(self, counted: Inserted) -> None:
        """Count an acknowledged chunk."""
        self.inserted += counted
        self.replaced += counted.replaced
        self.skipped += counted.skipped
        self.lsn = max(self.lsn, counted.lsn)

    def total(self) -> Inserted:
        """The result of the whole upload."""
        return Inserted(self.inserted, replaced=self.replaced, skipped=self.skipped, lsn=self.lsn)

    def place(self, error: AsteroidError, first: int) -> None:
        """Make an error of the chunk that began at ``first`` speak of the whole upload."""
        for name in PLACES:
            where = error.details.get(name)
            if isinstance(where, int):
                error.details[name] = where + first
        within = error.details.get("inserted")
        error.details["inserted"] = self.inserted + (within if isinstance(within, int) else 0)
