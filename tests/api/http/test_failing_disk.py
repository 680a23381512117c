"""A full or broken disk, seen from outside: 507 or 503 at once, with a reason, and no path of the server."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import anyio
import numpy as np
import pytest

from asteroid_cloud.api.http.app import create_app
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service.collections import Collection
from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.indexer.maintenance import sealer
from asteroid_cloud.indexer.state import backpressure
from asteroid_cloud.wal import LocalFiles
from tests.support.asgi import Answer, ask, routes_of
from tests.support.faulty_files import Fault, FaultyFiles
from tests.support.only import only

pytestmark = pytest.mark.anyio
DIM = 4
OPTIONS = EngineOptions(idle_seal_s=600, idle_flush_s=600)
WRITES: list[tuple[str, str, object]] = [
    ("POST", "/v1/vectors", {"id": 1, "vector": [1] * DIM}),
    ("PUT", "/v1/vectors/1", {"vector": [1] * DIM}),
    ("DELETE", "/v1/vectors/1", None),
    ("PUT", "/v1/vectors/1/payload", {"a": 1}),
    ("PATCH", "/v1/vectors/1/payload", {"a": 1}),
    ("POST", "/v1/vectors/batch", {"items": [{"id": 1, "vector": [1] * DIM}]}),
    ("POST", "/v1/vectors/delete", {"ids": [1]}),
    ("POST", "/v1/vectors/delete", {"filter": {}}),
    ("POST", "/v1/vectors/patch", {"filter": {}, "patch": {"a": 1}}),
    ("POST", "/v1/tags", {"name": "now"}),
    ("POST", "/v1/purge", None),
    ("POST", "/v1/backup", {"name": "one"}),
    ("DELETE", "/v1/index", None),
]


@asynccontextmanager
async def served(
    path: Path, files: FaultyFiles, options: EngineOptions = OPTIONS
) -> AsyncIterator[RequestGuard]:
    """The application over a store on a disk that may fail, with one row."""
    async with Engine.open(str(path / "data"), options, files=files) as engine:
        await engine.ready()
        if engine.spec is None:
            await engine.create_index(DIM, "l2")
        collection = Collection(str(path / "data"), engine, str(path / "backups"))
        settings = Settings(data=str(path / "data"), backup_dir=str(path / "backups"))
        gate = create_app(settings, only(collection))
        await send(gate, "POST", "/v1/vectors", {"id": 1, "vector": [1] * DIM, "metadata": {"b": 2}})
        yield gate


async def send(gate: RequestGuard, method: str, path: str, body: object = None) -> Answer:
    """One request, with JSON; what it takes is bounded."""
    pieces = [] if body is None else [json.dumps(body).encode()]
    with anyio.fail_after(20):
        return await ask(gate, method, path, pieces)


async def test_a_full_disk_is_507_whatever_is_written_and_goes_on_by_itself(tmp_path: Path) -> None:
    files = FaultyFiles(LocalFiles())
    async with served(tmp_path, files) as gate:
        files.arm(1, Fault.NO_SPACE, "write", "create", for_ever=True)
        for method, path, body in WRITES:
            if path == "/v1/backup":
                continue  # it goes to another disk
            told = (await send(gate, method, path, body)).check_refused(507, "no_space")
            assert str(tmp_path) not in str(told)
        assert (await send(gate, "POST", "/v1/count", {})).json == {"count": 1}
        files.disarm()
        for method, path, body in WRITES:
            status = (await send(gate, method, path, body)).status
            assert status < 300 or (status == 404 and "payload" in path), path


async def test_attacks_row_11_a_tag_on_a_full_disk_is_507_and_not_made_later(tmp_path: Path) -> None:
    files = FaultyFiles(LocalFiles())
    async with served(tmp_path, files) as gate:
        files.arm(1, Fault.SHORT_NO_SPACE, "write", for_ever=True, path_contains="index")
        (await send(gate, "POST", "/v1/tags", {"name": "one"})).check_refused(507, "no_space")
        (await send(gate, "POST", "/v1/tags", {"name": "one"})).check_refused(507, "no_space")
        files.disarm()
        assert (await send(gate, "GET", "/v1/tags")).json == {"tags": []}
        assert (await send(gate, "POST", "/v1/tags", {"name": "one"})).status == 201


async def test_row_22_writes_to_a_full_memtable_on_a_full_disk_are_507_also_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer, "NO_SPACE_RETRY_S", 0.002)
    monkeypatch.setattr(backpressure, "WRITE_ADMISSION_WAIT_S_MAX", 3_600.0)
    small = EngineOptions(idle_seal_s=600, idle_flush_s=600, seal_rows=5)
    files = FaultyFiles(LocalFiles())
    for _ in range(2):
        async with served(tmp_path, files, small) as gate:
            files.arm(1, Fault.NO_SPACE, "write", "create", for_ever=True, path_contains="index")
            for first in range(100, 140, 10):
                items = [{"id": first + row, "vector": [row] * DIM} for row in range(10)]
                answer = await send(gate, "POST", "/v1/vectors/batch", {"items": items})
            told = answer.check_refused(507, "no_space")
            assert told["inserted"] == 0
            files.disarm()
            with anyio.fail_after(20):  # it goes on by itself, at the next try to seal
                while (await send(gate, "POST", "/v1/vectors/batch", {"items": items})).status != 201:
                    await anyio.sleep(0.01)


class FullFile:
    """A temporary file on a full disk."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner

    def write(self, data: bytes) -> int:
        """Fails."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def __enter__(self) -> FullFile:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._inner.__exit__(*error)


@pytest.mark.parametrize("full_at", ["once", "the first write", "the end"])
async def test_attacks_row_10_payloads_of_a_bulk_load_on_a_full_disk_are_507_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    make = tempfile.TemporaryFile

    def full(**options: Any) -> Any:
        if full_at == "once":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if full_at == "the end":  # where there is a buffer, when it is written, and again when it is closed
            return Path("/dev/full").open("w+b", buffering=options.get("buffering", -1))
        return FullFile(make(**options))

    async with served(tmp_path, FaultyFiles(LocalFiles())) as gate:
        await send(gate, "DELETE", "/v1/vectors/1")
        monkeypatch.setattr(tempfile, "TemporaryFile", full)
        body = np.zeros((2, DIM), "<f4").tobytes() + b'[{"a":1},{"a":2}]'
        headers = {"X-Asteroid-N": "2", "X-Asteroid-Dim": str(DIM)}
        answer = await ask(gate, "POST", "/v1/build/bulk", [body], headers=headers)
        told = answer.check_refused(507, "no_space")
        assert str(tmp_path) not in str(told)
        assert sorted(os.listdir(tmp_path / "data")) == ["LOCK", "index", "wal"]
        monkeypatch.undo()
        assert (await ask(gate, "POST", "/v1/build/bulk", [body], headers=headers)).status == 200


@pytest.mark.parametrize("kind", ["write", "sync", "create"])
async def test_row_24_no_answer_has_a_path_of_the_server(tmp_path: Path, kind: str) -> None:
    files = FaultyFiles(LocalFiles())
    async with served(tmp_path, files) as gate:
        assert (await send(gate, "POST", "/v1/backup", {"name": "one"})).status == 201
        files.arm(1, Fault.IO_ERROR, kind, for_ever=True)
        answers = [await send(gate, *each) for each in WRITES if each[1] != "/v1/purge"]
        assert sum(answer.status >= 500 for answer in answers) >= 2
        for method, path in routes_of(gate):
            if method == "GET" and path not in ("/docs", "/openapi.json") and "changes" not in path:
                answers.append(await send(gate, method, path))
        for answer in answers:
            assert str(tmp_path).encode() not in answer.body
        files.disarm()
