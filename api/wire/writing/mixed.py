"""The bodies of mixed writes, read piece by piece, so that no large one holds the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import msgspec

from asteroid_cloud.api.service.payloads import checked_text
from asteroid_cloud.api.service.writing.mixed_writes import check_items, checked_set
from asteroid_cloud.api.wire.batches import read_item_list
from asteroid_cloud.api.wire.native import core
from asteroid_cloud.api.wire.requests import ABSENT, Body, decode, filter_from
from asteroid_cloud.api.wire.writing.ids import id_of, ids_of
from asteroid_cloud.indexer import IndexSpec, Mixed
from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX
from asteroid_cloud.query import Filter
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge

T = TypeVar("T")
LISTS = ("delete_filters", "deletes", "upserts", "patches", "sets")
"""The fields of a body, in the order in which they are done."""


class PatchItem(Body, frozen=True):
    """One of ``patches``."""

    id: object
    patch: msgspec.Raw


class SetItem(Body, frozen=True):
    """One of ``sets``."""

    id: object
    set: msgspec.Raw = ABSENT
    unset: object = None


PATCH_ITEM = msgspec.json.Decoder(PatchItem)
SET_ITEM = msgspec.json.Decoder(SetItem)
ANY = msgspec.json.Decoder(Any)


def read_mixed(body: bytes, spec: IndexSpec, payload_bytes_max: int) -> tuple[Mixed, list[Filter]]:
    """The write that a body asks for, checked whole, and the filters whose matches are deleted.

    Raises InvalidRequest ``bad_item`` with ``list``, ``index`` and ``reason`` for a bad item, else
    ``bad_json``, ``unknown_field``, ``empty_batch``; TooLarge ``batch_too_large``.
    """
    try:
        fields = {name: (at, size) for name, at, size in core.read_fields(body)}
    except core.ReadError as error:
        _refuse(*error.args)
    if unknown := fields.keys() - set(LISTS):
        raise InvalidRequest(f"there is no field {min(unknown)!r:.80} here", code="unknown_field")
    texts = {name: memoryview(body)[at : at + size] for name, (at, size) in fields.items()}
    items = {name: _elements(texts[name], name) for name in LISTS if name in texts}
    check_items(sum(map(len, items.values())))
    bytes_max = payload_bytes_max
    upserts = read_item_list(bytes(texts.get("upserts", b"[]")), spec, bytes_max)

    def patch(text: bytes) -> tuple[Any, bytes]:
        asked = decode(PATCH_ITEM, text)
        return id_of(spec, asked.id), checked_text(bytes(asked.patch), bytes_max) or b"{}"

    def fields_of(text: bytes) -> tuple[Any, Any]:
        asked = decode(SET_ITEM, text)
        values = bytes(asked.set)
        return id_of(spec, asked.id), checked_set(values or None, asked.unset, bytes_max)

    deletes = _each(items, "deletes", lambda text: id_of(spec, ANY.decode(text)))
    mixed = Mixed(
        ids_of(spec, deletes), upserts, _each(items, "patches", patch), _each(items, "sets", fields_of)
    )
    filters = _each(items, "delete_filters", lambda text: filter_from(msgspec.Raw(text)))
    return mixed, filters


def _elements(text: memoryview, name: str) -> list[bytes]:
    """The elements of one list."""
    if bytes(text[:1]) != b"[":
        raise InvalidRequest(f"{name} must be a list", code="bad_request")
    try:
        offsets, lengths = core.read_elements(text, BATCH_ITEMS_MAX)
    except core.ReadError as error:
        code, index, message = error.args
        if code == "too_many":
            raise TooLarge(
                f"a write has at most {BATCH_ITEMS_MAX:,} items", code="batch_too_large"
            ) from error
        _refuse(code, index, message)
    spans = zip(offsets.tolist(), lengths.tolist(), strict=True)
    return [bytes(text[at : at + size]) for at, size in spans] if name != "upserts" else [b""] * len(offsets)


def _each(items: dict[str, list[bytes]], name: str, read: Callable[[bytes], T]) -> list[T]:
    found = []
    for index, text in enumerate(items.get(name, ())):
        try:
            found.append(read(text))
        except InvalidRequest as error:
            raise InvalidRequest(
                f"item {index} of {name}: {error.message}",
                code="bad_item",
                list=name,
                index=index,
                reason=error.code,
            ) from error
    return found


def _refuse(code: str, index: int, message: str) -> NoReturn:
    raise InvalidRequest(message, code=code)
