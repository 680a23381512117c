"""Finds the route of a request by its method and its path as it was sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from asteroid_cloud.api.routing.paths import decoded, plain_bytes
from asteroid_cloud.api.routing.route import ALIAS, COLLECTION, PARAMETER, Route

KNOWN_MAX, KNOWN_PATH_BYTES_MAX = 1024, 160
"""So many paths of so many bytes are remembered that have a collection's name in them and nothing else."""


@dataclass(frozen=True, slots=True)
class Match:
    """A route, and what its parameters are in one path, still encoded."""

    route: Route
    framework_path: str
    names: tuple[str, ...] = ()
    values: tuple[bytes, ...] = ()
    is_word: bool = False
    """Whether a value is, as it was sent, a word of the table for another method."""

    def parameters(self) -> dict[str, str]:
        """The parameters by name, decoded; raises InvalidRequest that says which is not right."""
        return dict(zip(self.names, map(decoded, self.names, self.values), strict=True))

    def collection(self) -> str | None:
        """The collection or alias in the path; None where the path names none. Raises as ``parameters``."""
        if not self.names or self.names[0] not in (COLLECTION, ALIAS):
            return None
        return decoded(self.names[0], self.values[0])


@dataclass(slots=True)
class Node:
    """What may stand at one place of a path, and the routes that end there, by method."""

    words: dict[bytes, Node] = field(default_factory=dict)
    parameter: Node | None = None
    ends: dict[str, Match] = field(default_factory=dict)


class Matcher:
    """All routes of a server. A word of the table counts before a parameter in the same place."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = Node()
        self._plain: dict[tuple[str, bytes], Match] = {}
        """Those without a parameter, which are found without a look at the path's parts."""
        self._known: dict[tuple[str, bytes], Match] = {}
        """The latest of those with the name of a collection alone: what is asked has one of a few names."""
        for route in routes:
            self._add(route)

    def find(self, method: str, raw_path: bytes) -> Match | None:
        """The route; None when there is none. HEAD is answered wherever GET is."""
        if method == "HEAD":
            method = "GET"
        asked = method, raw_path
        known = self._plain.get(asked) or self._known.get(asked)
        if known is not None:
            return known
        first, *segments = raw_path.split(b"/")
        found = None if first else _found(self._root, method, segments, 0, (), False)
        if found is not None and found.names == (COLLECTION,) and len(raw_path) <= KNOWN_PATH_BYTES_MAX:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[asked] = found
        return found

    def _add(self, route: Route) -> None:
        match, node = Match(route, route.framework_path, route.parameters), self._root
        for segment in route.path.split("/")[1:]:
            if PARAMETER.fullmatch(segment):
                node.parameter = node.parameter or Node()
                node = node.parameter
            else:
                node = node.words.setdefault(segment.encode(), Node())
        assert route.method not in node.ends, f"{route.method} {route.path} stands twice in the table"
        node.ends[route.method] = match
        if not match.names:
            self._plain[route.method, route.path.encode()] = match


def _found(
    node: Node, method: str, segments: list[bytes], at: int, values: tuple[bytes, ...], is_word: bool
) -> Match | None:
    if at == len(segments):
        end = node.ends.get(method)
        if end is None or not values:
            return end
        return Match(end.route, end.framework_path, end.names, values, is_word)
    segment = segments[at]
    word = node.words.get(plain_bytes(segment))
    if word is not None and (match := _found(word, method, segments, at + 1, values, is_word)):
        return match
    if node.parameter is None or not segment:
        return None
    return _found(
        node.parameter, method, segments, at + 1, (*values, segment), is_word or segment in node.words
    )
