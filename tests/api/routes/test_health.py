"""What a load balancer is told, from the first moment to the worst."""

from __future__ import annotations

import msgspec
import pytest

from asteroid_cloud.indexer import DataLoss, LostRecords, Phase
from asteroid_cloud.wal.errors import CorruptionError, Poisoned
from tests.support.shell import FakeCollection, ask, shell

pytestmark = pytest.mark.anyio


async def test_recovery_tells_its_phase_and_progress() -> None:
    store = FakeCollection()
    store.engine.phase, store.engine.spec = Phase("recovering", 0.25, "reading the log", eta_s=1.5), None
    app = shell(store)
    waiting = await ask(app, "GET", "/ready")
    assert (waiting.status, waiting.code) == (503, "not_ready")
    assert (waiting.json["phase"], waiting.json["progress"]) == ("recovering", 0.25)
    assert waiting.json["eta_s"] == 1.5
    assert int(waiting.headers["retry-after"]) >= 1
    assert (await ask(app, "GET", "/health")).status == 200


async def test_without_an_index_it_is_not_ready() -> None:
    store = FakeCollection()
    store.engine.spec = None
    waiting = await ask(shell(store), "GET", "/ready")
    assert (waiting.status, waiting.code, waiting.json["phase"]) == (503, "not_ready", "ready")
    assert "no index" in waiting.json["error"]


async def test_with_an_index_it_is_ready() -> None:
    ready = await ask(shell(), "GET", "/ready")
    assert (ready.status, ready.json) == (200, {"status": "ok"})


async def test_what_is_lost_makes_it_ready_but_degraded_until_it_is_acknowledged() -> None:
    lost = LostRecords(first_lsn=3, last_lsn=5, kept=[], time_ms=7)
    for acknowledged_ms, status in ((None, "degraded"), (8, "ok")):
        store = FakeCollection()
        losses = DataLoss(records=[lost], acknowledged_ms=acknowledged_ms)
        store.engine.recovery = msgspec.structs.replace(store.engine.recovery, losses=losses)
        ready = await ask(shell(store), "GET", "/ready")
        assert (ready.status, ready.json) == (200, {"status": status})


async def test_a_poisoned_log_is_told_though_reads_go_on() -> None:
    store = FakeCollection()
    store.engine.failure = Poisoned("an fsync failed")
    told = await ask(shell(store), "GET", "/ready")
    assert (told.status, told.code) == (503, "poisoned")
    assert (await ask(shell(store), "GET", "/health")).status == 200


async def test_a_failed_recovery_is_told_by_its_reason() -> None:
    store = FakeCollection()
    store.engine.phase = Phase("failed", 0.5, "damaged", CorruptionError("7.wal", 42, "bad checksum"))
    told = await ask(shell(store), "GET", "/ready")
    assert (told.status, told.code) == (500, "corruption")
