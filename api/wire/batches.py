"""Batches and bulk tails in JSON, read by the native reader and turned into the engine's columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, cast

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from asteroid_cloud.api.wire.native import core
from asteroid_cloud.indexer import NO_MATCH, REPLACE, IndexSpec, ItemConditions, Upserts
from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge
from asteroid_cloud.wal.limits import MIB, PAYLOAD_DEPTH_MAX

SLICE_BYTES_MAX = 4 * MIB
"""Payload texts of a bulk load that are in memory at once."""
SLICE_ROWS_MAX = 100_000
_STRINGS = msgspec.json.Decoder(list[str])
UNSAID = 255
"""Of an item that does not say what is to happen where its id exists: as the batch says."""
Columns = tuple[
    NDArray[Any],
    NDArray[np.float32],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.uint8],
    int,
]


def read_batch(body: bytes, spec: IndexSpec, payload_bytes_max: int) -> Upserts:
    """The items of ``{"items": […], "on_existing"?}``, checked whole; payloads are bounded as a setting says.

    Raises InvalidRequest: ``bad_item`` with the ``index`` of the first bad item and the ``reason`` as a
    code, ``empty_batch``, ``unknown_field``, ``missing_field``, ``bad_json``; TooLarge ``batch_too_large``.
    """
    try:
        return _items(body, spec, payload_bytes_max, is_list=False)
    except core.ReadError as error:
        _refuse_batch(*error.args)


def read_item_list(text: bytes, spec: IndexSpec, payload_bytes_max: int) -> Upserts:
    """The items of an array, which may be empty; raises as ``read_batch``, with ``list`` "upserts" too."""
    try:
        return _items(text, spec, payload_bytes_max, is_list=True)
    except core.ReadError as error:
        try:
            _refuse_batch(*error.args)
        except InvalidRequest as refused:
            refused.details["list"] = "upserts"
            raise


def _items(text: bytes, spec: IndexSpec, payload_bytes_max: int, *, is_list: bool) -> Upserts:
    bounds = spec.dim, BATCH_ITEMS_MAX, payload_bytes_max, PAYLOAD_DEPTH_MAX, is_list, spec.has_string_ids
    if spec.needs_vectors:
        return _upserts(text, core.read_items(text, *bounds))
    *columns, bare = core.read_optional_items(text, *bounds)
    return replace(_upserts(text, cast(Columns, tuple(columns))), bare=bare.view(np.bool_))


def _upserts(body: bytes, columns: Columns) -> Upserts:
    ids, vectors, offsets, lengths, if_match, on_existing, of_all = columns
    spans = zip(offsets.tolist(), lengths.tolist(), strict=True)
    payloads = [None if offset < 0 else _stored(body[offset : offset + length]) for offset, length in spans]
    texts = payloads if any(text is not None for text in payloads) else None
    return Upserts(ids, vectors, texts, conditions_of(len(ids), if_match, on_existing, of_all))


def conditions_of(
    items: int, if_match: NDArray[np.int64], on_existing: NDArray[np.uint8], of_all: int
) -> ItemConditions | None:
    """The conditions of so many items, from columns that are empty where no item says anything."""
    of_all = REPLACE if of_all == UNSAID else of_all
    if len(if_match) == 0 and len(on_existing) == 0 and of_all == REPLACE:
        return None
    return ItemConditions(
        if_match if len(if_match) else np.full(items, NO_MATCH, np.int64),
        np.where(on_existing == UNSAID, np.uint8(of_all), on_existing)
        if len(on_existing)
        else np.full(items, of_all, np.uint8),
    )


def _refuse_batch(code: str, index: int, message: str) -> NoReturn:
    if code == "too_many":
        raise TooLarge(f"a batch has at most {BATCH_ITEMS_MAX} items", code="batch_too_large")
    if code == "empty":
        raise InvalidRequest("a batch needs at least one item", code="empty_batch")
    if index >= 0:
        raise InvalidRequest(f"item {index}: {message}", code="bad_item", index=index, reason=code)
    raise InvalidRequest(message, code=code)


def _stored(text: bytes) -> bytes:
    """A checked object as it is stored: b"" when it is empty."""
    return text if text[1:-1].strip() else b""


class PayloadTail:
    """The JSON after the vectors of a bulk load: one object or null for each row."""

    def __init__(self, text: memoryview, rows: int, payload_bytes_max: int) -> None:
        """Scans it all; raises InvalidRequest ``bad_payload``."""
        try:
            spans = core.read_objects(text, rows, payload_bytes_max, PAYLOAD_DEPTH_MAX)
        except core.ReadError as error:
            _, index, message = error.args
            where = "the payloads" if index < 0 else f"payload {index}"
            raise InvalidRequest(f"{where}: {message}", code="bad_payload") from error
        self._text = text
        self._offsets, self._lengths = spans

    def slices(self) -> Iterator[tuple[int, list[bytes | None]]]:
        """The payloads in row order, each list with its first row; lists without any are left out."""
        first, size, texts = 0, 0, list[bytes | None]()
        for row, (offset, length) in enumerate(zip(self._offsets, self._lengths, strict=True)):
            if texts and (size + length > SLICE_BYTES_MAX or len(texts) == SLICE_ROWS_MAX):
                if size:
                    yield first, texts
                first, size, texts = row, 0, []
            texts.append(None if offset < 0 else _stored(bytes(self._text[offset : offset + length])) or None)
            size += max(0, int(length))
        if size:
            yield first, texts


class NamedTail:
    """The same where ids are strings: an object ``{"id", "metadata"?}`` for each row."""

    def __init__(self, text: memoryview, rows: int, payload_bytes_max: int) -> None:
        """Scans it all; raises InvalidRequest ``bad_payload``, or ``bad_id``."""
        try:
            spans = core.read_named_rows(text, rows, payload_bytes_max, PAYLOAD_DEPTH_MAX)
        except core.ReadError as error:
            code, index, message = error.args
            where = "the ids" if index < 0 else f"row {index}"
            code = "bad_id" if code == "bad_id" else "bad_payload"
            raise InvalidRequest(f"{where}: {message}", code=code) from error
        self._text = text
        self._rows = rows
        self._ids, self._payloads = spans[:2], spans[2:]

    def slices(self) -> Iterator[tuple[int, list[str], list[bytes | None]]]:
        """Ids and payloads in row order, each piece with its first row."""
        sizes = np.cumsum(np.maximum(self._payloads[1], 0) + self._ids[1])
        first = 0
        while first < self._rows:
            before = int(sizes[first - 1]) if first else 0
            end = int(np.searchsorted(sizes, before + SLICE_BYTES_MAX, "right"))
            end = min(max(first + 1, end), first + SLICE_ROWS_MAX)
            yield first, self._ids_of(first, end), self._payloads_of(first, end)
            first = end

    def _ids_of(self, first: int, end: int) -> list[str]:
        return _STRINGS.decode(b"[" + b",".join(self._texts(self._ids, first, end)) + b"]")

    def _payloads_of(self, first: int, end: int) -> list[bytes | None]:
        return [_stored(text) or None if text else None for text in self._texts(self._payloads, first, end)]

    def _texts(self, spans: Sequence[NDArray[np.int64]], first: int, end: int) -> list[bytes]:
        offsets, lengths = spans[0][first:end].tolist(), spans[1][first:end].tolist()
        return [
            bytes(self._text[offset : offset + length]) if offset >= 0 else b""
            for offset, length in zip(offsets, lengths, strict=True)
        ]
