"""Following the feed over connections that break: every change once, in order, whatever was cut where."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from asteroid_cloud.client import (
    Change,
    Client,
    ConnectionFailed,
    InvalidRequest,
    NotFound,
    OtherHistory,
    UnexpectedAnswer,
)
from asteroid_cloud.client.protocol.changes import Following, Lines
from asteroid_cloud.client.settings import RetryPolicy, resolve
from tests.support.faulty_server import FaultyServer, Step

pytestmark = pytest.mark.anyio
PIECES: list[dict[str, Any]] = [
    {"lsn": 4, "kind": "upsert", "time_ms": 1, "ids": [1]},
    {
        "lsn": 5,
        "kind": "upsert",
        "time_ms": 2,
        "ids": [1, 2, 3],
        "payloads": [{}, None, {"a": 1}],
        "more": True,
    },
    {"lsn": 5, "kind": "upsert", "time_ms": 2, "ids": [4, 5], "payloads": [None, {}], "more": True},
    {"lsn": 5, "kind": "upsert", "time_ms": 2, "ids": [6], "payloads": [None]},
    {"lsn": 6, "kind": "delete", "time_ms": 3, "ids": [1]},
    {"lsn": 9, "kind": "heartbeat"},
    {"lsn": 9, "kind": "end"},
]
IDS = [1, 1, 2, 3, 4, 5, 6, 1]


async def collected(client: Any, **options: Any) -> list[Change]:
    """What ``changes`` gives, of either client."""
    found = getattr(client, "client", client).changes(3, follow=False, **options)
    if isinstance(getattr(client, "client", None), Client):
        return list(found)
    return [change async for change in found]


def sending(body: bytes) -> Step:
    """Answers with these bytes and cuts the connection."""

    async def step(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        await response.write(body)
        assert request.transport is not None
        request.transport.close()
        return response

    return step


def text(lines: list[dict[str, Any]]) -> bytes:
    """Lines as they come."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@pytest.mark.parametrize("cut", [0, 1, 60, 130, 200, 260, 330, 345, 400])
async def test_a_feed_cut_anywhere_goes_on_where_it_was(client: Any, server: FaultyServer, cut: int) -> None:
    whole = text(PIECES)
    server.script.append(sending(whole[:cut]))
    asked: list[str] = []

    async def resumed(request: web.Request) -> web.StreamResponse:
        asked.append(request.query["since"])
        left = [line for line in PIECES if line["lsn"] > int(request.query["since"])]
        return await sending(text(left))(request)

    server.script.append(resumed)
    changes = await collected(client)
    assert [id for change in changes for id in change.ids or ()] == IDS
    assert len(asked) == 1
    payloads = [payload for change in changes for payload in change.payloads or ()]
    assert payloads == [{}, None, {"a": 1}, None, {}, None]
    assert [change.lsn for change in changes if not change.more] == [4, 5, 6]


async def test_pieces_may_be_cut_elsewhere_the_second_time(client: Any, server: FaultyServer) -> None:
    server.script.append(sending(text(PIECES[:2])))
    again = [
        {"lsn": 5, "kind": "upsert", "time_ms": 2, "ids": [1, 2], "more": True},
        {"lsn": 5, "kind": "upsert", "time_ms": 2, "ids": [3, 4], "more": True},
        {"lsn": 5, "kind": "upsert", "time_ms": 2, "ids": [5, 6]},
    ]
    server.script.append(sending(text([*again, *PIECES[4:]])))
    assert [id for change in await collected(client) for id in change.ids or ()] == IDS


async def test_it_ends_after_as_many_as_were_asked_for(client: Any, server: FaultyServer) -> None:
    server.script.append(sending(text(PIECES)))
    changes = await collected(client, limit=2)
    assert [(change.lsn, change.more) for change in changes] == [(4, False), (5, True), (5, True), (5, False)]
    assert len(server.seen) == 1


async def test_an_error_in_the_last_line_is_raised_and_not_tried_again(
    client: Any, server: FaultyServer
) -> None:
    gone = {"error": "the log begins with record 8", "code": "changes_pruned", "first_lsn": 8}
    server.script.append(sending(text([PIECES[0], gone])))
    with pytest.raises(NotFound) as caught:
        await collected(client)
    assert (caught.value.code, caught.value.details) == ("changes_pruned", {"first_lsn": 8})
    assert len(server.seen) == 1


async def test_one_that_never_comes_back_is_given_up(client: Any, server: FaultyServer) -> None:
    server.script.extend([sending(b"")] * 4)
    with pytest.raises(ConnectionFailed):
        await collected(client)
    assert len(server.seen) == 4


async def test_what_is_no_line_is_refused(client: Any, server: FaultyServer) -> None:
    server.script.append(sending(b"<html>\n"))
    with pytest.raises(UnexpectedAnswer):
        await collected(client)


def test_arguments_are_checked_before_anything_is_sent() -> None:
    for since, limit, code in [(-1, None, "bad_since"), (True, None, "bad_since"), (0, 0, "bad_limit")]:
        with pytest.raises(InvalidRequest) as caught:
            Following(since, None, limit, True, resolve(None, None, 1.0, 1, RetryPolicy()))
        assert caught.value.code == code


def test_a_line_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asteroid_cloud.client.protocol.changes.LINE_BYTES_MAX", 10)
    lines = Lines()
    assert list(lines.cut(b"12345")) == []
    assert list(lines.cut(b"67890\nabc")) == [b"1234567890"]
    with pytest.raises(UnexpectedAnswer, match="more than 10"):
        list(lines.cut(b"d" * 10))


async def test_a_feed_does_not_go_on_in_another_store(client: Any, server: FaultyServer) -> None:
    """Its LSNs would mean other records, and nothing else would say so."""

    def answering(store: str, body: bytes) -> Step:
        async def step(request: web.Request) -> web.StreamResponse:
            headers = {"Content-Type": "application/x-ndjson", "X-Asteroid-Store": store}
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await response.write(body)
            assert request.transport is not None
            request.transport.close()
            return response

        return step

    server.script += [
        answering("one", text(PIECES[:1])),
        answering("one", b""),
        answering("two", text(PIECES)),
    ]
    with pytest.raises(OtherHistory) as refused:
        await collected(client)
    assert refused.value.details == {"store": "two", "store_before": "one"}
    assert (refused.value.branched_at, refused.value.began_at) == (0, 0)
