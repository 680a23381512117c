"""Searches, alone and in batches: their fields, checked, and the calls that send them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from asteroid_cloud.client.arguments import listable, plain_fields
from asteroid_cloud.client.errors import InvalidRequest
from asteroid_cloud.client.protocol.answers import hit_lists, hits_of
from asteroid_cloud.client.protocol.calls import Call
from asteroid_cloud.client.protocol.encoding import Vector, encode_id, encode_vector
from asteroid_cloud.client.protocol.routes import (
    Metadata,
    ask,
    encode,
    encode_ids,
    filter_text,
    without_none,
)
from asteroid_cloud.client.results.rows import Hits


class Search(msgspec.Struct, frozen=True):
    """One search of a batch: by one of ``vector``, ``id`` (more like this) and ``recommend``, or by ``text``,
    or by both.
    """

    vector: Vector | None = None
    k: int = 10
    ef_search: int | None = None
    filter: Metadata | None = None
    include: Sequence[str] | None = None
    exact: bool = False
    offset: int = 0
    max_distance: float | None = None
    id: int | str | None = None
    explain: bool = False
    ids: Iterable[int | str] | None = None
    min_score: float | None = None
    fields: Sequence[str] | None = None
    recommend: Mapping[str, Iterable[int | str]] | None = None
    group_by: Mapping[str, Any] | None = None
    diversity: Mapping[str, Any] | None = None
    text: str | Metadata | None = None
    fusion: Metadata | None = None


def search_fields(search: Search, base64: bool = False) -> dict[str, object]:
    """The JSON fields of a search; what equals the server's default is left out."""
    given = sum(each is not None for each in (search.vector, search.id, search.recommend))
    if given > 1 or (given == 0 and search.text is None):
        reason = "a search takes exactly one of vector, id and recommend, or a text"
        raise InvalidRequest(reason, code="bad_request")
    fields = without_none(
        vector=None if search.vector is None else encode_vector(search.vector, base64=base64),
        id=None if search.id is None else encode_id(search.id),
        k=search.k,
        ef_search=search.ef_search,
        filter=filter_text(search.filter),
        include=search.include,
        exact=search.exact or None,
        offset=search.offset or None,
        max_distance=search.max_distance,
        explain=search.explain or None,
        ids=None if search.ids is None else encode_ids(search.ids),
        min_score=search.min_score,
        fields=search.fields,
        recommend=None if search.recommend is None else _examples(search.recommend),
        group_by=_plain_object("group_by", search.group_by),
        diversity=_plain_object("diversity", search.diversity),
        text=search.text,
        fusion=search.fusion,
    )
    return plain_fields(fields)


def _examples(recommend: Mapping[str, Iterable[int | str]]) -> dict[str, object]:
    if not isinstance(recommend, Mapping):
        raise InvalidRequest("recommend must be a mapping", code="bad_recommend")
    return {name: None if ids is None else encode_ids(ids) for name, ids in recommend.items()}


def _plain_object(name: str, value: Mapping[str, Any] | None) -> dict[str, object] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"{name} must be a mapping", code=f"bad_{name}")
    return plain_fields(value)


def search(search: Search, min_lsn: int | None, base64: bool = False) -> Call[Hits]:
    """POST /v1/search."""
    if search.vector is None or not base64:
        return ask("/v1/search", search_fields(search), hits_of, min_lsn)
    wanted = _repeatable(search)
    call = ask("/v1/search", search_fields(wanted, base64), hits_of, min_lsn)
    return replace(call, lists=lambda: encode(search_fields(wanted)))


def search_batch(
    searches: Iterable[Search | Vector], shared: Search, min_lsn: int | None, base64: bool = False
) -> Call[list[Hits]]:
    """POST /v1/search/batch; a plain vector is searched with the fields of ``shared``."""
    wanted = [
        _repeatable(each if isinstance(each, Search) else msgspec.structs.replace(shared, vector=each))
        for each in listable(searches, "searches", "bad_request")
    ]

    def fields(base64: bool) -> dict[str, object]:
        return {"searches": [search_fields(each, base64) for each in wanted]}

    call = ask("/v1/search/batch", fields(base64), hit_lists(len(wanted)), min_lsn)
    return replace(call, lists=lambda: encode(fields(False))) if base64 else call


def _repeatable(search: Search) -> Search:
    """The search, to be encoded a second time if need be: its ids may come from iterators."""
    if search.ids is not None:
        search = msgspec.structs.replace(search, ids=list(listable(search.ids, "ids", "bad_id")))
    if isinstance(search.recommend, Mapping):
        listed = {
            name: ids if ids is None else list(listable(ids, "ids", "bad_id"))
            for name, ids in search.recommend.items()
        }
        search = msgspec.structs.replace(search, recommend=listed)
    return search
