"""Which answer becomes which error, and what the error carries."""

from __future__ import annotations

from typing import Any

import pytest

from asteroid_cloud import client as package
from asteroid_cloud.client import (
    AsteroidError,
    Conflict,
    InternalError,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerError,
    StorageError,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
)
from asteroid_cloud.client import errors as errors_module
from asteroid_cloud.client.errors import BY_STATUS, STORAGE_CODES, error_class
from tests.support.clients import Connect
from tests.support.faulty_server import FaultyServer, refuse, reply

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "bad_filter", InvalidRequest),
        (401, "unauthorized", Unauthorized),
        (404, "not_found", NotFound),
        (409, "index_not_initialized", Conflict),
        (413, "batch_too_large", TooLarge),
        (429, "rate_limited", RateLimited),
        (503, "not_caught_up", Unavailable),
        (503, "poisoned", StorageError),
        (507, "no_space", StorageError),
        (500, "internal", InternalError),
        (502, "bad_gateway", InternalError),
        (418, "teapot", InvalidRequest),
        (302, "moved", UnexpectedAnswer),
    ],
)
async def test_status_to_error(
    connect: Connect, server: FaultyServer, status: int, code: str, kind: type[AsteroidError]
) -> None:
    client = connect(retries=package.RetryPolicy(attempts_max=1))
    server.script.append(refuse(status, code, place="$.filter"))
    with pytest.raises(kind) as caught:
        await client.count()
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.code, error.message) == (status, code, f"refused: {code}")
    assert str(error) == error.message
    assert error.details == {"place": "$.filter"}


async def test_wrong_key(connect: Connect) -> None:
    with pytest.raises(Unauthorized):
        await connect(api_key="sk-other").stats()


@pytest.mark.parametrize(
    "body", [b"<h1>Bad Gateway</h1>", b"", b"[1]", b'{"error": 5}', b"\xff\xfe", b"[" * 5000]
)
async def test_error_of_another_shape(client: Any, server: FaultyServer, body: bytes) -> None:
    server.script.append(reply(500, body, "text/html"))
    with pytest.raises(InternalError) as caught:
        await client.get(1)
    assert caught.value.status == 500
    assert caught.value.message


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"results": 3}', b"\xff", b'{"results": [{"id": -1.5}]}']
)
async def test_success_of_another_shape(client: Any, server: FaultyServer, body: bytes) -> None:
    for call in (client.search([1.0]), client.count(), client.fetch([1]), client.search_batch([[1.0]])):
        server.script.append(reply(200, body))
        with pytest.raises(UnexpectedAnswer) as caught:
            await call
        assert caught.value.status == 200


async def test_answers_that_almost_fit(client: Any, server: FaultyServer) -> None:
    server.script.append(reply(200, b'{"results": []}'))
    with pytest.raises(UnexpectedAnswer, match="0 answers to 1 searches"):
        await client.search_batch([[1.0]])
    server.script.append(reply(200, b'{"vectors": "many"}'))
    with pytest.raises(UnexpectedAnswer):
        await client.stats()
    server.script.append(reply(200, b'{"id": 1, "vector": [1], "novel": {}}'))
    assert (await client.get(1)).vector == [1.0]


def test_every_class_is_named_in_the_drawn_tree() -> None:
    drawing = errors_module.__doc__ or ""
    classes = [each for each in vars(package).values() if isinstance(each, type)]
    errors = [each for each in classes if issubclass(each, AsteroidError)]
    assert len(errors) == 17
    for each in errors:
        assert each.__name__ in drawing
    assert issubclass(InvalidRequest, ValueError)
    assert issubclass(StorageError, ServerError)


def test_storage_codes_win_over_the_status() -> None:
    for status in (*BY_STATUS, 500):
        for code in STORAGE_CODES:
            assert error_class(status, code) is StorageError
