"""POST /v1/flush: what it promises, in all faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.wal.errors import InvalidRequest, Overloaded
from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio


async def test_the_answer_has_what_a_durable_manifest_holds(http: Http, store: Store) -> None:
    assert await http.send("POST", "/v1/flush", {}, status=200) == {"lsn": store.engine.applied_lsn}
    written = await store.insert(1, ZEROS)
    for body in ({}, {"timeout_s": 10}, None):
        assert await http.send("POST", "/v1/flush", body, status=200) == {"lsn": written.lsn}
    stats = await store.stats()
    assert (stats.segments, stats.tail_rows) == (1, 0)


async def test_a_flush_that_takes_too_long_is_not_caught_up_and_goes_on(http: Http, store: Store) -> None:
    written = await store.insert(1, ZEROS)
    await http.refused("POST", "/v1/flush", {"timeout_s": 1e-9}, status=503, code="not_caught_up")
    assert await store.flush() == written.lsn


@pytest.mark.parametrize("timeout_s", [-1, True, "1", None, [1], 3601])
async def test_a_bad_timeout_is_named(http: Http, timeout_s: object) -> None:
    await http.refused("POST", "/v1/flush", {"timeout_s": timeout_s}, status=400, code="bad_timeout_s")


async def test_the_embedded_store_flushes(store: Store) -> None:
    written = await store.insert(1, ZEROS)
    with pytest.raises(Overloaded) as late:
        await store.flush(1e-9)
    assert late.value.code == "not_caught_up"
    assert await store.flush(timeout=30) == written.lsn
    with pytest.raises(InvalidRequest) as caught:
        await store.flush(timeout=-1)
    assert caught.value.code == "bad_timeout_s"


def test_the_blocking_store_flushes(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path, dim=DIM) as store:
        written = store.insert(1, np.zeros(DIM))
        assert store.flush() == written.lsn
