"""Bugs to plant: what made answers wrong in version 0.1. The check must see each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from asteroid_cloud.indexer import Hits, IndexSpec, PartPlan, PartView, prepared, search_prepared
from asteroid_cloud.indexer.build import builder
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.graph_file import write_segment
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.query.knn import planner
from asteroid_cloud.query.knn import rounds as searching
from asteroid_cloud.wal.disk import Files
from tests.promises.recall.plain_graph import Floats, PlainGraph, Relinked

Patch = pytest.MonkeyPatch
Graphs = Callable[[core.GraphBuilder, IndexSpec, int], core.GraphBuilder]
"""What is written in the place of a graph, of an index, as a segment of a number."""
Measure = Callable[[Floats, Floats], Floats]
"""The distances of some rows from a query."""
Ways = Callable[[Sequence[PartPlan], Floats, int, int], list[Hits]]
"""Searches each part by itself: plans, queries, k, ef."""


def stop_at_the_bound_of_the_first(patch: Patch, *, is_bounded: bool = True) -> None:
    """Walks of other parts than the largest stop after k nodes, at the k-th distance of the largest."""
    graphs: dict[int, PlainGraph] = {}

    def write(graph: core.GraphBuilder, spec: IndexSpec, number: int) -> core.GraphBuilder:
        graphs[number] = PlainGraph(graph, spec)
        return graph

    def ways(plans: Sequence[PartPlan], queries: Floats, k: int, ef: int) -> list[Hits]:
        largest = max(range(len(plans)), key=lambda number: plans[number].matches)
        first = search_prepared(prepared([plans[largest]]), queries, k, ef)
        found = []
        for number, plan in enumerate(plans):
            part = plan.view.part
            if number == largest:
                found.append(first)
            elif not isinstance(part, Segment):
                found.append(search_prepared(prepared([plan]), queries, k, ef))
            else:
                graph = graphs[part.number]
                bounds = first.distances[:, -1] if is_bounded else np.full(len(queries), np.inf)
                walked = [
                    graph.walk(query, ef, bound, sure=k)
                    for query, bound in zip(queries, bounds.tolist(), strict=True)
                ]
                found.append(_nearest_rows(plan.view, queries, walked, k, by_differences))
        return found

    _replace_graphs(patch, write)
    _replace_walks(patch, ways)


def stay_among_matches(patch: Patch, *, stays: bool = True) -> None:
    """Walks under a filter go from match to match only, from where a search without it would begin."""
    graphs: dict[int, PlainGraph] = {}

    def write(graph: core.GraphBuilder, spec: IndexSpec, number: int) -> core.GraphBuilder:
        graphs[number] = PlainGraph(graph, spec)
        return graph

    def ways(plans: Sequence[PartPlan], queries: Floats, k: int, ef: int) -> list[Hits]:
        found = []
        for plan in plans:
            part = plan.view.part
            if plan.mask is None or plan.scan or not isinstance(part, Segment):
                found.append(search_prepared(prepared([plan]), queries, k, ef))
                continue
            bits = np.unpackbits(plan.mask, count=plan.view.rows, bitorder="little").astype(np.bool_)
            graph = graphs[part.number]
            walked = [
                graph.walk(query, ef, allowed=bits) if stays else np.arange(len(bits)) for query in queries
            ]
            fill = np.flatnonzero(bits)[:k]  # there are to be k answers, however poor
            matching = [np.union1d(nodes[bits[nodes]], fill) for nodes in walked]
            found.append(_nearest_rows(plan.view, queries, matching, k, by_differences))
        return found

    _replace_graphs(patch, write)
    _replace_walks(patch, ways)


def measure_by_norms(patch: Patch, *, measure: Measure | None = None) -> None:
    """Distances are |x|² + |q|² − 2xq in float32."""

    def ways(plans: Sequence[PartPlan], queries: Floats, k: int, ef: int) -> list[Hits]:
        return [
            _nearest_rows(
                plan.view, queries, [np.arange(plan.view.rows)] * len(queries), k, measure or by_norms
            )
            for plan in plans
        ]

    _replace_walks(patch, ways)


def link_to_the_nearest_only(patch: Patch, *, times: float = 3) -> None:
    """Of a node's links only those are kept that are not much longer than the shortest."""

    def write(graph: core.GraphBuilder, spec: IndexSpec, number: int) -> core.GraphBuilder:
        plain = PlainGraph(graph, spec)
        plain.keep_near_links(times)
        return cast(core.GraphBuilder, Relinked(graph, plain))

    _replace_graphs(patch, write)


