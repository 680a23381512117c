"""The page that shows the API and the document behind it: whole, true, and from this server alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from asteroid_cloud.api import limits as api_limits
from asteroid_cloud.api.openapi import document as openapi
from asteroid_cloud.api.openapi.examples import EXAMPLES
from asteroid_cloud.api.openapi.swagger_page import POLICY
from asteroid_cloud.api.routes.table import NAMED_ROUTES, ROUTES
from asteroid_cloud.api.wire.error_codes import STATUS_BY_CODE
from asteroid_cloud.indexer import limits as indexer_limits
from asteroid_cloud.query import limits as query_limits
from asteroid_cloud.query.filters.parser import LOGICAL, OPERATORS
from asteroid_cloud.wal import limits as wal_limits
from tests.support.asking import Http
from tests.support.schema_check import faults

pytestmark = pytest.mark.anyio

DOCUMENT = openapi.document()
SCHEMAS = DOCUMENT["components"]["schemas"]
FIELDS = {
    *("tags", "summary", "description", "operationId", "parameters"),
    *("requestBody", "responses", "security"),
}
# What is read by a program of the bounds of a field, against the one place that has them.
BOUNDS = [
    ("IndexBody", "dim", "maximum", wal_limits.DIM_MAX),
    ("SearchBody", "k", "maximum", query_limits.K_MAX),
    ("SearchBody", "offset", "maximum", query_limits.OFFSET_MAX),
    ("SearchBody", "k", "default", 10),
    ("ScrollBody", "limit", "maximum", query_limits.SCROLL_LIMIT_MAX),
    ("ScrollBody", "limit", "default", 1000),
    ("FacetsBody", "limit", "maximum", query_limits.FACET_LIMIT_MAX),
    ("FacetsBody", "limit", "default", 10),
    ("BatchBody", "items", "maxItems", indexer_limits.BATCH_ITEMS_MAX),
    ("SearchBatchBody", "searches", "maxItems", query_limits.SEARCHES_MAX),
    ("FetchBody", "ids", "maxItems", api_limits.FETCH_IDS_MAX),
]


def calls() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation with its method and path."""
    for path, item in DOCUMENT["paths"].items():
        for method, told in item.items():
            yield method, path, told


def references(value: object) -> Iterator[str]:
    """Every $ref in a document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


async def test_the_document_is_sent_as_it_is_built(http: Http) -> None:
    answer = await http.client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == msgspec.json.decode(msgspec.json.encode(DOCUMENT))


async def test_the_document_has_the_shape_of_openapi() -> None:
    assert DOCUMENT.keys() == {"openapi", "info", "servers", "tags", "security", "paths", "components"}
    assert re.fullmatch(r"3\.1\.\d", DOCUMENT["openapi"])
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    seen = set()
    for method, path, told in calls():
        assert method in {"get", "put", "post", "patch", "delete"}
        assert told.keys() <= FIELDS
        assert {"summary", "description", "operationId", "responses"} <= told.keys()
        assert told["summary"]
        assert told["description"]
        assert set(told["tags"]) <= tags
        seen.update(told["tags"])
        in_path = [each["name"] for each in told.get("parameters", []) if each["in"] == "path"]
        assert in_path == re.findall(r"\{(\w+)\}", path)
        assert all(re.fullmatch(r"[2-5]\d\d", status) for status in told["responses"])
        assert all("description" in response for response in told["responses"].values())
        assert told.get("security") == ([] if path == "/health" else None)
    assert seen == tags


async def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    named = {name.removeprefix("#/components/schemas/") for name in references(DOCUMENT)}
    assert named == SCHEMAS.keys()


async def test_every_handler_is_described_and_nothing_else() -> None:
    served = {(route.method.lower(), route.path) for route in (*ROUTES, *NAMED_ROUTES)}
    assert {(method, path) for method, path, _ in calls()} == served


async def test_errors_stand_by_their_status_and_have_one_shape() -> None:
    for _, _, told in calls():
        for status, response in told["responses"].items():
            if int(status) < 300:
                continue
            codes = re.findall(r"[a-z_0-9]+", response["description"].partition(":")[2])
            assert codes
            assert {STATUS_BY_CODE[code] for code in codes} == {int(status)}
            assert response["content"]["application/json"]["schema"] == {
                "$ref": "#/components/schemas/ErrorAnswer"
            }


@pytest.mark.parametrize(("name", "field", "word", "value"), BOUNDS)
async def test_bounds_are_those_that_are_kept(name: str, field: str, word: str, value: int) -> None:
    assert SCHEMAS[name]["properties"][field][word] == value


async def test_the_search_explains_every_operator() -> None:
    text = DOCUMENT["paths"]["/v1/search"]["post"]["description"]
    assert set(re.findall(r"\$[a-z_]+", text)) == {*LOGICAL, *OPERATORS}


async def test_every_json_body_has_an_example() -> None:
    with_body = {
        told["operationId"].removesuffix("_in")
        for _, _, told in calls()
        if "application/json" in told.get("requestBody", {}).get("content", {})
    }
    assert with_body == EXAMPLES.keys()


async def test_every_example_is_accepted(http: Http) -> None:
    for name, examples in EXAMPLES.items():
        ((method, path, told),) = [call for call in calls() if call[2]["operationId"] == name]
        content = told["requestBody"]["content"]["application/json"]
        assert [each["value"] for each in content["examples"].values()] == list(examples.values())
        for body in examples.values():
            assert faults(body, content["schema"], SCHEMAS) == []
            if path == "/v1/index":
                await http.send("DELETE", path, status=200)
            await http.send(
                method.upper(),
                path.format(id=1, collection="books", alias="live"),
                body,
                status=told_success(told),
            )


def told_success(told: dict[str, Any]) -> int:
    """The one status of success that a call is said to have."""
    (status,) = (int(status) for status in told["responses"] if int(status) < 300)
    return status


async def test_the_page_and_its_parts_come_from_this_server(http: Http) -> None:
    answer = await http.client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "'unsafe-inline'" not in POLICY.partition("style-src")[0]
    assert not re.findall(r"<script>|<style|\son\w+=|https?:|//\w", answer.text)
    parts = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert len(parts) == 4
    for part in parts:
        assert part.startswith("/docs/")
        assert (await http.client.get(part)).status_code == 200, part


async def test_the_page_starts_with_this_document_and_asks_no_validator(http: Http) -> None:
    answer = await http.client.get("/docs/start.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert 'url: "/openapi.json"' in answer.text
    assert "validatorUrl: null" in answer.text
    assert not re.findall(r"https?:|//\w", answer.text)


@pytest.mark.parametrize(
    "path", ["/", "/anything", "/schema", "/docs/none", "/docs/assets/none.js", "/docs/assets/../../x", "/v1"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_no_route_is_not_found(http: Http, method: str, path: str) -> None:
    await http.refused(method, path, status=404, code="not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/openapi.json"])
async def test_the_page_can_only_be_got(http: Http, method: str, path: str) -> None:
    await http.refused(method, path, status=404, code="not_found")
