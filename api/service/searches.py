"""One search, from what the caller passed to what the query layer takes and back to hits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.service.checks import (
    INCLUDABLE_IN_HITS,
    Vector,
    checked_fields,
    checked_flag,
    checked_include,
    float32_vector,
    integer,
    real,
)
from asteroid_cloud.api.service.ids import checked_id, checked_ids
from asteroid_cloud.api.service.payloads import payload_value
from asteroid_cloud.api.service.reading.search_options import (
    checked_diversity,
    checked_group_by,
    checked_recommend,
)
from asteroid_cloud.api.service.results import Hit, HitGroup, Hits, Row
from asteroid_cloud.api.service.texts import asked_fusion, asked_query
from asteroid_cloud.indexer import IndexSpec
from asteroid_cloud.query import (
    MATCH_ALL,
    AllowList,
    Filter,
    RecallRequest,
    Record,
    SearchRequest,
    SearchResult,
    parse_filter,
)
from asteroid_cloud.query.limits import ALLOWED_IDS_MAX

Metadata = Mapping[str, Any]


class Search(msgspec.Struct, frozen=True, eq=False):
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


def filter_of(condition: Metadata | None) -> Filter:
    """The filter of a call; None matches all."""
    return MATCH_ALL if condition is None else parse_filter(condition)


def request_of(search: Search, spec: IndexSpec | None) -> SearchRequest:
    """The request, each field's type checked; its bounds are the query layer's to check."""
    return search_request(
        spec,
        vector=None if search.vector is None else float32_vector(search.vector),
        id=search.id,
        k=search.k,
        ef_search=search.ef_search,
        filter=filter_of(search.filter),
        include=search.include,
        exact=search.exact,
        offset=search.offset,
        max_distance=search.max_distance,
        explain=search.explain,
        ids=search.ids,
        min_score=search.min_score,
        fields=search.fields,
        recommend=search.recommend,
        group_by=search.group_by,
        diversity=search.diversity,
        text=search.text,
        fusion=search.fusion,
    )


def search_request(
    spec: IndexSpec | None,
    *,
    vector: NDArray[np.float32] | None,
    id: object,
    k: object,
    ef_search: object,
    filter: Filter,
    include: object,
    exact: object,
    offset: object,
    max_distance: object,
    explain: object,
    ids: object,
    min_score: object,
    fields: object,
    recommend: object,
    group_by: object,
    diversity: object,
    text: object,
    fusion: object,
) -> SearchRequest:
    """A request from a vector of finite numbers and other fields of any type.

    Raises InvalidRequest with the code of the field at fault.
    """
    wanted, chosen = checked_include(include, INCLUDABLE_IN_HITS), checked_fields(fields)
    return SearchRequest(
        vector=vector,
        id=None if id is None else checked_id(id, spec),
        recommend=checked_recommend(recommend, spec),
        group_by=checked_group_by(group_by),
        diversity=checked_diversity(diversity),
        k=integer("k", k),
        ef_search=None if ef_search is None else integer("ef_search", ef_search),
        filter=filter,
        ids=None if ids is None else AllowList(checked_ids(ids, spec, ALLOWED_IDS_MAX)),
        offset=integer("offset", offset),
        max_distance=None if max_distance is None else real("max_distance", max_distance),
        min_score=None if min_score is None else real("min_score", min_score),
        exact=checked_flag("exact", exact),
        text=None if text is None else asked_query(text),
        fusion=None if fusion is None else asked_fusion(fusion),
        include_payload="payload" in wanted or chosen is not None,
        fields=chosen,
        include_vector="vector" in wanted,
        include_score="score" in wanted,
        explain=checked_flag("explain", explain),
    )


def recall_request(*, num: object, k: object, ef_search: object, filter: Filter) -> RecallRequest:
    """What recall to measure; raises InvalidRequest ``bad_num``, ``bad_k`` or ``bad_ef_search``."""
    return RecallRequest(
        num=integer("num", num),
        k=integer("k", k),
        ef_search=None if ef_search is None else integer("ef_search", ef_search),
        filter=filter,
    )


def hits_of(result: SearchResult) -> Hits:
    """The hits of an embedded search."""
    if result.payloads is None and result.vectors is None and result.scores is None:
        pairs = zip(result.ids.tolist(), result.listed_distances, strict=True)
        hits = [Hit(id, distance) for id, distance in pairs]
    else:
        hits = [
            Hit(
                hit.id,
                hit.distance,
                None if hit.payload is None else payload_value(hit.payload),
                hit.vector,
                hit.score,
                hit.text_score,
            )
            for hit in result.hits
        ]
    groups = None
    if result.groups is not None:
        groups = [HitGroup(group.value, hits[group.start : group.stop]) for group in result.groups]
    return Hits(hits, lsn=result.lsn, explain=result.explain, groups=groups)


def row_of(record: Record) -> Row:
    """A record of an embedded fetch or scroll."""
    return Row(record.id, None if record.payload is None else payload_value(record.payload), record.vector)
