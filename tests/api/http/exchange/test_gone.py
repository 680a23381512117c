"""A read ends when its client goes away; what is written is written whoever waits for it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

import asteroid_cloud.api as api
from asteroid_cloud import query
from asteroid_cloud.api.http.exchange.gone import Gone
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service import write_by_filter
from asteroid_cloud.api.wire.headers import GONE
from asteroid_cloud.indexer.limits import BULK_LOADS_MAX
from asteroid_cloud.query import Work
from asteroid_cloud.wal.errors import Cancelled
from tests.support.asgi import Answer, app_over, ask

pytestmark = pytest.mark.anyio

FILTER = b'{"filter":{"a":1}}'


class Endless:
    """A read that ends when it is cancelled only."""

    def __init__(self) -> None:
        self.began, self.ended = threading.Event(), threading.Event()

    def __call__(self, *arguments: Any, work: Work | None = None, **options: Any) -> Any:
        work = work or arguments[-1]
        self.began.set()
        try:
            while not self.ended.wait(0.001):
                work.check()
        finally:
            self.ended.set()


async def ask_and_go(tmp_path: Path, path: str, endless: Endless) -> Answer:
    """The answer to one that went away once the read had begun."""
    gone, answers = Gone(), list[Answer]()
    async with api.open(tmp_path, dim=2) as store:
        await store.insert(1, [0, 0], {"a": 1})
        app = app_over(Settings(data=str(tmp_path)), store)

        async def run() -> None:
            headers = {"Content-Type": "application/json"}
            answers.append(await ask(app, "POST", path, [FILTER], headers=headers, within={GONE: gone.ends}))

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            while not endless.began.is_set():
                await anyio.sleep(0)
            gone.tell()
    return answers[0]


async def test_a_read_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Endless()
    monkeypatch.setattr(query, "count", endless)
    (await ask_and_go(tmp_path, "/v1/count", endless)).check_refused(400, "cancelled")
    assert endless.ended.is_set()


async def test_finding_what_a_filter_deletes_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Endless()

    def lazily(*arguments: Any, **options: Any) -> Any:
        yield endless(**options)

    monkeypatch.setattr(write_by_filter.query, "matching_batches", lazily)
    (await ask_and_go(tmp_path, "/v1/vectors/delete", endless)).check_refused(400, "cancelled")
    assert endless.ended.is_set()


async def test_one_that_is_gone_already_is_not_begun() -> None:
    gone = Gone()
    gone.tell()
    with pytest.raises(Cancelled), gone.ends():
        await anyio.sleep_forever()


async def test_a_block_that_is_over_is_not_touched() -> None:
    gone = Gone()
    with gone.ends():
        pass
    gone.tell()
    await anyio.sleep(0)


async def test_a_read_that_a_stopping_server_ends_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = Endless()
    monkeypatch.setattr(query, "count", endless)
    async with api.open(tmp_path, dim=2) as store:
        await store.insert(1, [0, 0], {"a": 1})
        app = app_over(Settings(data=str(tmp_path)), store)
        asking = asyncio.ensure_future(ask(app, "POST", "/v1/count", [FILTER]))
        while not endless.began.is_set():
            await anyio.sleep(0)
        app.stop_waiting()
        asking.cancel()  # as the server does once the time for requests under way is over
        (await asking).check_refused(503, "stopping")
    assert endless.ended.is_set()


async def test_a_bulk_load_that_waits_for_others_ends(tmp_path: Path) -> None:
    gone, answers = Gone(), list[Answer]()
    headers = {"X-Asteroid-N": "1", "X-Asteroid-Dim": "2"}
    async with api.open(tmp_path, dim=2) as store, AsyncExitStack() as loads:
        app = app_over(Settings(data=str(tmp_path)), store)
        for _ in range(BULK_LOADS_MAX):
            await loads.enter_async_context(store.engine.bulk())

        async def load() -> None:
            within = {GONE: gone.ends}
            answers.append(
                await ask(app, "POST", "/v1/build/bulk", [bytes(8)], headers=headers, within=within)
            )

        async with anyio.create_task_group() as group:
            group.start_soon(load)
            await anyio.wait_all_tasks_blocked()
            assert answers == []
            gone.tell()
    answers[0].check_refused(400, "cancelled")


async def test_a_write_is_done_whoever_waits_for_it(tmp_path: Path) -> None:
    gone = Gone()
    gone.tell()
    async with api.open(tmp_path) as store:
        app = app_over(Settings(data=str(tmp_path)), store)
        body, within = [b'{"dim":2}'], {GONE: gone.ends}
        assert (await ask(app, "PUT", "/v1/index", body, within=within)).status == 200
        assert (await ask(app, "GET", "/v1/index")).json["dim"] == 2
