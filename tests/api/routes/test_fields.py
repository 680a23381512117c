"""The routes about payload fields, and the embedded calls that say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asteroid_cloud.api import Store, open_blocking
from asteroid_cloud.client import F
from asteroid_cloud.wal.errors import InvalidRequest
from tests.support.asking import ZEROS, Http

pytestmark = pytest.mark.anyio

ITEMS: list[tuple[int, list[float], dict[str, Any]]] = [
    (1, ZEROS, {"lang": "en", "year": 2024, "tags": ["a", "b"]}),
    (2, ZEROS, {"lang": "de", "year": 2025.5, "tags": ["b", "b"]}),
    (3, ZEROS, {"lang": "en", "year": "unknown", "tags": []}),
    (4, ZEROS, {"lang": None, "deep": {"er": True}}),
    (5, ZEROS, {}),
]


async def test_facets_count_each_value(http: Http, store: Store) -> None:
    await store.insert_batch(ITEMS)
    told = await http.send("POST", "/v1/facets", {"field": "lang"}, status=200)
    values = [{"value": "en", "count": 2}, {"value": None, "count": 1}, {"value": "de", "count": 1}]
    assert told == {
        "values": values,
        "distinct": 3,
        "rows": 5,
        "rows_with_field": 4,
        "rows_without_field": 1,
    }
    body = {"field": "tags", "filter": {"year": {"$lt": 2026}}, "limit": 1}
    told = await http.send("POST", "/v1/facets", body, status=200)
    assert (told["values"], told["distinct"], told["rows"]) == ([{"value": "b", "count": 2}], 2, 2)
    told = await http.send("POST", "/v1/facets", {"field": "deep.er"}, status=200)
    assert (told["values"], told["rows_with_field"]) == ([{"value": True, "count": 1}], 1)


async def test_a_path_reaches_every_key(http: Http, store: Store) -> None:
    await store.insert_batch(
        [(1, ZEROS, {"size.cm": 12, "$unit": {"a\\b": "cm"}}), (2, ZEROS, {"size": {"cm": 3}})]
    )
    for path, rows in [(r"size\.cm", 1), (r"size.cm", 1), (r"\$unit.a\\b", 1), (r"\$unit\.a", 0)]:
        told = await http.send("POST", "/v1/facets", {"field": path}, status=200)
        assert (told["distinct"], told["rows_with_field"]) == (rows, rows), path
        told = await http.send("POST", "/v1/count", {"filter": {path: {"$exists": True}}}, status=200)
        assert told["count"] == rows, path
        assert (await store.field_range(path)).rows_with_field == rows
    told = await http.refused("POST", "/v1/count", {"filter": {"x\\": 1}}, status=400, code="bad_filter")
    assert told["at"] == '$["x\\\\"]'
    assert "at character 1" in told["error"]


async def test_dates_are_moments(http: Http, store: Store) -> None:
    times = ["2026-01-01", "2026-01-01T00:00:00", "2026-01-01T02:00:00+02:00"]
    times += ["2026-01-01T00:00:00.5", "2026-01"]
    await store.insert_batch([(number, ZEROS, {"at": each}) for number, each in enumerate(times)])
    for operator, bound, rows in [
        ("$at", "2026-01-01", 3),
        ("$at", "2025-12-31T23:00:00-01:00", 3),
        ("$after", "2026-01-01", 1),
        ("$on_or_before", "2026-01-01T00:00:00", 3),
        ("$before", "2026-01-02", 4),
    ]:
        condition = {"at": {operator: bound}}
        told = await http.send("POST", "/v1/count", {"filter": condition}, status=200)
        assert told["count"] == await store.count(condition) == rows, condition
    for bound in ("2026-01", "2026-01-01 00:00:00", "2026-02-29", 20260101):
        body = {"filter": {"at": {"$at": bound}}}
        told = await http.refused("POST", "/v1/count", body, status=400, code="bad_filter")
        assert told["at"] == "$.at.$at"


async def test_a_range_tells_numbers_from_strings(http: Http, store: Store) -> None:
    await store.insert_batch(ITEMS)
    told = await http.send("POST", "/v1/range", {"field": "year"}, status=200)
    assert told == {
        "numbers": {"rows": 2, "min": 2024, "max": 2025.5},
        "strings": {"rows": 1, "min": "unknown", "max": "unknown"},
        "rows": 5,
        "rows_with_field": 3,
        "rows_without_field": 2,
    }
    body = {"field": "year", "filter": {"lang": "fr"}}
    told = await http.send("POST", "/v1/range", body, status=200)
    assert (told["numbers"], told["strings"], told["rows"]) == (None, None, 0)


@pytest.mark.parametrize("path", ["/v1/facets", "/v1/range"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_field"),
        ({"field": 1}, "bad_field"),
        ({"field": ""}, "bad_field"),
        ({"field": "$a"}, "bad_field"),
        ({"field": "x" * 1_025}, "bad_field"),
        ({"field": "a\\b"}, "bad_field"),
        ({"field": "a", "filter": {"a\\": 1}}, "bad_filter"),
        ({"field": "a", "filter": {"a": {"$no": 1}}}, "bad_filter"),
        ({"field": "a", "filter": None}, "bad_filter"),
        ({"field": "a", "fields": []}, "unknown_field"),
        ({"field": "a", "min_lsn": -1}, "bad_min_lsn"),
        (b'{"field":"\\ud800"}', "bad_json"),
        (b"[", "bad_json"),
    ],
)
async def test_a_bad_body_is_refused(http: Http, path: str, body: object, code: str) -> None:
    await http.refused("POST", path, body, status=400, code=code)


@pytest.mark.parametrize("limit", [0, 1_001, 1.0, "1", True, None])
async def test_a_bad_limit_is_refused(http: Http, limit: object) -> None:
    await http.refused("POST", "/v1/facets", {"field": "a", "limit": limit}, status=400, code="bad_limit")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("offset", [-1, 100_001, 1.0, "1", True, None]),
        ("order", ["", "values", 1, None, ["count"]]),
        ("contains", [1, True, ["a"], "x" * 1_025]),
    ],
)
async def test_a_bad_listing_is_refused(http: Http, field: str, values: list[object]) -> None:
    for value in values:
        await http.refused(
            "POST", "/v1/facets", {"field": "a", field: value}, status=400, code=f"bad_{field}"
        )


async def test_facets_go_on_by_value_and_by_what_they_contain(http: Http, store: Store) -> None:
    await store.insert_batch(
        [(number, ZEROS, {"a": each}) for number, each in enumerate(["b", "ab", 2, "b", 1.0, "c"])]
    )
    for asked, values in [
        ({}, ["b", 1, 2, "ab", "c"]),
        ({"offset": 1, "limit": 2}, [1, 2]),
        ({"order": "value", "offset": 1}, [2, "ab", "b", "c"]),
        ({"contains": "b"}, ["b", "ab"]),
        ({"contains": "b", "order": "value", "offset": 1}, ["b"]),
        ({"offset": 5}, []),
    ]:
        told = await http.send("POST", "/v1/facets", {"field": "a", **asked}, status=200)
        assert [each["value"] for each in told["values"]] == values, asked
        assert [each.value for each in (await store.facets("a", **asked)).values] == values, asked
        assert told["rows_with_field"] == 6


async def test_a_scroll_goes_by_a_field(http: Http, store: Store) -> None:
    values = [3, "b", True, None, 1.5, "a", [1], False, 3]
    await store.insert_batch([(number, ZEROS, {"a": {"x.y": each}}) for number, each in enumerate(values)])
    for direction, ids in [("asc", [4, 0, 8, 5, 1, 7, 2, 3, 6]), ("desc", [2, 7, 1, 5, 0, 8, 4, 3, 6])]:
        order = {"field": r"a.x\.y", "direction": direction}
        body: dict[str, Any] = {"order_by": order, "limit": 2, "include": ["payload"]}
        found, pages = [], 0
        while pages == 0 or body["cursor"] is not None:
            told = await http.send("POST", "/v1/vectors/scroll", body, status=200)
            found += [row["id"] for row in told["vectors"]]
            body["cursor"], pages = told["cursor"], pages + 1
            assert all(row["payload"]["a"]["x.y"] == values[row["id"]] for row in told["vectors"])
        assert (found, pages) == (ids, 5)
        assert [row.id async for row in store.scroll(order_by=order, page_size=2)] == ids
    first = {"order_by": {"field": "a"}, "limit": 1}
    cursor = (await http.send("POST", "/v1/vectors/scroll", first, status=200))["cursor"]
    for other in ({}, {"order_by": {"field": "b"}}, {"order_by": {"field": "a", "direction": "desc"}}):
        body = {**other, "cursor": cursor}
        await http.refused("POST", "/v1/vectors/scroll", body, status=400, code="bad_cursor")
    for bad in ("a", {}, {"field": "$a"}, {"field": "a", "direction": 1}, {"field": "a", "dir": "asc"}):
        body = {"order_by": bad}
        await http.refused("POST", "/v1/vectors/scroll", body, status=400, code="bad_order_by")


async def test_the_fields_there_are(http: Http, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await http.send("GET", "/v1/fields", None, status=200) == {"fields": []}
    await store.insert_batch(ITEMS)
    await store.set_payload(5, {"lang": True, "size.cm": {"$x": [{"no": 1}]}})
    expected = [
        {"path": "deep", "kinds": ["object"], "count": 1},
        {"path": "deep.er", "kinds": ["boolean"], "count": 1},
        {"path": "lang", "kinds": ["null", "boolean", "string"], "count": 5},
        {"path": r"size\.cm", "kinds": ["object"], "count": 1},
        {"path": r"size\.cm.$x", "kinds": ["array"], "count": 1},
        {"path": "tags", "kinds": ["array"], "count": 3},
        {"path": "year", "kinds": ["number", "string"], "count": 3},
    ]
    assert await http.send("GET", "/v1/fields", None, status=200) == {"fields": expected}
    found = await store.fields()
    assert [{"path": one.path, "kinds": one.kinds, "count": one.count} for one in found] == expected
    assert found.lsn == store.engine.applied_lsn
    monkeypatch.setattr("asteroid_cloud.query.fields.field_list.FIELDS_LISTED_MAX", 6)
    await http.refused("GET", "/v1/fields", None, status=413, code="too_many_fields")


async def test_too_many_values_say_their_limit(
    http: Http, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asteroid_cloud.query.fields.facets.FACET_VALUES_MAX", 1)
    await store.insert_batch(ITEMS)
    told = await http.refused("POST", "/v1/facets", {"field": "lang"}, status=413, code="too_many_values")
    assert told["limit"] == 1


async def test_the_store_says_the_same(store: Store) -> None:
    await store.insert_batch(ITEMS)
    facets = await store.facets("lang", F("year").exists(), limit=1)
    assert [(each.value, each.count) for each in facets.values] == [("en", 2)]
    assert (facets.distinct, facets.rows, facets.lsn) == (2, 3, store.engine.applied_lsn)
    found = await store.field_range("year")
    assert found.numbers is not None
    assert (found.numbers.min, found.numbers.max, found["rows"]) == (2024, 2025.5, 5)
    for call in (store.facets, store.field_range):
        with pytest.raises(InvalidRequest):
            await call("$")


def test_the_blocking_store_says_the_same(tmp_path: Path) -> None:
    with open_blocking(tmp_path, dim=4) as store:
        store.insert_batch(ITEMS)
        assert store.facets("lang", {"lang": {"$ieq": "DE"}}).distinct == 1
        assert [
            each.value for each in store.facets("lang", order="value", contains="e", offset=1).values
        ] == ["en"]
        assert [(each.path, each.count) for each in store.fields()][:2] == [("deep", 1), ("deep.er", 1)]
        newest = store.scroll(order_by={"field": "year", "direction": "desc"}, page_size=2)
        assert [row.id for row in newest] == [3, 2, 1, 4, 5]
        found = store.field_range("lang")
        assert (found.numbers, found.strings and found.strings.max) == (None, "en")
