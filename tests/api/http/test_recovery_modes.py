"""What a server says of a damaged store: why it does not open, what was given up, and what may be done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api import open as open_store
from asteroid_cloud.api import open_blocking
from asteroid_cloud.api.cli.main import main
from asteroid_cloud.api.embedded.store import Store
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service.metrics import Metrics
from asteroid_cloud.client import Client, LostSegment
from asteroid_cloud.wal.errors import CorruptionError
from ops.forked_server import ForkedServer
from tests.support.asgi import app_over
from tests.support.shell import ask

BASE_MS = 1_577_836_800_000
"""The year 2020: times of now are later."""


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose one segment, with vectors 0 to 7, is damaged, and whose log begins behind it."""
    folder = tmp_path_factory.mktemp("damaged") / "data"

    async def fill() -> None:
        async with open_store(folder, dim=2) as store:
            for id_ in range(8):
                await store.insert(id_, [float(id_), 0.0], metadata={"id": id_})
            await store.engine.flush()
            await store.insert(100, [0.0, 1.0])

    anyio.run(fill)
    payloads = folder / "index" / "segment-000000000001.payload"
    payloads.write_bytes(payloads.read_bytes()[:-1])
    return folder


@pytest.fixture
def folder(damaged: Path, tmp_path: Path) -> Path:
    """A store of the test's own."""
    return Path(shutil.copytree(damaged, tmp_path / "data"))


@contextmanager
def served(folder: Path) -> Iterator[Client]:
    """A client of a server that salvages; an acknowledged loss needs no such mode, but does not mind it."""
    with ForkedServer(folder, "--recovery", "salvage") as server, Client(base_url=server.url) as client:
        while not client.ready():  # the test's own timeout ends it otherwise
            pass
        yield client


def refusal(folder: Path, mode: str) -> str:
    """What a server says that ends because the store does not open."""
    command = [sys.executable, "-m", "asteroid_cloud.api", "serve", "--port", "0", "--recovery", mode]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ASTEROID_")}
    ended = subprocess.run(
        [*command, "--data", str(folder)], capture_output=True, text=True, timeout=60, env=clean, check=False
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def recovery(folder: Path, *options: str) -> Result:
    result = CliRunner().invoke(main, ["recovery", "--data", str(folder), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize(("mode", "advice"), [("strict", "--recovery tail"), ("tail", "--recovery salvage")])
def test_a_server_ends_with_the_place_and_the_advice(folder: Path, mode: str, advice: str) -> None:
    said = refusal(folder, mode)
    assert "segment-000000000001.payload, byte" in said
    assert advice in said.splitlines()[-1]


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/ready", "/v1/recovery", "/v1/stats"])
async def test_a_store_that_does_not_open_says_where_why_and_what_to_do(folder: Path, path: str) -> None:
    async with Store.open(folder) as store:
        with pytest.raises(CorruptionError):
            await store.engine.ready()
        told = await ask(app_over(Settings(data=str(folder)), store, Metrics()), "GET", path)
    assert (told.status, told.code) == (500, "corruption")
    assert told.json["file"] == "segment-000000000001.payload"
    assert told.json["reason"] == "the file ends without a footer"
    assert isinstance(told.json["offset"], int)
    assert "--recovery salvage" in told.json["advice"]
    assert str(folder) not in json.dumps(told.json)


def test_a_store_that_gave_rows_up_is_degraded_until_that_is_acknowledged(folder: Path) -> None:
    assert (recovery(folder).exit_code, recovery(folder).stdout) == (0, "nothing is lost\n")
    with served(folder) as client:
        assert client.ready()
        told = client.recovery()
        (lost,) = told.losses.segments
        assert isinstance(lost, LostSegment)
        assert (lost.rows, lost.least_id, lost.greatest_id) == (8, 0, 7)
        assert lost.time_ms > BASE_MS
        assert (told.mode, len(told.mended), told.losses.acknowledged_ms) == ("salvage", 1, None)
        assert client.stats()["rows_lost"] == 8
        assert [hit.id for hit in client.search([0.0, 0.0], k=10)] == [100]
        locked = recovery(folder, "--acknowledge")
        assert locked.exit_code == 1
    assert "asteroid recovery --acknowledge" in refusal(folder, "tail")
    shown = recovery(folder)
    assert shown.exit_code == 1
    assert "8 rows, ids 0 to 7" in shown.stdout
    assert json.loads(recovery(folder, "--json").stdout)["is_degraded"] is True
    assert recovery(folder, "--acknowledge").exit_code == 0
    assert json.loads(recovery(folder, "--json").stdout)["rows"] == 8
    with open_blocking(folder) as store:
        assert store.recovery().losses.acknowledged_ms is not None
        assert [hit.id for hit in store.search([0.0, 0.0], k=10)] == [100]


def test_an_embedded_store_takes_the_mode_too(folder: Path) -> None:
    with pytest.raises(CorruptionError), open_blocking(folder):
        pass
    with open_blocking(folder, recovery="salvage") as store:
        assert store.recovery().losses.rows == 8
        assert store.count() == 1
