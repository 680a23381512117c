"""The API's description of itself says what the server takes and gives."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from asteroid_cloud.api.openapi.operations import OPERATIONS
from asteroid_cloud.api.openapi.schemas import components
from asteroid_cloud.api.routes.table import NAMED_ROUTES, ROUTES
from asteroid_cloud.api.wire import requests as wire
from asteroid_cloud.api.wire.error_codes import STATUS_BY_CODE
from tests.support.asking import DIM, LSN_HEADER, ZEROS, Http
from tests.support.schema_check import faults

pytestmark = pytest.mark.anyio

BODIES = [wire.IndexBody, wire.VectorBody, wire.InsertBody, wire.SearchBody, wire.SearchBatchBody]
BODIES += [
    wire.FetchBody,
    wire.DeleteBody,
    wire.ScrollBody,
    wire.CountBody,
    wire.FacetsBody,
    wire.RangeBody,
    wire.RecallBody,
    wire.PatchBody,
    wire.BackupBody,
    wire.TagBody,
]
CALLS = {(route.method.lower(), route.path) for route in ROUTES}
ONE = {"id": 2**64 - 1, "vector": ZEROS, "metadata": {"a": 1}}
BOTH = ["payload", "vector"]
SEEK = {"vector": ZEROS, "include": BOTH, "explain": True, "filter": {"a": 1}, "min_lsn": 1, "k": 3}
CHOSEN = {"include": ["vector"], "fields": ["a", "b.c"], "vector_format": "base64"}
# Every call of the contract in an order in which each succeeds; a path's id is that of ONE.
STORY: list[tuple[str, str, object]] = [
    ("get", "/health", None),
    ("get", "/ready", None),
    ("post", "/v1/vectors", ONE),
    ("put", "/v1/vectors/{id}", {"vector": ZEROS}),
    ("get", "/v1/vectors/{id}", None),
    ("put", "/v1/vectors/{id}/payload", {"a": 1, "b": None}),
    ("patch", "/v1/vectors/{id}/payload", {"b": {"c": 1}}),
    ("get", "/v1/vectors/{id}/payload", None),
    ("post", "/v1/vectors/batch", {"items": [{"id": "5", "vector": ZEROS}, ONE]}),
    ("post", "/v1/search", SEEK),
    ("post", "/v1/search", {"id": 5, "exact": True, "offset": 1, "max_distance": 1.5, "ef_search": None}),
    ("post", "/v1/search/batch", {"searches": [SEEK, {"id": "5"}], "min_lsn": None}),
    ("post", "/v1/vectors/fetch", {"ids": [5, "18446744073709551615", 9], "include": BOTH}),
    ("post", "/v1/vectors/scroll", {"limit": 1, "include": BOTH}),
    ("post", "/v1/vectors/scroll", {"cursor": None, "filter": {}}),
    ("post", "/v1/search", {"vector": "AAAAAAAAAAAAAAAAAAAAAA==", **CHOSEN, "ids": ["5", 9], "min_score": 0}),
    ("post", "/v1/vectors/fetch", {"ids": [5], **CHOSEN}),
    ("post", "/v1/vectors/scroll", CHOSEN | {"vector_format": "json"}),
    ("post", "/v1/count", {"filter": {"a": {"$exists": True}}}),
    ("post", "/v1/recall", {}),
    ("post", "/v1/recall", {"num": 3, "k": 1, "ef_search": None, "filter": {"a": 1}, "min_lsn": 1}),
    ("post", "/v1/facets", {"field": "a", "limit": 1, "filter": {}, "min_lsn": 1}),
    ("post", "/v1/facets", {"field": "none"}),
    ("get", "/v1/fields", None),
    ("post", "/v1/range", {"field": "a"}),
    ("post", "/v1/range", {"field": "none", "filter": {"a": 1}}),
    ("get", "/v1/stats", None),
    ("get", "/v1/recovery", None),
    ("get", "/v1/index", None),
    ("get", "/v1/key", None),
    ("post", "/v1/backup", {"name": "first"}),
    ("get", "/v1/backup", None),
    ("post", "/v1/tags", {"name": "first"}),
    ("post", "/v1/tags", {"name": "second"}),
    ("get", "/v1/tags", None),
    ("delete", "/v1/tags/{name}", None),
    ("post", "/v1/purge", None),
    ("post", "/v1/flush", {"timeout_s": 30}),
    ("post", "/v1/vectors/patch", {"ids": ["5", 6], "patch": {"a": 2}}),
    ("post", "/v1/vectors/patch", {"filter": {"a": 2}, "patch": {}}),
    ("post", "/v1/vectors/set", {"ids": ["5", 6], "set": {"a": None}, "unset": ["b.c"]}),
    ("post", "/v1/vectors/set", {"filter": {"a": None}, "set": {"a": 2}}),
    (
        "post",
        "/v1/write",
        {
            "delete_filters": [{"a": "none"}],
            "deletes": [70, "71"],
            "upserts": [{**ONE, "id": 72, "on_existing": "skip"}],
            "patches": [{"id": 72, "patch": {"a": 3}}],
            "sets": [{"id": "72", "set": {"a": 4}, "unset": ["a"]}],
        },
    ),
    ("post", "/v1/vectors/delete", {"ids": [5]}),
    ("delete", "/v1/vectors/{id}", None),
    ("put", "/v1/text", {"fields": {"title": {"language": "english"}, "n": {}}}),
    ("get", "/v1/text", None),
    ("post", "/v1/search", {"text": "a"}),
    ("post", "/v1/search", {"text": {"query": "a", "operator": "and"}, "vector": ZEROS, "explain": True}),
    ("delete", "/v1/text", None),
    ("delete", "/v1/index", None),
    ("get", "/v1/index", None),
    ("get", "/v1/stats", None),
    ("put", "/v1/collections/{collection}", {"dim": DIM, "metric": "Cosine", "bits": 8, "ids": "integer"}),
    ("put", "/v1/collections/{collection}", {"vector": "required"}),
    ("get", "/v1/collections/{collection}", None),
    ("get", "/v1/collections", None),
    ("put", "/v1/aliases/{alias}", {"collection": "books"}),
    ("get", "/v1/aliases/{alias}", None),
    ("get", "/v1/aliases", None),
    ("delete", "/v1/aliases/{alias}", None),
    ("delete", "/v1/aliases/{alias}", None),
    ("delete", "/v1/collections/{collection}", None),
    ("delete", "/v1/collections/{collection}", None),
    ("put", "/v1/index", {"dim": DIM, "metric": "L2"}),
]


@pytest.fixture
async def document(http: Http) -> dict[str, Any]:
    """What the server says of itself."""
    told: dict[str, Any] = (await http.client.get("/openapi.json")).json()
    return told


def fits(document: dict[str, Any], value: object, schema: dict[str, Any]) -> None:
    assert faults(value, schema, document["components"]["schemas"]) == []


async def test_every_call_is_described_and_no_other(document: dict[str, Any]) -> None:
    described = {(method, path) for path, item in document["paths"].items() for method in item}
    assert described == CALLS | {(route.method.lower(), route.path) for route in NAMED_ROUTES}
    names = [item[method]["operationId"] for item in document["paths"].values() for method in item]
    assert len(names) == len(set(names)) == len(OPERATIONS) + len(NAMED_ROUTES)


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named <= document["components"]["schemas"].keys()
    assert len(named) > 20


@pytest.mark.parametrize("struct", BODIES)
async def test_a_body_is_described_as_it_is_read(struct: type[msgspec.Struct]) -> None:
    schema = components()[struct.__name__]
    assert set(schema["properties"]) == set(struct.__struct_fields__)
    assert schema["additionalProperties"] is False
    fields = msgspec.structs.fields(struct)
    required = {field.name for field in fields if field.required}
    if struct is wire.IndexBody:  # whose absence has the field's own code
        required = {"dim"}
    if struct in (wire.BackupBody, wire.TagBody):
        assert required == {"name"}
    if struct is wire.FetchBody:
        assert required == {"ids"}
    assert set(schema["required"]) == required


@pytest.mark.parametrize("name", OPERATIONS)
async def test_every_code_named_is_in_the_table(name: str) -> None:
    assert {*OPERATIONS[name].codes} <= STATUS_BY_CODE.keys()


async def test_what_succeeds_is_as_described(http: Http, document: dict[str, Any]) -> None:
    for method, template, body in STORY:
        call = document["paths"][template][method]
        if body is not None:
            fits(document, body, call["requestBody"]["content"]["application/json"]["schema"])
        path = template.format(id=ONE["id"], name="first", collection="books", alias="live")
        content = None if body is None else msgspec.json.encode(body)
        answered = await http.client.request(method, path, content=content)
        said = call["responses"][str(answered.status_code)]
        assert answered.status_code < 300, answered.text
        assert ("headers" in said) == (LSN_HEADER in answered.headers), template
        if answered.content:
            fits(document, answered.json(), said["content"]["application/json"]["schema"])
        else:
            assert "content" not in said
    told = {(method, path) for method, path, _ in STORY}
    assert CALLS - told == {("get", "/metrics"), ("get", "/v1/changes"), ("post", "/v1/build/bulk")}


async def test_a_route_under_a_name_is_described_as_the_one_without(document: dict[str, Any]) -> None:
    for route in NAMED_ROUTES:
        method = route.method.lower()
        plain, named = document["paths"][route.inner_path][method], document["paths"][route.path][method]
        assert named["parameters"][0]["name"] == "collection"
        assert named["parameters"][1:] == plain.get("parameters", [])
        assert named.get("requestBody") == plain.get("requestBody")
        assert named["operationId"] == plain["operationId"] + "_in"
        status = str(route.status)
        told = named["responses"][status]
        assert told["headers"].pop("X-Asteroid-Collection")["schema"] == {"type": "string"}
        assert {**told, "headers": told["headers"]} == {"headers": {}, **plain["responses"][status]}
        assert "no_collection" in named["responses"]["404"]["description"]


async def test_a_bulk_load_is_as_described(http: Http, document: dict[str, Any]) -> None:
    call = document["paths"]["/v1/build/bulk"]["post"]
    headers = {"X-Asteroid-N": "2", "X-Asteroid-Dim": str(DIM)}
    assert {named["name"] for named in call["parameters"] if named.get("required")} == headers.keys()
    answered = await http.client.post("/v1/build/bulk", content=bytes(8 * DIM), headers=headers)
    fits(document, answered.json(), call["responses"]["200"]["content"]["application/json"]["schema"])


async def test_what_fails_is_as_described(http: Http, document: dict[str, Any]) -> None:
    refused: list[tuple[str, str, dict[str, object] | None, int]] = [
        ("get", "/v1/vectors/{id}", None, 404),
        ("post", "/v1/search", {"vector": ZEROS, "k": 0}, 400),
        ("post", "/v1/search", {"vector": ZEROS, "filters": {}}, 400),
        ("put", "/v1/index", {"dim": DIM}, 409),
        ("post", "/v1/vectors/batch", {"items": []}, 400),
    ]
    for method, template, body, status in refused:
        content = None if body is None else msgspec.json.encode(body)
        answered = await http.client.request(method, template.format(id=1), content=content)
        assert answered.status_code == status
        said = document["paths"][template][method]["responses"][str(status)]
        fits(document, answered.json(), said["content"]["application/json"]["schema"])
        assert answered.json()["code"] in said["description"]
        if body is not None and "k" in body:
            schema = document["paths"][template][method]["requestBody"]["content"]["application/json"]
            assert faults(body, schema["schema"], document["components"]["schemas"]) != []
