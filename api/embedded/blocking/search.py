# Written by ops/faces from api/embedded/search.py: change that one.
"""The blocking store's calls that find vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from asteroid_cloud import query
from asteroid_cloud.api.embedded.blocking.calls import BlockingCalls
from asteroid_cloud.api.embedded.search import listed_searches
from asteroid_cloud.api.service.checks import Vector, checked_columns, checked_lsn, integer
from asteroid_cloud.api.service.results import Counted, Hits, Recall, Row
from asteroid_cloud.api.service.searches import (
    Metadata,
    Search,
    filter_of,
    hits_of,
    recall_request,
    request_of,
    row_of,
)


class BlockingSearchCalls(BlockingCalls):
    """Search, measure, count and walk.

    Every call sees all writes acknowledged before it. Every call may raise InvalidRequest
    (``bad_filter``, …) and Conflict (``index_not_initialized``); one with a ``min_lsn`` that is not
    reached in time raises Overloaded (``not_caught_up``).
    """

    def search(
        self,
        vector: Vector | None = None,
        k: int = 10,
        ef_search: int | None = None,
        filter: Metadata | None = None,
        *,
        include: Sequence[str] | None = None,
        exact: bool = False,
        min_lsn: int | None = None,
        offset: int = 0,
        max_distance: float | None = None,
        id: int | str | None = None,
        explain: bool = False,
        ids: Iterable[int | str] | None = None,
        min_score: float | None = None,
        fields: Sequence[str] | None = None,
        recommend: Mapping[str, Iterable[int | str]] | None = None,
        group_by: Mapping[str, Any] | None = None,
        diversity: Mapping[str, Any] | None = None,
        text: str | Metadata | None = None,
        fusion: Metadata | None = None,
    ) -> Hits:
        """The ``k`` nearest vectors, nearest first: exactly ``k``, or all that match if they are fewer.

        ``vector`` has ``dim`` numbers; ``id`` in its place searches with that stored vector.
        ``ef_search`` trades time for recall, ``exact`` compares with every vector. ``filter`` is a
        condition on the payload, as ``{"year": {"$gte": 2026}}``; ``ids`` allows only these, 10,000 at
        most. ``include`` names what each hit carries besides ``id`` and ``distance``: "payload", "vector",
        "score"; ``fields`` asks for these of the payload only, as ``["title", "a.b"]``. The score is higher
        where the distance is lower: ``1 - distance`` (cosine), the product (ip), ``1 / (1 + distance)``
        (l2). ``offset`` skips the nearest, ``max_distance`` drops what is farther, ``min_score`` what
        scores less; ``explain`` fills ``Hits.explain``.

        ``recommend``, as ``{"positive": [ids], "negative": [ids]}``, searches with the mean of the positive
        ones, moved away from that of the negative ones; these are left out. ``group_by``, as
        ``{"field": "author", "size": 3}``, finds the ``k`` groups with the best hits, each with its ``size``
        best: they are in ``Hits.groups``. ``diversity``, as ``{"lambda": 0.5, "candidates": 40}``, chooses
        among more candidates, so that hits are near and unlike each other (maximal marginal relevance).

        ``text`` looks for words in the fields that are indexed as text (``set_text``): the words, or
        ``{"query": …, "fields": […], "operator": "or" or "and", "phrase": True}``. Alone, hits are ordered
        by BM25, their ``score``; with a vector both orders become one by ``fusion``, ``{"k": 60,
        "weights": [1, 1]}`` for the vector and the text. Raises Conflict (``no_text_index``), and Overloaded
        (``text_building``) until all that is stored is indexed.
        """
        request = request_of(
            Search(
                vector,
                k,
                ef_search,
                filter,
                include,
                exact,
                offset,
                max_distance,
                id,
                explain,
                ids,
                min_score,
                fields,
                recommend,
                group_by,
                diversity,
                text,
                fusion,
            ),
            self._reads.spec,
        )
        return hits_of(self._reads.search(self._reads.snapshot(checked_lsn(min_lsn)), request))

    def search_batch(
        self,
        searches: Iterable[Search | Vector],
        k: int = 10,
        ef_search: int | None = None,
        filter: Metadata | None = None,
        *,
        include: Sequence[str] | None = None,
        exact: bool = False,
        min_lsn: int | None = None,
        ids: Iterable[int | str] | None = None,
        min_score: float | None = None,
        fields: Sequence[str] | None = None,
        group_by: Mapping[str, Any] | None = None,
        diversity: Mapping[str, Any] | None = None,
    ) -> list[Hits]:
        """Many searches over one snapshot: the hits of each, in order.

        ``searches`` holds vectors (the rows of a two-dimensional array will do), searched with the
        arguments given here, or ``Search`` objects, each with its own.
        """
        shared = Search(
            k=k,
            ef_search=ef_search,
            filter=filter,
            include=include,
            exact=exact,
            ids=None if ids is None else list(ids),
            min_score=min_score,
            fields=fields,
            group_by=group_by,
            diversity=diversity,
        )
        requests = [request_of(each, self._reads.spec) for each in listed_searches(searches, shared)]
        results = self._reads.search_batch(self._reads.snapshot(checked_lsn(min_lsn)), requests)
        return [hits_of(result) for result in results]

    def count(self, filter: Metadata | None = None, *, min_lsn: int | None = None) -> Counted:
        """How many vectors match a filter, or how many there are; exact."""
        condition = filter_of(filter)
        snapshot = self._reads.snapshot(checked_lsn(min_lsn))
        return Counted(self._reads.count(snapshot, condition), lsn=snapshot.lsn)

    def recall(
        self,
        num: int = 20,
        k: int = 10,
        ef_search: int | None = None,
        filter: Metadata | None = None,
        *,
        min_lsn: int | None = None,
    ) -> Recall:
        """How many of the true neighbours searches find: the mean and the worst of ``num`` samples.

        Samples are ``num`` (1 … 1,000) stored vectors, drawn evenly from those that match ``filter``. Each
        is searched for with ``k``, ``ef_search`` and ``filter``, the vector itself left out, and compared
        with an exact search by distance. That takes as long as ``num`` exact searches. Raises InvalidRequest
        (``bad_num``, ``bad_k``, ``bad_ef_search``).
        """
        request = recall_request(num=num, k=k, ef_search=ef_search, filter=filter_of(filter))
        snapshot = self._reads.snapshot(checked_lsn(min_lsn))
        return Recall.of(self._reads.recall(snapshot, request), snapshot.lsn)

    def scroll(
        self,
        filter: Metadata | None = None,
        *,
        page_size: int = 1000,
        order_by: Mapping[str, str] | None = None,
        include: Sequence[str] | None = None,
        min_lsn: int | None = None,
        fields: Sequence[str] | None = None,
    ) -> Iterator[Row]:
        """All vectors that match, in the order of their ids.

        They are read ``page_size`` at a time (1 … 10,000) while the iteration goes on. No id comes
        twice, and each that exists and matches the whole time comes once. ``include`` names what each
        row carries: "payload", "vector" or both; ``fields`` asks for these of the payload only.

        ``order_by``, as ``{"field": "year", "direction": "desc"}``, walks in the order of a payload field:
        numbers, strings, booleans, then all others, which are last in either direction. Where the value
        changes meanwhile, a vector may be missed or come twice. Raises InvalidRequest (``bad_order_by``).
        """
        condition, wanted = filter_of(filter), checked_columns(include, fields)
        order = query.order_by(order_by)
        cursor: str | None = None
        while True:
            page = self._reads.scroll(
                self._reads.snapshot(checked_lsn(min_lsn)),
                condition,
                integer("page_size", page_size, code="bad_limit"),
                cursor,
                wanted,
                order=order,
            )
            for record in page.records:
                yield row_of(record)
            cursor = page.cursor
            if cursor is None:
                return
