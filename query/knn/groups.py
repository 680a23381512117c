"""The best groups, each with its best hits: rounds of searches until nothing can be missing.

First the groups are found. A round looks at the nearest rows that are in no group yet; the first row of a
group is its best hit, so groups come up in their order. Then those groups are filled that were not seen
whole: a round looks at their rows alone. Each round finds a group, or fills one, or has seen all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from asteroid_cloud.indexer import Id, PartView, Snapshot, TakeBytes
from asteroid_cloud.query.knn.explain import Explain
from asteroid_cloud.query.knn.group_by import DEPTH_MAX, HITS_AT_FIRST, GroupBy, Key, key_of
from asteroid_cloud.query.knn.group_rows import rows_having, values_at
from asteroid_cloud.query.knn.planner import plan_rows, plan_search
from asteroid_cloud.query.knn.request import SearchRequest
from asteroid_cloud.query.knn.rounds import Round, near_enough, rounds_of, scores_if_wanted, window
from asteroid_cloud.query.selection.bitmaps import count, every_row
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.matching_rows import MatchingRows, searchable_rows
from asteroid_cloud.query.work import Work

WIDER = 4
"""How many times as many hits the next round looks at."""
FEWEST_HITS_BETWEEN_FILLS = 2
"""Hits of a filling round for each that is wanted: more than that fill some group for certain."""


class Member(NamedTuple):
    """A hit of a group; members order as hits do."""

    distance: float
    id: Id
    part: int
    ordinal: int


class FoundGroup(NamedTuple):
    """A group and its nearest members, nearest first."""

    key: Key
    members: list[Member]


class GroupSearch:
    """The rounds of one search."""

    def __init__(
        self,
        snapshot: Snapshot,
        request: SearchRequest,
        query: NDArray[np.float32],
        cache: FilterCache,
        take: TakeBytes,
        work: Work,
    ) -> None:
        assert request.group_by is not None
        self._by: GroupBy = request.group_by
        self._request = replace(request, filter=request.answerable)
        self._snapshot, self._query, self._cache = snapshot, query[None], cache
        self._take, self._work = take, work
        self._found: dict[Key, list[Member]] = {}
        self._saw_all = False
        self.rounds: list[Round] = []

    def groups(self) -> list[FoundGroup]:
        """The groups of the answer, the best first: those after the offset, ``k`` at most."""
        request = self._request
        self._find(request.offset + request.k)
        ordered = sorted(self._found, key=lambda key: self._found[key][0])
        chosen = {key: self._found[key] for key in ordered[request.offset :]}
        self._fill(chosen)
        return [FoundGroup(*group) for group in sorted(chosen.items(), key=lambda group: group[1][0])]

    def explained(self, fetch_ms: float) -> Explain:
        """How all rounds were done; parts and matches are those of the first."""
        each = [one.explained(fetch_ms) for one in self.rounds]
        return Explain(
            each[0].parts,
            each[0].matches,
            sum(one.visited for one in each),
            sum(one.rescanned for one in each),
            True,
            max(one.error_bound for one in each),
            sum(one.plan_ms for one in each),
            sum(one.search_ms for one in each),
            fetch_ms,
        )

    def _find(self, wanted: int) -> None:
        depth = self._request.depth
        hits = self._first_round(depth)
        while True:
            for key, member in hits:
                members = self._found.get(key)
                if members is None:
                    if len(self._found) == wanted:
                        continue
                    self._take(len(key) if isinstance(key, str) else 0)
                    members = self._found[key] = []
                if len(members) < self._by.size:
                    members.append(member)
            if len(self._found) == wanted or self._saw_all:
                return
            depth = min(WIDER * depth, DEPTH_MAX + self._request.left_out)
            hits = self._round(depth, self._found, is_among=False)

    def _fill(self, chosen: dict[Key, list[Member]]) -> None:
        """Gives each group its members; those that were not seen whole are looked for anew."""
        if self._saw_all and len(self.rounds) == 1:
            return
        lacking = {key for key, members in chosen.items() if len(members) < self._by.size}
        while lacking:
            for key in lacking:
                chosen[key].clear()
            wanted = FEWEST_HITS_BETWEEN_FILLS * len(lacking) * self._by.size
            depth = min(max(wanted, HITS_AT_FIRST), DEPTH_MAX) + self._request.left_out
            for key, member in self._round(depth, lacking, is_among=True):
                members = chosen.get(key)
                if members is not None and len(members) < self._by.size:
                    members.append(member)
            if self._saw_all:
                return
            lacking = {key for key in lacking if len(chosen[key]) < self._by.size}

    def _first_round(self, depth: int) -> Iterator[tuple[Key, Member]]:
        request, began = self._request, perf_counter()
        plan = plan_search(
            self._snapshot,
            request.filter,
            self._cache,
            ef=request.ef,
            exact=request.exact,
            work=self._work,
            allowed=request.ids,
        )
        return self._hits(rounds_of(plan, self._query, request, depth, began, work=self._work)[0])

    def _round(self, depth: int, keys: Iterable[Key], *, is_among: bool) -> Iterator[tuple[Key, Member]]:
        """The nearest rows of some groups, or of none of these."""
        request, began = self._request, perf_counter()
        find: Callable[[PartView], MatchingRows] = partial(self._rows, keys=list(keys), is_among=is_among)
        plan = plan_rows(self._snapshot.parts, find, max(request.ef, depth), request.exact)
        return self._hits(rounds_of(plan, self._query, request, depth, began, work=self._work)[0])

    def _rows(self, view: PartView, keys: list[Key], is_among: bool) -> MatchingRows:
        request = self._request
        base = searchable_rows(view, request.filter, self._cache, self._work, request.ids)
        if base.count == 0:
            return base
        inside = rows_having(view, base, self._by, keys, self._cache, self._work)
        if is_among:
            return MatchingRows(inside, count(inside))
        mask = (every_row(view.rows) if base.mask is None else base.mask) & ~inside
        return MatchingRows(mask, count(mask))

    def _hits(self, found: Round) -> Iterator[tuple[Key, Member]]:
        """The hits of a round that count, each with its group."""
        self.rounds.append(found)
        scores = scores_if_wanted(self._request, found.distances, self._snapshot.spec)
        near = near_enough(self._request, found.distances, scores)
        self._saw_all = found.is_whole or near < len(found.ids)
        columns = window(self._request, found.ids, near, 0, near)
        places = found.places(columns)
        values = values_at(self._snapshot.parts, places, self._by.path, self._work)
        members = map(
            Member,
            found.distances[columns].tolist(),
            found.ids[columns].tolist(),
            places.parts.tolist(),
            places.ordinals.tolist(),
        )
        return (
            (key_of(value), member) for value, member in zip(values, members, strict=True) if _is_value(value)
        )


def _is_value(value: Any) -> bool:
    return isinstance(value, str | int | float)
