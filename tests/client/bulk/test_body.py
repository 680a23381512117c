"""The bulk build: every kind of source arrives as the same bytes, in pieces."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.client import Client, Conflict, InvalidRequest
from asteroid_cloud.client.bulk.body import bulk_body
from asteroid_cloud.client.bulk.rows import PIECE_BYTES
from tests.support.clients import KEY, Connect
from tests.support.faulty_server import FaultyServer, refuse

pytestmark = pytest.mark.anyio

ROWS = np.random.default_rng(1).standard_normal((5000, 96)).astype(np.float32)


def sources(folder: Path) -> dict[str, tuple[Any, int | None]]:
    """The same vectors in every form, with the dim where it must be said."""
    np.save(folder / "rows.npy", ROWS)
    np.save(folder / "wide.npy", ROWS.astype(np.float64))
    np.save(folder / "big-endian.npy", ROWS.astype(">f4"))
    ROWS.tofile(folder / "rows.f32")
    return {
        "array": (ROWS, None),
        "float64": (ROWS.astype(np.float64), 96),
        "fortran": (np.asfortranarray(ROWS), None),
        "strided": (np.repeat(ROWS, 2, axis=0)[::2], None),
        "big-endian": (ROWS.astype(">f4"), None),
        "lists": (ROWS.tolist(), None),
        "list of arrays": (list(ROWS), None),
        "npy": (folder / "rows.npy", None),
        "npy as text": (str(folder / "rows.npy"), 96),
        "npy of float64": (folder / "wide.npy", None),
        "npy of big-endian": (folder / "big-endian.npy", None),
        "f32": (folder / "rows.f32", 96),
    }


async def test_every_source_becomes_the_same_bytes(tmp_path: Path) -> None:
    for name, (vectors, dim) in sources(tmp_path).items():
        body = bulk_body(vectors, dim, None)
        assert body.size_bytes == ROWS.nbytes
        pieces = [bytes(piece) for piece in body.pieces()]
        async with body.opened() as supply:
            assert [bytes(piece) async for piece in supply] == pieces
        assert b"".join(pieces) == ROWS.tobytes(), name
        assert len(pieces) > 1


def test_payloads_follow_the_vectors() -> None:
    payloads = [None if place % 3 == 0 else {"place": place, "name": "ö"} for place in range(5000)]
    body = bulk_body(ROWS, None, payloads)
    sent = b"".join(body.pieces())
    assert len(sent) == body.size_bytes
    assert sent[: ROWS.nbytes] == ROWS.tobytes()
    assert json.loads(sent[ROWS.nbytes :]) == payloads


async def test_an_index_is_built_of_what_is_sent(client: Any, server: FaultyServer, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", ROWS[:500].astype(np.float64))
    payloads = [None if place % 5 == 0 else {"place": place, "name": "ö"} for place in range(500)]
    for vectors, threads in ((ROWS[:500], 0), (tmp_path / "rows.npy", 1)):
        created = await client.create_index(96)
        report = await client.bulk_build(vectors, threads=threads, payloads=payloads)
        assert (report.n, report["payloads_written"]) == (500, 400)
        assert report.lsn > created.lsn
        assert (await client.get(499)).vector == pytest.approx(ROWS[499], abs=0.01)
        assert await client.get_payload(499) == payloads[499]
        headers = next(seen.headers for seen in server.seen if seen.path == "/v1/build/bulk")
        assert (headers["X-Asteroid-N"], headers["X-Asteroid-Dim"]) == ("500", "96")
        assert headers.get("X-Asteroid-Threads") == (str(threads) if threads else None)
        assert headers["Content-Length"] == str(bulk_body(ROWS[:500], None, payloads).size_bytes)
        assert "Transfer-Encoding" not in headers
        await client.delete_index()
        server.seen.clear()


async def test_the_server_may_refuse(client: Any) -> None:
    await client.create_index(1)
    await client.insert(1, [1.0])
    with pytest.raises(Conflict) as caught:
        await client.bulk_build(np.zeros((2, 1)))
    assert caught.value.code == "index_not_empty"


def test_a_refusal_before_the_body_is_read_is_understood(server: FaultyServer) -> None:
    with Client(KEY, server.url) as client:
        server.script.append(refuse(409, "index_not_empty"))
        with pytest.raises(Conflict):
            client.bulk_build(np.zeros((200, 96), dtype=np.float32))


async def test_wrong_input_sends_nothing(client: Any, server: FaultyServer, tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.zeros(5))
    np.save(tmp_path / "text.npy", np.array([["a"]]))
    np.save(tmp_path / "fortran.npy", np.asfortranarray(np.zeros((2, 3))))
    (tmp_path / "torn.npy").write_bytes((tmp_path / "fortran.npy").read_bytes()[:70])
    np.save(tmp_path / "short.npy", ROWS)
    with (tmp_path / "short.npy").open("r+b") as file:
        file.truncate(1000)
    (tmp_path / "odd.f32").write_bytes(b"12345")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"vectors": np.zeros(3)}, "bad_vector"),
        ({"vectors": np.zeros((0, 3))}, "bad_payload"),
        ({"vectors": []}, "bad_payload"),
        ({"vectors": [[1, 2], [3]]}, "wrong_dim"),
        ({"vectors": ROWS, "dim": 95}, "wrong_dim"),
        ({"vectors": ROWS, "payloads": [{}]}, "bad_payload"),
        ({"vectors": ROWS[:1], "payloads": [5]}, "bad_payload"),
        ({"vectors": ROWS[:1], "payloads": [{"a": float("nan")}]}, "bad_payload"),
        ({"vectors": ROWS, "threads": -1}, "bad_threads"),
        ({"vectors": tmp_path / "flat.npy"}, "bad_file"),
        ({"vectors": tmp_path / "text.npy"}, "bad_file"),
        ({"vectors": tmp_path / "fortran.npy"}, "bad_file"),
        ({"vectors": tmp_path / "torn.npy"}, "bad_file"),
        ({"vectors": tmp_path / "short.npy"}, "bad_file"),
        ({"vectors": tmp_path / "odd.f32", "dim": 1}, "bad_file"),
        ({"vectors": tmp_path / "odd.f32"}, "bad_dim"),
    ]
    for arguments, code in wrong:
        with pytest.raises(InvalidRequest) as caught:
            await client.bulk_build(**arguments)
        assert caught.value.code == code, arguments
    with pytest.raises(FileNotFoundError):
        await client.bulk_build(tmp_path / "none.npy")
    assert server.seen == []


async def test_a_bad_number_found_on_the_way_is_named(client: Any) -> None:
    vectors = ROWS.astype(np.float64)
    vectors[4000, 5] = np.nan
    await client.create_index(96)
    with pytest.raises(InvalidRequest) as caught:
        await client.bulk_build(vectors)
    assert caught.value.code == "bad_vector"
    assert "from row" in caught.value.message
    assert await client.count() == 0  # the client still works


async def test_a_large_build_takes_little_memory(tmp_path: Path) -> None:
    vectors = np.zeros((60_000, 96), dtype=np.float64)  # 46 MB here, 23 MB on the wire
    np.save(tmp_path / "rows.npy", vectors)
    body = bulk_body(vectors, None, None)
    from_file = bulk_body(tmp_path / "rows.npy", None, None)
    tracemalloc.start()
    for source in (body, from_file):
        assert sum(len(piece) for piece in source.pieces()) == source.size_bytes == 60_000 * 96 * 4
        total = 0
        async with source.opened() as pieces:
            async for piece in pieces:
                total += len(piece)
        assert total == source.size_bytes
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 10 * PIECE_BYTES


def test_an_array_of_the_wire_layout_is_not_copied() -> None:
    piece = next(bulk_body(ROWS, None, None).pieces())
    assert isinstance(piece, memoryview)
    assert np.shares_memory(np.frombuffer(piece, np.float32), ROWS)


async def test_its_own_time_limit(connect: Connect) -> None:
    await connect().create_index(96)
    assert (await connect(timeout=1e-9).bulk_build(ROWS[:100])).n == 100
