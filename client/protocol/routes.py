"""One function per route: checked arguments in, a ``Call`` out. Nothing here sends anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec

from asteroid_cloud.client.arguments import integer, listable, number, plain_fields
from asteroid_cloud.client.errors import InvalidRequest
from asteroid_cloud.client.protocol.answers import (
    Page,
    backup_report,
    backups_of,
    bulk_report,
    count_of,
    done,
    facets_of,
    field_list_of,
    index_info,
    key_info,
    lsn_of,
    page_of,
    payload_of,
    purge_report,
    range_of,
    recall_of,
    record_of,
    recovery_of,
    rows_of,
    stats_of,
    tag_of,
    tags_of,
    written,
)
from asteroid_cloud.client.protocol.calls import MIN_LSN_HEADER, Body, Call, Reply, Retry, new_key
from asteroid_cloud.client.protocol.encoding import (
    Vector,
    encode_id,
    encode_metadata,
    encode_object,
    encode_vector,
    vector_path,
)
from asteroid_cloud.client.results.answer import Payload
from asteroid_cloud.client.results.fields import Facets, FieldList, FieldRange
from asteroid_cloud.client.results.recovery import Recovery
from asteroid_cloud.client.results.reports import (
    BackupReport,
    Backups,
    BulkReport,
    IndexInfo,
    PurgeReport,
    Recall,
    Stats,
    Tag,
)
from asteroid_cloud.client.results.rows import Counted, Record, Row, Written
from asteroid_cloud.client.results.server import KeyInfo

Id = int | str
Given = dict[str, str] | None
T = TypeVar("T")
Metadata = Mapping[str, object]
JSON = {"Content-Type": "application/json"}
FLUSH_WAIT_S = 60.0
FLUSH_GRACE_S = 5.0


def ask(path: str, body: Mapping[str, object], parse: Callable[[Reply], T], min_lsn: int | None) -> Call[T]:
    """A read whose question is a JSON body."""
    return Call("POST", path, parse, encode(body), {**JSON, **reading(min_lsn)})


def change(
    path: str,
    body: Mapping[str, object] | msgspec.Raw,
    parse: Callable[[Reply], T],
    *,
    method: str = "POST",
    condition: dict[str, str] | None = None,
) -> Call[T]:
    """A write with a JSON body, sent again only when the server surely did not act on it, or remembers it.

    Done twice it may leave the same state, but what another client wrote in between would be lost.
    """
    headers = {**JSON, **new_key(), **(condition or {})}
    return Call(method, path, parse, encode(body), headers, Retry.UNSENT)


def encode(body: Mapping[str, object] | msgspec.Raw) -> bytes:
    """A body as JSON text; raises InvalidRequest for a field that JSON cannot carry."""
    return bytes(body) if isinstance(body, msgspec.Raw) else msgspec.json.encode(plain_fields(body))


def reading(min_lsn: int | None) -> dict[str, str]:
    """The header that makes a read wait for an LSN."""
    lsn = 0 if min_lsn is None else integer("min_lsn", min_lsn)
    if lsn < 0:
        raise InvalidRequest(f"min_lsn must not be negative, got {min_lsn}", code="bad_min_lsn")
    return {MIN_LSN_HEADER: str(lsn)} if lsn else {}


def matching(if_match: int | None, if_absent: bool = False) -> dict[str, str]:
    """The header that makes a write depend on the state of its id."""
    if if_absent:
        if if_match is not None:
            raise InvalidRequest("if_match and if_absent exclude each other", code="bad_if_match")
        return {"If-None-Match": "*"}
    if if_match is None:
        return {}
    lsn = integer("if_match", if_match)
    if lsn < 0:
        raise InvalidRequest(f"if_match must be an LSN, got {if_match!r}", code="bad_if_match")
    return {"If-Match": f'"{lsn}"'}


def without_none(**fields: object) -> dict[str, object]:
    """The fields that were given; the server's defaults stand for the rest."""
    return {name: value for name, value in fields.items() if value is not None}


def encode_ids(ids: Iterable[Id]) -> list[Id]:
    """A list of ids."""
    return [encode_id(id) for id in listable(ids, "ids", "bad_id")]


def filter_text(condition: Metadata | None) -> msgspec.Raw | None:
    """A filter as JSON text."""
    return None if condition is None else encode_object(condition, "bad_filter", "filter")


def create_index(dim: int, metric: str, bits: int | None) -> Call[IndexInfo]:
    """PUT /v1/index."""
    asked = {"dim": dim, "metric": metric} | ({} if bits is None else {"bits": bits})
    return change("/v1/index", asked, index_info, method="PUT")