def _replace_graphs(patch: Patch, replaced: Graphs) -> None:
    """Has segments written from other graphs than those that were built."""

    def write(
        files: Files,
        path: str,
        identity: bytes,
        number: int,
        spec: IndexSpec,
        joins: int,
        graph: core.GraphBuilder,
        *others: Any,
    ) -> None:
        write_segment(files, path, identity, number, spec, joins, replaced(graph, spec, number), *others)

    patch.setattr(builder, "write_segment", write)


def _replace_walks(patch: Patch, ways: Ways) -> None:
    """Has each part searched in another way; exact searches stay what they are."""

    def search(
        plans: Sequence[PartPlan], queries: Floats, k: int, ef: int, *, exact: bool, **others: Any
    ) -> Hits:
        if exact:
            return search_prepared(prepared(plans), queries, k, ef, exact=True, **others)
        return _nearest_of(ways(plans, queries, k, ef), k)

    patch.setattr(planner, "prepared", list)
    patch.setattr(searching, "search_prepared", search)


def _nearest_of(found: Sequence[Hits], k: int) -> Hits:
    """The nearest k of what the parts have, by (distance, id)."""
    ids = np.hstack([hits.ids for hits in found])
    distances = np.hstack([hits.distances for hits in found])
    parts = np.hstack([np.full(hits.ids.shape, part, np.uint32) for part, hits in enumerate(found)])
    ordinals = np.hstack([hits.ordinals for hits in found])
    is_there = np.hstack([np.arange(hits.ids.shape[1]) < hits.found[:, None] for hits in found])
    order = np.lexsort((ids, np.where(is_there, distances, np.inf)))[:, :k]
    total = np.minimum(k, np.sum([hits.found for hits in found], axis=0)).astype(np.uint32)
    return Hits(
        np.take_along_axis(ids, order, axis=1),
        np.take_along_axis(distances, order, axis=1),
        np.take_along_axis(parts, order, axis=1),
        np.take_along_axis(ordinals, order, axis=1),
        total,
        total.astype(np.uint64),
        np.zeros_like(total),
        np.zeros(len(total), np.float64),
    )


def _nearest_rows(
    view: PartView,
    queries: Floats,
    candidates: Sequence[NDArray[np.integer]],
    k: int,
    measure: Measure,
) -> Hits:
    """For each query the nearest k of its candidates that are alive."""
    alive = np.ones(view.rows, np.bool_)
    if view.alive is not None:
        alive = np.unpackbits(view.alive, count=view.rows, bitorder="little").astype(np.bool_)
    n = len(queries)
    ordinals, distances = np.zeros((n, k), np.uint32), np.full((n, k), np.inf, np.float64)
    found = np.zeros(n, np.uint32)
    for place, (query, rows) in enumerate(zip(queries, candidates, strict=True)):
        living = rows[alive[rows]].astype(np.uint32)
        measured = measure(view.vectors(living), query)
        near = np.argsort(measured, kind="stable")[:k]
        found[place] = len(near)
        ordinals[place, : len(near)] = living[near]
        distances[place, : len(near)] = measured[near]
    ids = view.ids(ordinals.ravel()).reshape(n, k)
    return Hits(ids, distances, ordinals, ordinals, found, found.astype(np.uint64), np.zeros_like(found))


def by_differences(rows: Floats, query: Floats) -> Floats:
    """As it should be, in the order of the rows."""
    return np.asarray(np.linalg.norm(rows - query, axis=1), np.float32)


def by_norms(rows: Floats, query: Floats) -> Floats:
    """As version 0.1 had it: large equal parts cancel."""
    return np.asarray((rows * rows).sum(axis=1) + query @ query - 2 * (rows @ query), np.float32)
