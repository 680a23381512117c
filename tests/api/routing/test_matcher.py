"""A path is split as it was sent, then each part is decoded once; so a value may hold anything (§8)."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.api.http.all_routes import ALL_ROUTES, MATCHER
from asteroid_cloud.api.routing.matcher import Matcher
from asteroid_cloud.api.routing.route import COLLECTION, Route
from asteroid_cloud.wal.errors import InvalidRequest

VALUES = [
    "batch",
    "a/payload",
    "a//",
    "payload",
    "fetch",
    "%",
    "%2F",
    "a b",
    "é\U0001f600",
    "\0",
    "...",
    "?x=1#",
]


def template(method: str, path: str) -> str | None:
    """The path in the table of the route that a request reaches."""
    match = MATCHER.find(method, path.encode())
    return None if match is None else match.route.path


@pytest.mark.parametrize("prefix", ["/v1", "/v1/collections/books"])
@pytest.mark.parametrize("value", VALUES)
def test_each_id_is_reachable(prefix: str, value: str) -> None:
    sent = quote(value, safe="")
    for method, rest in (
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/payload"),
        ("PATCH", "/payload"),
    ):
        match = MATCHER.find(method, f"{prefix}/vectors/{sent}{rest}".encode())
        assert match is not None
        assert match.parameters()["id"] == value
        assert match.route.path.endswith("/vectors/{id}" + rest)
        assert match.collection() == (None if prefix == "/v1" else "books")


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_any_text_is_a_value_once_it_is_encoded(text: str) -> None:
    try:
        sent = quote(text, safe="")
    except UnicodeEncodeError:  # half a surrogate pair is no UTF-8
        return
    match = MATCHER.find("GET", f"/v1/vectors/{sent}".encode())
    assert match is not None
    assert match.parameters() == {"id": text}


def test_a_value_is_decoded_once() -> None:
    match = MATCHER.find("GET", b"/v1/vectors/a%252Fpayload")
    assert match is not None
    assert match.parameters() == {"id": "a%2Fpayload"}


def test_an_encoded_slash_is_part_of_a_value_and_a_plain_one_is_not() -> None:
    assert template("GET", "/v1/vectors/a%2Fpayload") == "/v1/vectors/{id}"
    assert template("GET", "/v1/vectors/a/payload") == "/v1/vectors/{id}/payload"
    assert template("GET", "/v1%2Fvectors/a") is None


@pytest.mark.parametrize("id", [".", "..", "%2E", "%2e%2E", ".%2e"])
def test_dots_are_no_id(id: str) -> None:
    match = MATCHER.find("GET", f"/v1/vectors/{id}".encode())
    assert match is not None
    with pytest.raises(InvalidRequest, match="must not be") as caught:
        match.parameters()
    assert caught.value.code == "bad_id"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/vectors/%FF", "bad_id"),
        ("/v1/vectors/a%C3", "bad_id"),
        ("/v1/vectors/%ED%A0%80", "bad_id"),
        ("/v1/collections/%FF/vectors/1", "bad_collection_name"),
    ],
)
def test_what_is_no_utf_8_is_refused_by_the_name_of_what_it_is(path: str, code: str) -> None:
    match = MATCHER.find("GET", path.encode())
    assert match is not None
    with pytest.raises(InvalidRequest, match="not UTF-8") as caught:
        match.parameters()
    assert caught.value.code == code


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "//", "v1/stats", "/v1", "/v1/", "/v1/stats/", "//v1/stats", "/v1//stats", "/v1/stats/x"),
        *("/v1/vectors/", "/v1/vectors//payload", "/v1/vectors/1/", "/v1/vectors/1/payload/", "/V1/stats"),
        *("/v1/./stats", "/v1/vectors/../stats", "/v1/collections/books", "/v1/collections//stats"),
        *("/v1/collections/books/index/x", "/v1/collections/books/health", "/v1/collections/a/b/stats"),
    ],
)
def test_what_is_not_in_the_table_is_not_found(path: str) -> None:
    known = {("GET", route.path) for route in ALL_ROUTES}
    assert MATCHER.find("GET", path.encode()) is None or ("GET", "/v1/collections/{collection}") in known


def test_words_are_found_however_they_are_encoded_and_before_values() -> None:
    assert template("POST", "/v1/%73earch") == "/v1/search"
    assert template("POST", "/v1/vectors/batch") == "/v1/vectors/batch"
    assert template("POST", "/v1/vectors/b%61tch") == "/v1/vectors/batch"
    assert template("POST", "/v1/vectors/other") is None


def test_head_is_answered_wherever_get_is() -> None:
    for route in ALL_ROUTES:
        sent = route.path.format(id="7", name="n", collection="c", alias="a", file="f")
        found = MATCHER.find("HEAD", sent.encode())
        assert (found is None) == (MATCHER.find("GET", sent.encode()) is None)
        here = MATCHER.find(route.method, sent.encode())
        assert here is not None
        assert here.route == route


def test_a_word_that_is_an_id_here_is_marked() -> None:
    match = MATCHER.find("GET", b"/v1/vectors/batch")
    assert match is not None
    assert match.is_word
    for path in (b"/v1/vectors/b%61tch", b"/v1/vectors/7", b"/v1/search"):
        other = MATCHER.find("GET", path) or MATCHER.find("POST", path)
        assert other is not None
        assert not other.is_word


def test_a_route_that_stands_twice_is_a_mistake() -> None:
    async def nothing() -> None:
        """Answers nothing."""

    routes = [Route("GET", path, nothing, "", "read") for path in ("/a/{id}", "/a/{name}")]
    with pytest.raises(AssertionError, match="stands twice"):
        Matcher(routes)


def test_the_routes_of_a_collection_stand_once_more_under_its_name() -> None:
    named = {(route.method, route.path) for route in ALL_ROUTES if route.is_named}
    assert ("POST", "/v1/collections/{collection}/search") in named
    assert ("GET", "/v1/collections/{collection}/index") in named
    for method in ("PUT", "DELETE"):
        assert (method, "/v1/collections/{collection}/index") not in named
    for route in ALL_ROUTES:
        if route.reach == "collection" and not route.is_named:
            assert (route.method, route.of_named().path) in named
            assert route.of_named().parameters == (COLLECTION, *route.parameters)
            assert route.of_named().framework_path == route.framework_path