def get_index() -> Call[IndexInfo]:
    """GET /v1/index."""
    return Call("GET", "/v1/index", index_info)


def delete_index() -> Call[IndexInfo]:
    """DELETE /v1/index."""
    return Call("DELETE", "/v1/index", index_info, None, new_key(), Retry.UNSENT)


def stats(min_lsn: int | None = None, timeout_s: float | None = None) -> Call[Stats]:
    """GET /v1/stats."""
    patient = min_lsn is not None
    return Call("GET", "/v1/stats", stats_of, headers=reading(min_lsn), timeout_s=timeout_s, patient=patient)


def recovery() -> Call[Recovery]:
    """GET /v1/recovery."""
    return Call("GET", "/v1/recovery", recovery_of)


def key() -> Call[KeyInfo]:
    """GET /v1/key."""
    return Call("GET", "/v1/key", key_info)


def alive(path: str) -> Call[bool]:
    """GET /health or /ready, asked once: the question is about now."""
    return Call("GET", path, lambda reply: reply.status == 200, retry=Retry.NEVER)


def insert(
    id: Id,
    vector: Vector | None,
    metadata: Metadata | None,
    condition: Given = None,
    on_existing: str | None = None,
) -> Call[Written]:
    """POST /v1/vectors. It replaces what the id had."""
    number, text = encode_id(id), None if metadata is None else encode_metadata(metadata)
    body = without_none(id=number, vector=_vector_of_row(vector), metadata=text, on_existing=on_existing)
    return change("/v1/vectors", body, written(number), condition=condition)


def _vector_of_row(vector: Vector | None) -> msgspec.Raw:
    """The vector of a row; null for none, which the server takes where vectors are optional."""
    return msgspec.Raw(b"null") if vector is None else encode_vector(vector)


def upsert(
    id: Id,
    vector: Vector | None,
    metadata: Metadata | None,
    condition: Given = None,
    on_existing: str | None = None,
) -> Call[Written]:
    """PUT /v1/vectors/{id}."""
    number, text = encode_id(id), None if metadata is None else encode_metadata(metadata)
    body = without_none(vector=_vector_of_row(vector), metadata=text, on_existing=on_existing)
    return change(vector_path(number), body, written(number), method="PUT", condition=condition)


def get(id: int | str, min_lsn: int | None) -> Call[Record]:
    """GET /v1/vectors/{id}."""
    return Call("GET", vector_path(encode_id(id)), record_of, headers=reading(min_lsn))


def delete(id: int | str, condition: dict[str, str] | None = None) -> Call[Written]:
    """DELETE /v1/vectors/{id}."""
    number, headers = encode_id(id), {**new_key(), **(condition or {})}
    return Call("DELETE", vector_path(number), written(number), None, headers, Retry.UNSENT)


def get_payload(id: int | str, min_lsn: int | None) -> Call[Payload]:
    """GET /v1/vectors/{id}/payload."""
    return Call("GET", vector_path(encode_id(id), "/payload"), payload_of, headers=reading(min_lsn))


def set_payload(id: int | str, payload: Metadata, condition: dict[str, str] | None = None) -> Call[Written]:
    """PUT /v1/vectors/{id}/payload."""
    number = encode_id(id)
    body = encode_metadata(payload)
    return change(vector_path(number, "/payload"), body, written(number), method="PUT", condition=condition)


def merge_payload(id: int | str, partial: Metadata, condition: dict[str, str] | None = None) -> Call[Written]:
    """PATCH /v1/vectors/{id}/payload."""
    number = encode_id(id)
    body = encode_metadata(partial)
    return change(
        vector_path(number, "/payload"),
        body,
        written(number),
        method="PATCH",
        condition=condition,
    )


def fetch(
    ids: Iterable[Id],
    include: Sequence[str] | None,
    min_lsn: int | None,
    fields: Sequence[str] | None = None,
) -> Call[list[Row]]:
    """POST /v1/vectors/fetch."""
    body = without_none(ids=encode_ids(ids), include=include, fields=fields)
    return ask("/v1/vectors/fetch", body, rows_of, min_lsn)


def delete_many(ids: Iterable[int | str] | None, filter: Metadata | None) -> Call[Counted]:
    """POST /v1/vectors/delete."""
    if (ids is None) == (filter is None):
        raise InvalidRequest("delete_many takes either ids or a filter", code="bad_request")
    listed = None if ids is None else encode_ids(ids)
    body = without_none(ids=listed, filter=filter_text(filter))
    return change("/v1/vectors/delete", body, count_of("deleted"))


