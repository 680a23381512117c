"""A client that sends all of its body before it reads must still see why it was refused."""

from __future__ import annotations

import pytest

from asteroid_cloud.api import bodies
from asteroid_cloud.wal.limits import BODY_BYTES_MAX, DRAIN_BYTES_MAX, MIB
from tests.api.shell import ask, shell

pytestmark = pytest.mark.anyio

CHUNKED = {"transfer-encoding": "chunked"}


async def test_an_undeclared_body_is_counted_as_it_comes() -> None:
    taken: list[int] = []
    refused = await ask(
        shell(),
        "POST",
        "/v1/search",
        (b" " * MIB for _ in range(1000)),
        headers=CHUNKED,
        on_part=lambda part: taken.append(len(part)),
    )
    assert (refused.status, refused.code) == (413, "payload_too_large")
    assert refused.is_finished
    assert refused.headers["connection"] == "close"
    assert BODY_BYTES_MAX < sum(taken) <= BODY_BYTES_MAX + DRAIN_BYTES_MAX + 2 * MIB


async def test_a_refused_client_may_end_its_body_and_then_reads_the_answer() -> None:
    taken: list[int] = []
    refused = await ask(
        shell(api_key="k"),
        "POST",
        "/v1/vectors/batch",
        [b" " * MIB] * 30,
        headers={"content-length": str(30 * MIB)},
        on_part=lambda part: taken.append(len(part)),
    )
    assert (refused.status, refused.code, refused.is_finished) == (401, "unauthorized", True)
    assert sum(taken) == 30 * MIB


async def test_a_refused_client_that_goes_on_in_silence_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "DRAIN_S_MAX", 0.01)
    refused = await ask(
        shell(api_key="k"), "POST", "/v1/search", [b" "], headers={"content-length": "100000"}, ends=False
    )
    assert (refused.status, refused.is_finished) == (401, True)


async def test_a_silent_client_is_not_waited_for_again() -> None:
    cut = await ask(
        shell(body_timeout_s=0.01), "POST", "/v1/search", [b"{"], headers={"content-length": "9"}, ends=False
    )
    assert (cut.status, cut.code, cut.headers["connection"]) == (408, "body_timeout", "close")
    assert cut.is_finished
