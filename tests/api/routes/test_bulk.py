"""The bulk route: what it takes, what it refuses, and that a refusal leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import numpy as np
import pytest

from asteroid_cloud.api import Store
from asteroid_cloud.api.wire import batches
from asteroid_cloud.indexer import bulk_admission
from asteroid_cloud.indexer.limits import BULK_LOADS_MAX
from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio

PATH = "/v1/build/bulk"
ROWS = 500
VECTORS = np.random.default_rng(3).random((ROWS, DIM), np.float32)
BYTES = VECTORS.astype("<f4").tobytes()
PAYLOADS = [None if row % 3 == 0 else {"row": row} if row % 3 == 1 else {} for row in range(ROWS)]
TAIL = json.dumps(PAYLOADS).encode()


def headers(
    rows: object = ROWS, dim: object = DIM, prefix: str = "X-Asteroid-", **more: str
) -> dict[str, str]:
    return {f"{prefix}N": str(rows), f"{prefix}Dim": str(dim), **{prefix + name: more[name] for name in more}}


async def chunked(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def count(http: Http) -> int:
    told = await http.send("POST", "/v1/count", {}, status=200)
    return int(told["count"])


@pytest.mark.parametrize("prefix", ["X-LSMVec-", "X-AsterVec-", "X-Asteroid-", "x-lsmvec-"])
async def test_vectors_get_ids_in_order(http: Http, prefix: str) -> None:
    told = await http.send("POST", PATH, BYTES, status=200, headers=headers(prefix=prefix, Threads="1"))
    assert (told["n"], told["threads"], told["payloads_written"]) == (ROWS, 1, 0)
    assert told["elapsed_ms"] > 0
    assert told["vectors_per_sec"] > 0
    assert await count(http) == ROWS
    for row in (0, 250, ROWS - 1):
        assert await http.found(vector=VECTORS[row].tolist(), k=1) == [row]


def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("PIECE_BYTES_MIN", "PIECE_BYTES_MAX"):
        monkeypatch.setattr(bulk_admission, bound, 1_001)


@pytest.mark.parametrize("size", [7, 1_000, 10**6])
async def test_payloads_follow_the_vectors(
    http: Http, store: Store, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pieces(monkeypatch)
    monkeypatch.setattr(batches, "SLICE_BYTES_MAX", 500)
    told = await http.send("POST", PATH, chunked(BYTES + TAIL, size), status=200, headers=headers())
    assert told["payloads_written"] == sum(1 for payload in PAYLOADS if payload)
    rows = await store.fetch(range(ROWS), include=["payload", "vector"])
    assert [row.payload for row in rows] == [payload or {} for payload in PAYLOADS]
    for row in rows:
        assert row.vector is not None
        assert np.allclose(row.vector, VECTORS[row.id], atol=0.01)
    assert await count(http) == ROWS


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_payload"),
        (BYTES[:-1], "bad_payload"),
        (BYTES[: -4 * DIM], "bad_payload"),
        (BYTES + b"x", "bad_payload"),
        (BYTES + b"\0\0\0\0", "bad_payload"),
        (BYTES + TAIL[:-1], "bad_payload"),
        (BYTES + TAIL + b"x", "bad_payload"),
        (BYTES + b"[]", "bad_payload"),
        (BYTES + json.dumps(PAYLOADS[1:]).encode(), "bad_payload"),
        (BYTES + json.dumps([*PAYLOADS, None]).encode(), "bad_payload"),
        (BYTES + json.dumps([*PAYLOADS[1:], 1]).encode(), "bad_payload"),
        (BYTES + json.dumps([*PAYLOADS[1:], {"a": float("nan")}]).encode(), "bad_payload"),
        (BYTES + json.dumps([*PAYLOADS[1:], {"a": "x" * 65_536}]).encode(), "bad_payload"),
        (BYTES[:-4] + np.array([np.nan], "<f4").tobytes(), "bad_vector"),
        (np.array([np.inf], "<f4").tobytes() + BYTES[4:], "bad_vector"),
    ],
)
@pytest.mark.parametrize("size", [999, 10**6])
async def test_a_bad_body_leaves_the_index_empty(
    http: Http, store: Store, body: bytes, code: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pieces(monkeypatch)
    await http.refused("POST", PATH, chunked(body, size), status=400, code=code, headers=headers())
    assert await count(http) == 0
    assert [path.name for path in Path(store.path).iterdir() if path.name.startswith("tmp")] == []
    await http.send("POST", PATH, BYTES, status=200, headers=headers())
    assert await count(http) == ROWS


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({}, 400, "bad_payload"),
        (headers(rows=0), 400, "bad_payload"),
        (headers(rows="x"), 400, "bad_payload"),
        (headers(rows=-1), 400, "bad_payload"),
        (headers(rows="9" * 19), 400, "bad_payload"),
        (headers(rows=100_000_001), 413, "payload_too_large"),
        ({"X-Asteroid-N": "1"}, 400, "bad_dim"),
        (headers(dim="4.0"), 400, "bad_dim"),
        (headers(dim=0), 400, "bad_dim"),
        (headers(dim=DIM + 1), 400, "wrong_dim"),
        (headers(Threads="-1"), 400, "bad_threads"),
    ],
)
async def test_bad_headers_are_refused(http: Http, sent: dict[str, str], status: int, code: str) -> None:
    await http.refused("POST", PATH, BYTES, status=status, code=code, headers=sent)
    assert await count(http) == 0


async def test_a_length_too_short_is_refused_before_the_body_comes(http: Http) -> None:
    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    short = headers(rows=10**6) | {"Content-Length": str(10**6)}
    await http.refused("POST", PATH, body(), status=400, code="bad_payload", headers=short)


async def test_only_an_empty_index_is_loaded(http: Http) -> None:
    await http.insert(7, ZEROS)
    await http.refused("POST", PATH, BYTES, status=409, code="index_not_empty", headers=headers())
    await http.send("DELETE", "/v1/vectors/7", status=204)
    await http.send("POST", PATH, BYTES, status=200, headers=headers())
    await http.refused("POST", PATH, BYTES, status=409, code="index_not_empty", headers=headers())
    await http.send("DELETE", "/v1/index", status=200)
    await http.refused("POST", PATH, BYTES, status=409, code="index_not_initialized", headers=headers())


async def test_loads_that_stay_open_hold_pieces_that_are_counted(http: Http, store: Store) -> None:
    begun, over = [anyio.Event() for _ in range(BULK_LOADS_MAX)], anyio.Event()

    async def endless(number: int) -> AsyncIterator[bytes]:
        sent = 0
        while sent < len(BYTES) // 2:
            yield BYTES[sent : sent + 999]
            sent += 999
        begun[number].set()
        await over.wait()
        yield b""

    async def load(number: int) -> None:
        await http.refused("POST", PATH, endless(number), status=400, code="bad_payload", headers=headers())

    async with anyio.create_task_group() as group:
        for number in range(BULK_LOADS_MAX):
            group.start_soon(load, number)
        for each in begun:
            await each.wait()
        await anyio.wait_all_tasks_blocked()
        held = (await http.send("GET", "/v1/stats", status=200))["memory"]["bulk_loads"]
        assert held >= BULK_LOADS_MAX * (len(BYTES) // 2)
        over.set()
    assert (await store.stats()).memory.bulk_loads == 0
