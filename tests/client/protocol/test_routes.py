"""What each call sends, and how answers are read, without a server."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from asteroid_cloud.client import InvalidRequest, Search
from asteroid_cloud.client.protocol import routes, searches
from asteroid_cloud.client.protocol.answers import recovery_of
from asteroid_cloud.client.protocol.calls import Call, Reply

ALL = Search(
    np.zeros(2),
    5,
    64,
    {"kind": "b"},
    include=["payload", "vector"],
    exact=True,
    offset=1,
    max_distance=3.0,
    explain=True,
)
EVERYTHING = {
    "vector": [0.0, 0.0],
    "k": 5,
    "ef_search": 64,
    "filter": {"kind": "b"},
    "include": ["payload", "vector"],
    "exact": True,
    "offset": 1,
    "max_distance": 3.0,
    "explain": True,
}
CASES: list[tuple[Call[Any], str, str, Any]] = [
    (routes.create_index(3, "cosine", None), "PUT", "/v1/index", {"dim": 3, "metric": "cosine"}),
    (routes.insert(7, [1, 2], {}), "POST", "/v1/vectors", {"id": 7, "vector": [1.0, 2.0], "metadata": {}}),
    (routes.upsert(7, [1], None), "PUT", "/v1/vectors/7", {"vector": [1.0]}),
    (searches.search(Search([0.9, 0], 2), None), "POST", "/v1/search", {"vector": [0.9, 0.0], "k": 2}),
    (searches.search(ALL, 4), "POST", "/v1/search", EVERYTHING),
    (
        searches.search_batch([Search(id=2, k=2), [5, 0]], Search(k=1, filter={"kind": "a"}), None),
        "POST",
        "/v1/search/batch",
        {"searches": [{"id": 2, "k": 2}, {"vector": [5.0, 0.0], "k": 1, "filter": {"kind": "a"}}]},
    ),
    (routes.fetch([1, 2], None, None), "POST", "/v1/vectors/fetch", {"ids": [1, 2]}),
    (
        routes.merge_many({"seen": True}, None, {"kind": "a"}),
        "POST",
        "/v1/vectors/patch",
        {"patch": {"seen": True}, "filter": {"kind": "a"}},
    ),
    (routes.recall(5, 3, None, None, 1), "POST", "/v1/recall", {"num": 5, "k": 3}),
    (routes.recall(5, 3, 9, {}, 0), "POST", "/v1/recall", {"num": 5, "k": 3, "ef_search": 9, "filter": {}}),
    (
        routes.facets("kind", None, 1, 0, "count", None, None),
        "POST",
        "/v1/facets",
        {"field": "kind", "limit": 1},
    ),
    (routes.field_range("a", {"b": 1}, None), "POST", "/v1/range", {"field": "a", "filter": {"b": 1}}),
    (routes.scroll(None, 9, None, None, "x"), "POST", "/v1/vectors/scroll", {"limit": 9, "cursor": "x"}),
    (routes.untag("x y/z"), "DELETE", "/v1/tags/x%20y%2Fz", None),
]


@pytest.mark.parametrize(("call", "method", "path", "body"), CASES, ids=[case[2] for case in CASES])
def test_a_call_sends_its_fields_and_no_defaults(call: Call[Any], method: str, path: str, body: Any) -> None:
    assert (call.method, call.path) == (method, path)
    if body is None:
        assert call.body is None
    else:
        assert isinstance(call.body, bytes)
        assert msgspec.json.decode(call.body) == body


def test_headers_say_what_to_wait_for_and_what_to_depend_on() -> None:
    assert searches.search(ALL, 4).headers["X-Asteroid-Min-LSN"] == "4"
    assert "X-Asteroid-Min-LSN" not in searches.search(ALL, None).headers
    assert routes.matching(5) == {"If-Match": '"5"'}
    assert routes.matching(None, True) == {"If-None-Match": "*"}
    assert routes.matching(None) == {}
    wrong: list[tuple[Any, bool]] = [(5, True), (-1, False), (True, False)]
    for if_match, if_absent in wrong:
        with pytest.raises(InvalidRequest) as caught:
            routes.matching(if_match, if_absent)
        assert caught.value.code == "bad_if_match"


def test_a_recovery_with_losses_is_read_whole() -> None:
    answer: dict[str, Any] = dict.fromkeys(("cut_from", "cut_offset", "cut_reason", "kept_as"))
    answer |= dict.fromkeys(("checkpoint_lsn", "segments", "segment_rows", "log_first_lsn"), 4)
    answer |= {"durable_lsn": 9, "records_replayed": 5, "bytes_cut": 0, "checking_s": 0.5, "replaying_s": 1}
    segment: dict[str, Any] = {"segment": 2, "rows": 7, "lsn": 4, "least_id": 1, "greatest_id": 2**64 - 1}
    segment |= {"reason": "a flip", "kept": [], "time_ms": 5}
    records: dict[str, Any] = {"first_lsn": 6, "last_lsn": None, "kept": ["6.wal.0.broken"], "time_ms": 5}
    answer |= {"losses": {"segments": [segment], "records": [records]}, "of_a_newer_server": True}
    answer |= {"mode": "salvage", "mended": ["one thing"]}
    found = recovery_of(Reply(200, {"X-Asteroid-LSN": "9"}, msgspec.json.encode(answer)))
    assert (found.mode, found.mended, found.records_replayed, found.lsn) == ("salvage", ["one thing"], 5, 9)
    assert (found.losses.segments[0].rows, found.losses.segments[0].greatest_id) == (7, 2**64 - 1)
    assert (found.losses.records[0].first_lsn, found.losses.records[0].last_lsn) == (6, None)
    assert found.losses.acknowledged_ms is None
