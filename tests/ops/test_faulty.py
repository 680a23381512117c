"""Random calls through a faulty proxy agree with the model, and the driver sees what does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asteroid_cloud.client.protocol import retry
from asteroid_cloud.client.protocol.calls import Retry
from ops.faulty import proxy
from ops.faulty.calls import READS, WRITES
from ops.faulty.driver import Wrong
from ops.faulty.run import run
from ops.forked_server import ForkedServer
from ops.server import Server

pytestmark = pytest.mark.anyio
CALLS = 300


@pytest.fixture(params=["keys", "no keys"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A new store; one that remembers writes with a key, and one that does not."""
    options = ["--keep-log", "--backup-dir", str(tmp_path / "backups"), "--log-level", "warning"]
    if request.param == "no keys":
        options += ["--idempotency-keys", "0"]
    with ForkedServer(tmp_path / "data", *options) as running:
        yield running


@pytest.mark.parametrize("server", ["keys"], indirect=True)
async def test_each_call_is_done_at_most_once_and_told_as_it_was(server: Server) -> None:
    found = await run(server.url, CALLS, 1)
    assert found.outcomes["done"] > CALLS / 5
    assert found.outcomes["read"] > CALLS / 5
    assert found.faults.keys() == proxy.FAULTS.keys()
    assert found.kinds.keys() <= {*WRITES, *READS}


@pytest.mark.parametrize("server", ["no keys"], indirect=True)
async def test_without_keys_nothing_is_done_twice_unless_the_network_does_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fault in ("twice", "copied late", "late"):
        monkeypatch.setitem(proxy.FAULTS, fault, 0)
    found = await run(server.url, CALLS // 2, 2)
    assert found.outcomes["unknown, and done"] > 0


@pytest.mark.parametrize("server", ["no keys"], indirect=True)
async def test_the_driver_sees_a_write_that_is_sent_again_blindly(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always(*arguments: Any) -> bool:
        return bool(right(Retry.ALWAYS, *arguments[1:]))

    right = retry.may_retry
    monkeypatch.setattr(retry, "may_retry", always)
    with pytest.raises(Wrong):
        await run(server.url, CALLS, 1)


@pytest.mark.parametrize("server", ["no keys"], indirect=True)
async def test_the_driver_sees_a_copy_that_the_server_does_again(server: Server) -> None:
    with pytest.raises(Wrong):
        await run(server.url, CALLS, 1)
