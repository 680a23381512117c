"""Searches, alone and in batches: their fields, checked, and the calls that send them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from asteroid_cloud.client.arguments import listable, plain_fields
from asteroid_cloud.client.errors import InvalidRequest
from asteroid_cloud.client.protocol.answers import hit_lists, hits_of
from asteroid_cloud.client.protocol.calls import Call
from asteroid_cloud.client.protocol.encoding import Vector, encode_id, encode_vector
from asteroid_cloud.client.protocol.routes import Metadata, ask, encode_ids, filter_text, without_none
from asteroid_cloud.client.results.rows import Hits


class Search(msgspec.Struct, frozen=True):
    """One search of a batch. Exactly one of ``vector`` and ``id`` (more like this one) is given."""

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


def search_fields(search: Search) -> dict[str, object]:
    """The JSON fields of a search; what equals the server's default is left out."""
    if (search.vector is None) == (search.id is None):
        raise InvalidRequest("a search takes either a vector or an id", code="bad_request")
    fields = without_none(
        vector=None if search.vector is None else encode_vector(search.vector),
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
    )
    return plain_fields(fields)


def search(search: Search, min_lsn: int | None) -> Call[Hits]:
    """POST /v1/search."""
    return ask("/v1/search", search_fields(search), hits_of, min_lsn)


def search_batch(
    searches: Iterable[Search | Vector], shared: Search, min_lsn: int | None
) -> Call[list[Hits]]:
    """POST /v1/search/batch; a plain vector is searched with the fields of ``shared``."""
    bodies = [
        search_fields(each if isinstance(each, Search) else msgspec.structs.replace(shared, vector=each))
        for each in listable(searches, "searches", "bad_request")
    ]
    return ask("/v1/search/batch", {"searches": bodies}, hit_lists(len(bodies)), min_lsn)