def merge_many(partial: Metadata, ids: Iterable[int | str] | None, filter: Metadata | None) -> Call[Counted]:
    """POST /v1/vectors/patch."""
    if (ids is None) == (filter is None):
        raise InvalidRequest("merge_many takes either ids or a filter", code="bad_request")
    listed = None if ids is None else encode_ids(ids)
    body = without_none(patch=encode_metadata(partial), ids=listed, filter=filter_text(filter))
    return change("/v1/vectors/patch", body, count_of("patched"))


def scroll(
    filter: Metadata | None,
    limit: int,
    include: Sequence[str] | None,
    min_lsn: int | None,
    cursor: str | None,
    order_by: Mapping[str, str] | None = None,
    fields: Sequence[str] | None = None,
) -> Call[Page]:
    """POST /v1/vectors/scroll."""
    order = None if order_by is None else encode_object(order_by, "bad_order_by", "order_by")
    condition = filter_text(filter)
    body = without_none(
        filter=condition, limit=limit, include=include, cursor=cursor, order_by=order, fields=fields
    )
    return ask("/v1/vectors/scroll", body, page_of, min_lsn)


def count(filter: Metadata | None, min_lsn: int | None) -> Call[Counted]:
    """POST /v1/count."""
    body = without_none(filter=filter_text(filter))
    return ask("/v1/count", body, count_of("count"), min_lsn)


def backup(name: str, timeout_s: float | None) -> Call[BackupReport]:
    """POST /v1/backup."""
    body = encode({"name": name})
    return Call("POST", "/v1/backup", backup_report, body, JSON | new_key(), Retry.UNSENT, timeout_s)


def backups() -> Call[Backups]:
    """GET /v1/backup."""
    return Call("GET", "/v1/backup", backups_of)


def tag(name: str) -> Call[Tag]:
    """POST /v1/tags."""
    return change("/v1/tags", {"name": name}, tag_of)


def tags() -> Call[list[Tag]]:
    """GET /v1/tags."""
    return Call("GET", "/v1/tags", tags_of)


def untag(name: str) -> Call[int]:
    """DELETE /v1/tags/{name}."""
    return Call("DELETE", f"/v1/tags/{quote(name, safe='')}", done, None, new_key(), Retry.UNSENT)


def purge(timeout_s: float | None) -> Call[PurgeReport]:
    """POST /v1/purge."""
    return Call("POST", "/v1/purge", purge_report, None, new_key(), Retry.UNSENT, timeout_s)


def flush(timeout_s: float | None) -> Call[int]:
    """POST /v1/flush. The server waits, so the call lasts a little longer than that."""
    wait_s = FLUSH_WAIT_S if timeout_s is None else number("timeout", timeout_s, code="bad_timeout_s")
    body = encode({"timeout_s": wait_s})
    return Call("POST", "/v1/flush", lsn_of, body, JSON, Retry.UNSENT, wait_s + FLUSH_GRACE_S)


def recall(
    num: int, k: int, ef_search: int | None, filter: Metadata | None, min_lsn: int | None
) -> Call[Recall]:
    """POST /v1/recall."""
    body = without_none(num=num, k=k, ef_search=ef_search, filter=filter_text(filter))
    return ask("/v1/recall", body, recall_of, min_lsn)


def facets(
    field: str,
    filter: Metadata | None,
    limit: int,
    offset: int,
    order: str,
    contains: str | None,
    min_lsn: int | None,
) -> Call[Facets]:
    """POST /v1/facets."""
    listed = without_none(offset=offset or None, order=None if order == "count" else order, contains=contains)
    body = without_none(field=field, filter=filter_text(filter), limit=limit) | listed
    return ask("/v1/facets", body, facets_of, min_lsn)


def field_range(field: str, filter: Metadata | None, min_lsn: int | None) -> Call[FieldRange]:
    """POST /v1/range."""
    body = without_none(field=field, filter=filter_text(filter))
    return ask("/v1/range", body, range_of, min_lsn)


def fields(min_lsn: int | None) -> Call[FieldList]:
    """GET /v1/fields."""
    return Call("GET", "/v1/fields", field_list_of, headers=reading(min_lsn))


def bulk_build(body: Body, rows: int, dim: int, threads: int, timeout_s: float) -> Call[BulkReport]:
    """POST /v1/build/bulk, never repeated once started."""
    threads = integer("threads", threads)
    if threads < 0:
        raise InvalidRequest(f"threads must not be negative, got {threads}", code="bad_threads")
    headers = {
        "Content-Type": "application/octet-stream",
        "X-Asteroid-N": str(rows),
        "X-Asteroid-Dim": str(dim),
        **new_key(),
    }
    if threads:
        headers["X-Asteroid-Threads"] = str(threads)
    return Call("POST", "/v1/build/bulk", bulk_report, body, headers, Retry.NEVER, timeout_s)
