"""The routes that write many rows at once; as ``routes``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from asteroid_cloud.client.arguments import listable
from asteroid_cloud.client.errors import AsteroidError, InvalidRequest
from asteroid_cloud.client.protocol.answers import changed_of, count_of, inserted_of
from asteroid_cloud.client.protocol.batches import Item, entries
from asteroid_cloud.client.protocol.calls import Call, Retry, new_key
from asteroid_cloud.client.protocol.encoding import encode_id, encode_metadata
from asteroid_cloud.client.protocol.routes import JSON, Metadata, change, filter_text, without_none
from asteroid_cloud.client.results.rows import Changed, Counted, Inserted

Changes = Sequence[Mapping[str, Any]]


def insert_batch(body: bytes, lists: Callable[[], bytes] | None = None) -> Call[Inserted]:
    """POST /v1/vectors/batch with an encoded body; ``lists`` gives it without base64, if it has some."""
    path, headers = "/v1/vectors/batch", JSON | new_key()
    return Call("POST", path, inserted_of, body, headers, Retry.UNSENT, lists=lists)


def write_body(
    delete_filters: Sequence[Metadata] | None,
    deletes: Iterable[int | str] | None,
    upserts: Sequence[Item] | None,
    patches: Changes | None,
    sets: Changes | None,
) -> bytes:
    """A mixed write as JSON text; raises InvalidRequest ``bad_item`` with ``list`` and ``index``."""
    body: dict[str, object] = {}
    if delete_filters is not None:
        body["delete_filters"] = [filter_text(condition) for condition in listable(delete_filters)]
    if deletes is not None:
        body["deletes"] = [encode_id(id) for id in listable(deletes, "deletes", "bad_id")]
    if upserts is not None:
        try:
            body["upserts"] = entries(list(listable(upserts)), 0)
        except AsteroidError as error:
            error.details["list"] = "upserts"
            raise
    for name, items in (("patches", patches), ("sets", sets)):
        if items is not None:
            body[name] = [_changed(item, name, index) for index, item in enumerate(listable(items))]
    return msgspec.json.encode(body)


def _changed(item: object, name: str, index: int) -> dict[str, object]:
    details: dict[str, object] = {"list": name, "index": index}
    if not isinstance(item, Mapping):
        raise InvalidRequest(f"item {index} of {name} is no mapping", code="bad_item", details=details)
    try:
        texts = {key: encode_metadata(item[key]) for key in ("patch", "set") if item.get(key) is not None}
        return {**item, "id": encode_id(item.get("id")), **texts}
    except InvalidRequest as error:
        message = f"item {index} of {name}: {error}"
        raise InvalidRequest(message, code="bad_item", details=details | {"reason": error.code}) from error


def write(body: bytes) -> Call[Changed]:
    """POST /v1/write with an encoded body."""
    return Call("POST", "/v1/write", changed_of, body, JSON | new_key(), Retry.UNSENT)


def set_fields(
    values: Metadata | None,
    ids: Iterable[int | str] | None,
    filter: Metadata | None,
    unset: Sequence[str] | None,
) -> Call[Counted]:
    """POST /v1/vectors/set."""
    if (ids is None) == (filter is None):
        raise InvalidRequest("set takes either ids or a filter", code="bad_request")
    listed = None if ids is None else [encode_id(id) for id in listable(ids, "ids", "bad_id")]
    body = without_none(
        set=None if values is None else encode_metadata(values),
        unset=None if unset is None else list(listable(unset, "unset", "bad_unset")),
        ids=listed,
        filter=filter_text(filter),
    )
    return change("/v1/vectors/set", body, count_of("set"))
