"""Each case of the corpus means the same however its bytes arrive, and no body is taken for a request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fake_wire import Peer
from tests.support.http_corpus import CORPUS, SMUGGLED, Case, Served

pytestmark = pytest.mark.anyio
LONG_BYTES = 10_000
"""A longer case is about its length, and not sent byte by byte."""


class Recorder:
    """An application that notes each whole request and answers it."""

    def __init__(self) -> None:
        self.served: list[Served] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.served.append((scope["method"], scope["path"], body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def outcome(sent: bytes, step: int) -> tuple[tuple[Served, ...], list[int], bool]:
    """What is served, the statuses of all answers, and whether the server ends the connection."""
    app = Recorder()
    peer = Peer(app)
    for start in range(0, len(sent), step):
        await peer.send(sent[start : start + step])
    statuses, has_ended = peer.statuses, bool(peer.wire.calls)
    await peer.hang_up()
    return tuple(app.served), statuses, has_ended


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
async def test_a_case_means_the_same_however_it_arrives(case: Case) -> None:
    steps = [len(case.sent)] if case.is_about_one_read else [len(case.sent), 1_000, 7, 1]
    for step in steps:
        if len(case.sent) > LONG_BYTES and step < 1_000:
            continue
        served, statuses, has_ended = await outcome(case.sent, step)
        assert served == case.served, step
        assert statuses == [200] * len(case.served) + ([case.refused] if case.refused else []), step
        assert has_ended == (case.ends or bool(case.refused)), step


async def test_the_smuggled_request_would_be_served() -> None:
    served, statuses, _ = await outcome(SMUGGLED, 1)
    assert served == (("DELETE", "/v1/vectors/7", b""),)
    assert statuses == [200]


def test_cases_have_names_of_their_own() -> None:
    names = [case.name for case in CORPUS]
    assert len(set(names)) == len(names) >= 90
