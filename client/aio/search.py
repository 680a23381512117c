"""The asynchronous client's calls that find vectors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from asteroid_cloud.client.aio.calls import AsyncCalls
from asteroid_cloud.client.protocol import routes
from asteroid_cloud.client.protocol import searches as search_routes
from asteroid_cloud.client.protocol.encoding import Vector
from asteroid_cloud.client.protocol.routes import Metadata
from asteroid_cloud.client.protocol.searches import Search
from asteroid_cloud.client.results.fields import Facets, FieldList, FieldRange
from asteroid_cloud.client.results.reports import Recall
from asteroid_cloud.client.results.rows import Counted, Hits, Row


class AsyncSearchCalls(AsyncCalls):
    """Search, measure, count and walk.

    Every call sees all writes acknowledged before it. With ``min_lsn`` it also sees those of another
    client: pass the ``lsn`` that their write returned. Every call may raise InvalidRequest
    (``bad_filter``, …), Conflict (``index_not_initialized``), Unauthorized, RateLimited, Unavailable
    (``not_caught_up``, …), StorageError, InternalError and ConnectionFailed.
    """

    async def search(
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
        condition on the payload, as ``{"year": {"$gte": 2026}}`` or ``F("year") >= 2026``; ``ids`` allows
        only these, 10,000 at most. ``include`` names what each hit carries besides ``id`` and ``distance``:
        "payload", "vector", "score"; ``fields`` asks for these of the payload only, as
        ``["title", "a.b"]``. The score is higher where the distance is lower: ``1 - distance`` (cosine), the
        product (ip), ``1 / (1 + distance)`` (l2). ``offset`` skips the nearest, ``max_distance`` drops what
        is farther, ``min_score`` what scores less; ``explain`` fills ``Hits.explain``.

        ``recommend``, as ``{"positive": [ids], "negative": [ids]}``, searches with the mean of the positive
        ones, moved away from that of the negative ones; these are left out. ``group_by``, as
        ``{"field": "author", "size": 3}``, finds the ``k`` groups with the best hits, each with its ``size``
        best: they are in ``Hits.groups``. ``diversity``, as ``{"lambda": 0.5, "candidates": 40}``, chooses
        among more candidates, so that hits are near and unlike each other (maximal marginal relevance).

        ``text`` looks for words in the fields that are indexed as text (``set_text``): the words, or
        ``{"query": …, "fields": […], "operator": "or" or "and", "phrase": True}``. Alone, hits are ordered
        by BM25, their ``score``; with a vector both orders become one by ``fusion``, ``{"k": 60,
        "weights": [1, 1]}`` for the vector and the text. Raises Conflict (``no_text_index``), and Unavailable
        (``text_building``) until all that is stored is indexed.
        """
        search = Search(
            vector=vector,
            k=k,
            ef_search=ef_search,
            filter=filter,
            include=include,
            exact=exact,
            offset=offset,
            max_distance=max_distance,
            id=id,
            explain=explain,
            ids=ids,
            min_score=min_score,
            fields=fields,
            recommend=recommend,
            group_by=group_by,
            diversity=diversity,
            text=text,
            fusion=fusion,
        )
        return await self._transport.send(search_routes.search(search, min_lsn, self._transport.takes_base64))

    async def search_batch(
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
        base64 = self._transport.takes_base64
        return await self._transport.send(search_routes.search_batch(searches, shared, min_lsn, base64))

    async def count(self, filter: Metadata | None = None, *, min_lsn: int | None = None) -> Counted:
        """How many vectors match a filter, or how many there are; exact."""
        return await self._transport.send(routes.count(filter, min_lsn))

    async def recall(
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
        return await self._transport.send(routes.recall(num, k, ef_search, filter, min_lsn))

    async def facets(
        self,
        field: str,
        filter: Metadata | None = None,
        *,
        limit: int = 10,
        offset: int = 0,
        order: str = "count",
        contains: str | None = None,
        min_lsn: int | None = None,
    ) -> Facets:
        """The ``limit`` (1 … 1,000) commonest values of a payload field, the most frequent first; exact.

        ``field`` is a path through objects, ``a.b`` for b in a. Each distinct element of an array counts once
        a vector; objects, and arrays within arrays, are not counted. ``offset`` skips the first; the
        ``order`` "value" lists them by value: null, booleans, numbers, strings. With ``contains`` only
        strings with this text in them are values. Raises InvalidRequest (``bad_field``, ``bad_limit``,
        ``bad_offset``, ``bad_order``, ``bad_contains``), TooLarge (``too_many_values``) when there are more
        than 100,000.
        """
        call = routes.facets(field, filter, limit, offset, order, contains, min_lsn)
        return await self._transport.send(call)

    async def fields(self, *, min_lsn: int | None = None) -> FieldList:
        """Every field that payloads have, in the order of paths: its ``path``, ``kinds`` and exact ``count``.

        A path is escaped as paths are; kinds are "null", "boolean", "number", "string", "array" and "object".
        Arrays are not entered. Raises TooLarge (``too_many_fields``) when there are more than 10,000.
        """
        return await self._transport.send(routes.fields(min_lsn))

    async def field_range(
        self, field: str, filter: Metadata | None = None, *, min_lsn: int | None = None
    ) -> FieldRange:
        """The least and the greatest number, and string (by code point), of a payload field.

        Values are those that ``facets`` counts. Raises InvalidRequest (``bad_field``).
        """
        return await self._transport.send(routes.field_range(field, filter, min_lsn))

    async def scroll(
        self,
        filter: Metadata | None = None,
        *,
        page_size: int = 1000,
        order_by: Mapping[str, str] | None = None,
        include: Sequence[str] | None = None,
        min_lsn: int | None = None,
        fields: Sequence[str] | None = None,
    ) -> AsyncIterator[Row]:
        """All vectors that match, in the order of their ids.

        They are read ``page_size`` at a time (1 … 10,000) while the iteration goes on. No id comes
        twice, and each that exists and matches the whole time comes once. ``include`` names what each
        row carries: "payload", "vector" or both; ``fields`` asks for these of the payload only.

        ``order_by``, as ``{"field": "year", "direction": "desc"}``, walks in the order of a payload field:
        numbers, strings, booleans, then all others, which are last in either direction. Where the value
        changes meanwhile, a vector may be missed or come twice. Raises InvalidRequest (``bad_order_by``).
        """
        cursor: str | None = None
        while True:
            call = routes.scroll(filter, page_size, include, min_lsn, cursor, order_by, fields)
            page = await self._transport.send(call)
            for row in page.vectors:
                yield row
            cursor = page.cursor
            if cursor is None:
                return
