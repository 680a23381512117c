"""A filter, parsed and ready to use: the one type that the rest of the package passes around."""

from __future__ import annotations

import marshal
from functools import cached_property
from hashlib import blake2b

import msgspec

from asteroid_cloud.query.costs import ELEMENT_BYTE, NODE, PAYLOAD_BYTE, SCANNED_BYTE
from asteroid_cloud.query.filters.parsed import ParsedFilters
from asteroid_cloud.query.filters.parser import tree_from_bytes, tree_from_object
from asteroid_cloud.query.filters.payload_matcher import Matcher, matcher
from asteroid_cloud.query.filters.tree import (
    EVERYTHING,
    Among,
    ContainsAll,
    ContainsAny,
    Node,
    Scan,
    canonical,
    paths_of,
    root_names,
    tests_of,
)
from asteroid_cloud.query.limits import PARSED_FILTERS_BYTES_MAX
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import KIB

PARSED_KEPT = 256
"""Filters recur: a service sends the same few again and again."""
KEY_BYTES_MAX = 48 * KIB
"""A longer canonical form is its own digest; version 0.1 took no filters with longer ones."""
SHOWN_BYTES_MAX = 200
"""What an error shows of a filter."""
PACKED_VERSION = 2
"""The last one without references, which would make two packings of one filter differ."""


class Filter:
    """A predicate over payloads; filters of the same canonical form are equal."""

    def __init__(self, root: Node) -> None:
        self.root = root
        form = canonical(root)
        self._shown = form[: SHOWN_BYTES_MAX + 1]
        self.key = form if len(form) <= KEY_BYTES_MAX else b"#" + blake2b(form, digest_size=32).digest()

    @property
    def matches_all(self) -> bool:
        """Whether it is ``{}`` or means the same."""
        return self.root == EVERYTHING

    @cached_property
    def roots(self) -> frozenset[str]:
        """The top-level payload fields that it looks at."""
        return root_names(self.root)

    @cached_property
    def matches(self) -> Matcher:
        """Says of a decoded payload whether it matches; the fields in ``roots`` suffice."""
        return matcher(self.root)

    @cached_property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """The paths that it looks at."""
        return paths_of(self.root)

    @cached_property
    def nodes(self) -> int:
        """How many tests of values it has."""
        return sum(1 for _ in tests_of(self.root))

    @cached_property
    def values(self) -> int:
        """How many values its lists have, together."""
        lists = (
            test.literals
            for test in tests_of(self.root)
            if isinstance(test, Among | ContainsAny | ContainsAll)
        )
        return sum(map(len, lists))

    @cached_property
    def _byte_cost(self) -> int:
        reads_elements = any(isinstance(test, ContainsAny | ContainsAll) for test in tests_of(self.root))
        scans = sum(isinstance(test, Scan) for test in tests_of(self.root))
        return PAYLOAD_BYTE + reads_elements * ELEMENT_BYTE + scans * SCANNED_BYTE

    def cost_of(self, payloads: int, size: int) -> int:
        """What it costs to decide on payloads that have ``size`` bytes together, as ``costs`` counts."""
        return payloads * max(1, self.nodes) * NODE + size * self._byte_cost

    @property
    def shown(self) -> str:
        """As errors name it."""
        text = self._shown.decode("utf-8", "ignore")
        return text if len(self._shown) <= SHOWN_BYTES_MAX else text[:SHOWN_BYTES_MAX] + "…"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Filter({self.shown})"


MATCH_ALL = Filter(EVERYTHING)
"""The filter ``{}``."""


def parse_filter(source: object) -> Filter:
    """The filter that JSON text (bytes or msgspec.Raw) or Python dicts and lists describe.

    Raises InvalidRequest ``bad_filter``, which names the place, on anything malformed; nothing else.
    """
    if isinstance(source, bytes | bytearray | memoryview | msgspec.Raw):
        return _parsed(bytes(source))
    try:
        # Unlike JSON or repr, marshal gives different values different bytes, and accepts plain values only.
        return _unpacked(marshal.dumps(source, PACKED_VERSION))  # type: ignore[arg-type]  # or it says so
    except (ValueError, InvalidRequest):  # of numpy's values marshal makes bytes, which are no JSON
        return Filter(tree_from_object(source))


_unpacked = ParsedFilters(
    lambda packed: Filter(tree_from_object(marshal.loads(packed))), PARSED_KEPT, PARSED_FILTERS_BYTES_MAX
)
_parsed = ParsedFilters(lambda raw: Filter(tree_from_bytes(raw)), PARSED_KEPT, PARSED_FILTERS_BYTES_MAX)
