"""A finished graph as plain arrays: links that a test may change, and a walk that it may stop."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import IndexSpec
from asteroid_cloud.indexer.native import core

Floats = NDArray[np.float32]
Nodes = NDArray[np.uint32]
Flags = NDArray[np.bool_]


class PlainGraph:
    """Vectors by their first bytes, the links of the ground level, and how many nodes a walk begins with."""

    def __init__(self, graph: core.GraphBuilder, spec: IndexSpec) -> None:
        nodes = graph.nodes(0, graph.rows)
        self.place = slice(spec.record_bytes, spec.record_bytes + 4 * (1 + 2 * graph.links_max))
        self.lists: Nodes = nodes[:, self.place].copy().view(np.uint32)
        """Of each node: how many links it has, then these."""
        offset, scale = nodes[:, :8].copy().view(np.float32).T
        codes = nodes[:, core.RECORD_HEADER_BYTES :][:, : spec.dim].astype(np.float32)
        self.vectors: Floats = np.asarray(offset[:, None] + scale[:, None] * codes, np.float32)
        levels = graph.upper()
        self.tops = levels[-1][0] if levels else graph.rows

    def links(self, node: int) -> Nodes:
        """The neighbours of a node."""
        return self.lists[node, 1 : 1 + self.lists[node, 0]]

    def keep_near_links(self, times: float) -> None:
        """Drops the links that are more than so many times as long as the shortest of their node."""
        for node in range(len(self.lists)):
            links = self.links(node).copy()
            lengths = np.linalg.norm(self.vectors[links] - self.vectors[node], axis=1)
            near = links[lengths <= times * lengths.min(initial=np.inf)]
            self.lists[node] = 0
            self.lists[node, : 1 + len(near)] = [len(near), *near]

    def walk(
        self, query: Floats, ef: int, bound: float = np.inf, sure: int = 0, allowed: Flags | None = None
    ) -> Nodes:
        """The nodes that a best-first walk measures. It stops beyond ``bound`` after ``sure`` expansions.

        But for where it begins, it goes over nodes that are ``allowed`` only.
        """
        tops = np.arange(self.tops)
        lengths = np.linalg.norm(self.vectors[tops] - query, axis=1)
        start = int(lengths.argmin())
        seen = {start}
        frontier = [(float(lengths[start]), start)]
        nearest = [-frontier[0][0]]
        expanded = 0
        while frontier:
            distance, node = heapq.heappop(frontier)
            if (len(nearest) == ef and distance > -nearest[0]) or (expanded >= sure and distance > bound):
                break
            expanded += 1
            links = self.links(node)
            if allowed is not None:
                links = links[allowed[links]]
            fresh = [link for link in links.tolist() if link not in seen]
            seen.update(fresh)
            for link, length in zip(fresh, self._lengths(query, fresh), strict=True):
                heapq.heappush(frontier, (length, link))
                heapq.heappush(nearest, -length)
                if len(nearest) > ef:
                    heapq.heappop(nearest)
        return np.fromiter(seen, np.uint32)

    def _lengths(self, query: Floats, nodes: list[int]) -> list[float]:
        found: list[float] = np.linalg.norm(self.vectors[nodes] - query, axis=1).tolist()
        return found


class Relinked:
    """A finished graph whose nodes are written with other links."""

    def __init__(self, graph: Any, plain: PlainGraph) -> None:
        self._graph = graph
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graph, name)

    def nodes(self, first: int, n: int) -> NDArray[np.uint8]:
        """Nodes as a file has them."""
        nodes: NDArray[np.uint8] = self._graph.nodes(first, n)
        nodes[:, self._plain.place] = self._plain.lists[first : first + n].view(np.uint8)
        return nodes
