"""The costly requests are allowed ones: else the driver would measure refusals."""

from __future__ import annotations

import json
import random

from asteroid_cloud.query import parse_filter
from asteroid_cloud.query.limits import FILTER_BYTES_MAX
from ops.costly import BRANCHES, costly_filter


def test_the_filters_are_allowed_differ_and_match_nothing() -> None:
    draw = random.Random(1)
    filters = [costly_filter(draw) for _ in range(3)]
    assert all(4_000 < len(json.dumps(each)) <= FILTER_BYTES_MAX for each in filters)
    parsed = [parse_filter(each) for each in filters]
    assert len({each.key for each in parsed}) == 3
    assert [each.nodes for each in parsed] == [BRANCHES] * 3
    assert not any(each.matches({"list": list(range(100))}) for each in parsed)
