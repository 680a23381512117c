"""How each part of a snapshot is searched: by a scan or by a walk over its graph, whichever costs less.

A scan measures every match once, in the order of the rows, which is fast. A walk over the graph measures
about ``VISITS_PER_EF · ef`` rows (under a filter up to twice as many), and each of them costs as much as
``WALK_COST`` rows of a scan, because it jumps about in memory. When fewer than ``core.SPARSE_SHARE`` of the
rows match, the native core raises ``ef`` in inverse proportion, so that matches are not missed behind too
many rows that do not match. So the scan is cheaper while, with B = WALK_COST · VISITS_PER_EF · ef,

    matches ≤ B                            or, when matches are sparse,
    matches ≤ B · SPARSE_SHARE · rows / matches,  that is  matches ≤ √(B · SPARSE_SHARE · rows)

The constants were measured on 57,830 × 384 sentence embeddings in one segment, for ef 32, 128 and 512.

A wrong guess costs time, never an answer: a walk that does not find enough ends in a scan, and gives up
once it has measured as much as the scan would have.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import msgspec
from msgspec.structs import replace

from asteroid_cloud.indexer import PartPlan, PartView, Snapshot, TextDefinition, prepared
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.costs import PAYLOAD_BYTE, POSTING, POSTING_SHARE, READING, RECORD
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.knn.diversity import cost_of_choosing
from asteroid_cloud.query.knn.explain import PartChoice
from asteroid_cloud.query.knn.request import SearchRequest
from asteroid_cloud.query.limits import TEXT_WORDS_MAX
from asteroid_cloud.query.selection.allow_list import AllowList, cost_of_allowed
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.filter_cost import cost_of_matching
from asteroid_cloud.query.selection.matching_rows import MatchingRows, searchable_rows
from asteroid_cloud.query.work import UNBOUNDED, Work
from asteroid_cloud.wal.limits import KIB

SCAN_MATCHES_MAX = 2_000
"""Up to so many matches are always scanned, because a walk costs something before it comes near the query."""
VISITS_PER_EF = 14
"""Rows that a walk measures for each unit of ``ef``: 21 at ef 32, 15 at 128, 12 at 512."""
WALK_COST = float(core.WALK_COST)
"""What a row measured on a walk costs, in rows measured by a scan: about 90 ns against 20 to 37."""

PLANS_KEPT = 64
"""Plans of one snapshot, by filter and ``ef``, that are kept for the next search."""
PLAN_BYTES_MAX = 64 * KIB
"""The size of the bitmaps of a plan that is kept: 64 such plans hold at most 4 MiB."""

SCAN, WALK, SKIP = "scan", "walk", "skip"
PlanKind = Literal["scan", "walk", "mixed"]
"""How the parts in which anything matches are searched: all one way, or some each way."""


class Plan(msgspec.Struct, frozen=True):
    """How a search goes about a snapshot."""

    parts: list[PartPlan]
    """The parts in which anything matches."""
    native: core.PartPlans
    """The same, as they are to be searched."""
    choices: list[PartChoice]
    """One for each part of the snapshot, in its order."""
    matches: int
    """Living rows that match, in all parts together."""


def scan_limit(rows: int, ef: int) -> int:
    """The number of matches among ``rows`` up to which a scan is the cheaper way."""
    balance = WALK_COST * VISITS_PER_EF * ef
    return max(SCAN_MATCHES_MAX, int(balance), int(math.sqrt(balance * core.SPARSE_SHARE * rows)))


def plan_search(
    snapshot: Snapshot,
    filter: Filter,
    cache: FilterCache,
    *,
    ef: int,
    exact: bool,
    work: Work = UNBOUNDED,
    allowed: AllowList | None = None,
) -> Plan:
    """Decides for each part; ``ef`` is how many candidates a walk would keep.

    Plans are kept with the snapshot, and with them the bitmaps that they hold.
    """
    key = ("plan", filter.key, ef, exact, None if allowed is None else allowed.key)
    plan = snapshot.memo.get(key)
    if isinstance(plan, Plan):
        return plan
    find = partial(searchable_rows, filter=filter, cache=cache, work=work, allowed=allowed)
    plan = plan_rows(snapshot.parts, find, ef, exact)
    held = sum(part.mask.nbytes for part in plan.parts if part.mask is not None)
    if held <= PLAN_BYTES_MAX:
        if len(snapshot.memo) >= PLANS_KEPT:
            snapshot.memo.clear()
        snapshot.memo[key] = plan
    return plan


def plan_rows(
    parts: tuple[PartView, ...], find: Callable[[PartView], MatchingRows], ef: int, exact: bool
) -> Plan:
    """As ``plan_search``, of the rows that ``find`` gives for each part; nothing is kept."""
    plans: list[PartPlan] = []
    choices: list[PartChoice] = []
    for view in parts:
        found = find(view)
        method, reason = _choose(view, found.count, ef, exact)
        choices.append(PartChoice(view.rows, view.live, found.count, method, reason))
        if method != SKIP:
            plans.append(PartPlan(view, found.mask, found.count, method == SCAN))
    matches = sum(plan.matches for plan in plans)
    return Plan(plans, prepared(plans), choices, matches)


def _choose(view: PartView, matches: int, ef: int, exact: bool) -> tuple[str, str]:
    if matches == 0:
        return SKIP, "nothing matches"
    if exact:
        return SCAN, "exact was asked for"
    if view.part.is_flat:
        return SCAN, "the part has no graph"
    limit = scan_limit(view.rows, ef)
    if matches <= limit:
        return SCAN, f"{matches} matches are at most {limit}"
    return WALK, f"{matches} matches are more than {limit}"


def plan_kind(snapshot: Snapshot, request: SearchRequest, cache: FilterCache) -> PlanKind:
    """How a search is done; a scan where nothing matches."""
    plan = plan_search(
        snapshot, request.filter, cache, ef=request.ef, exact=request.exact, allowed=request.ids
    )
    methods = {choice.method for choice in plan.choices}
    if WALK not in methods:
        return "scan"
    return "mixed" if SCAN in methods else "walk"


def estimate(
    snapshot: Snapshot, request: SearchRequest, cache: FilterCache, *, with_filter: bool = True
) -> float:
    """What a search will cost, as ``costs`` counts; seldom too little.

    ``with_filter`` false leaves out what finding the matches costs.
    """
    if request.text is not None:
        return _estimate_with_words(snapshot, request, cache, with_filter)
    if request.group_by is not None:
        request = replace(request, filter=request.answerable)
    allowed = request.ids
    is_filtered = not request.filter.matches_all or allowed is not None
    rows = 0.0
    for view in snapshot.parts:
        rows += _rows_measured(view, request, is_filtered)
    cost = rows * snapshot.spec.dim
    if allowed is not None:
        cost += sum(cost_of_allowed(view, allowed, request.filter, cache) for view in snapshot.parts)
    elif with_filter and is_filtered:
        cost += sum(cost_of_matching(view, request.filter, cache) for view in snapshot.parts)
    read = request.most_hits
    if request.include_payload and not all(view.part.is_flat for view in snapshot.parts):
        cost += read * READING
    cost += (request.include_payload + request.include_vector) * read * RECORD
    return cost + _cost_beyond_nearness(snapshot, request)


def _cost_beyond_nearness(snapshot: Snapshot, request: SearchRequest) -> float:
    """Of groups the first round, which is the last as a rule; of diverse hits the choice."""
    if request.group_by is not None:
        is_on_disk = not all(view.part.is_flat for view in snapshot.parts)
        return request.depth * (READING if is_on_disk else RECORD)
    if request.diversity is None:
        return 0
    candidates = min(request.candidates, snapshot.live)
    choosing = cost_of_choosing(min(request.k, candidates), candidates, snapshot.spec.dim)
    return candidates * RECORD + choosing


def _estimate_with_words(
    snapshot: Snapshot, request: SearchRequest, cache: FilterCache, with_filter: bool
) -> float:
    """As ``estimate``, of a search that has words: each may be in each row of the index, and rarely is."""
    assert request.text is not None, "it was asked before"
    words = min(TEXT_WORDS_MAX, 1 + request.text.query.count(" "))
    cost = sum(view.rows for view in snapshot.parts) * words * POSTING_SHARE * POSTING
    if snapshot.text is not None:
        cost += sum(_bytes_to_index(view, snapshot.text) for view in snapshot.parts) * PAYLOAD_BYTE
    if request.has_vector:
        by_vector = replace(request, text=None, fusion=None)
        return cost + estimate(snapshot, by_vector, cache, with_filter=with_filter)
    if with_filter and not (request.filter.matches_all and request.ids is None):
        cost += sum(cost_of_matching(view, request.filter, cache) for view in snapshot.parts)
    if request.include_payload and not all(view.part.is_flat for view in snapshot.parts):
        cost += request.depth * READING
    return cost + (request.include_payload + request.include_vector) * request.depth * RECORD


def _bytes_to_index(view: PartView, text: TextDefinition) -> float:
    """Of the tail's payloads, those that no search by words has met."""
    if not view.part.is_flat:
        return 0.0
    return view.part.payload_bytes * max(0, view.rows - view.part.text_rows(text)) / view.rows


def _rows_measured(view: PartView, request: SearchRequest, is_filtered: bool) -> float:
    """About as many rows of a part as a search measures; those of a walk count as what they cost."""
    rows = _rows_of_all(view, request, is_filtered)
    return rows if request.ids is None else min(rows, len(request.ids))


def _rows_of_all(view: PartView, request: SearchRequest, is_filtered: bool) -> float:
    if request.exact or view.part.is_flat:
        return view.rows
    if is_filtered:  # few matches are scanned, and a walk among many is planned to cost no more than that
        return min(view.live, scan_limit(view.rows, request.ef))
    return min(view.rows, VISITS_PER_EF * request.ef) * WALK_COST
