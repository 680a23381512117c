"""The ``asteroid`` command as a shell sees it, and above all ``asteroid wal replay``."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asteroid_cloud.client import Client, Unauthorized
from ops.forked_server import ForkedServer

COMMAND = [sys.executable, "-m", "asteroid_cloud.api"]
SECONDS_MAX = 60
KEY = "canary-of-the-test-4d90a1"


def asteroid(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASTEROID_")}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        env=clean | variables,
        check=False,
    )


def fill(folder: Path) -> None:
    """Leaves a store with nine vectors, one of them twice written, and payloads."""
    options = ("--dim", "2", "--seal-rows", "4", "--keep-log")
    with ForkedServer(folder, *options) as server, Client(base_url=server.url) as client:
        client.insert_batch([(id, [float(id), 0.0], {"id": id}) for id in range(10)])
        client.upsert(3, [3.0, 3.0])
        client.delete(7)
        while not any((folder / "index").glob("manifest-*")):  # the test's own timeout ends it otherwise
            client.health()
        assert server.stop() == 0


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that no test may change."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    fill(folder)
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """A store of the test's own."""
    return Path(shutil.copytree(filled, tmp_path / "data"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedServer]:
    """A server that runs while others are tried."""
    with ForkedServer(tmp_path_factory.mktemp("running"), "--dim", "2") as server:
        yield server


def held(folder: Path) -> dict[str, bytes]:
    """Every file of a store but the lock, which names the last process."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "LOCK"
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--help"], ["serve", "wal"]), (["wal", "--help"], ["ls", "dump", "verify", "replay"])],
)
def test_the_help_lists_the_commands(arguments: list[str], words: list[str]) -> None:
    ended = asteroid(*arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [word for word in words if word not in ended.stdout] == []


def test_replay_leaves_a_store_in_use_alone(server: ForkedServer) -> None:
    data = server.data
    replayed = asteroid("wal", "replay", "--data", data)
    assert (replayed.returncode, replayed.stdout) == (2, "")
    assert "lock_held" in replayed.stderr
    with Client(base_url=server.url) as client:
        assert client.ready()


def test_a_server_comes_up_ends_at_a_signal_and_keeps_its_data(filled: Path, folder: Path) -> None:
    variables = {"ASTEROID_DATA": str(folder), "ASTEROID_PORT": "0", "ASTEROID_API_KEY": KEY}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASTEROID_")}
    running = subprocess.Popen(
        [*COMMAND, "serve", "--dim", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean | variables,
    )
    assert running.stdout is not None
    line = running.stdout.readline()
    found = re.fullmatch(r"Asteroid is listening on (http://127\.0\.0\.1:\d+)\n", line)
    assert found
    with Client(base_url=found[1], api_key=KEY) as client:
        assert client.stats().vectors == 9
        assert client.get(3).vector == pytest.approx([3.0, 3.0], abs=0.05)
        client.insert(100, [5.0, 5.0], {"new": True})
    with Client(base_url=found[1]) as stranger, pytest.raises(Unauthorized):
        stranger.stats()
    running.terminate()
    out, error = running.communicate(timeout=SECONDS_MAX)
    assert (running.returncode, out) == (0, "")
    assert all(" INFO " in line for line in error.splitlines()), error
    with ForkedServer(folder) as server, Client(base_url=server.url) as client:
        assert client.stats().vectors == 10
        assert client.get_payload(100) == {"new": True}


def test_replay_agrees_and_changes_nothing(folder: Path) -> None:
    before = held(folder)
    ended = asteroid("wal", "replay", "--data", folder)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Rebuilt 9 vectors" in ended.stdout
    assert "They agree." in ended.stdout
    assert held(folder) == before


def test_replay_reports_in_json(filled: Path) -> None:
    ended = asteroid("wal", "replay", "--json", ASTEROID_DATA=str(filled))
    assert (ended.returncode, ended.stderr, ended.stdout.count("\n")) == (0, "", 1)
    report = json.loads(ended.stdout)
    assert (report["vectors"], report["from_lsn"], report["live_error"]) == (9, 1, None)
    assert report["digest"] == report["live_digest"] != ""
    again = json.loads(asteroid("wal", "replay", "--json", "--data", filled).stdout)
    assert again["digest"] == report["digest"]


@pytest.mark.parametrize("damage", ["none", "flipped", "missing"])
def test_replay_puts_the_rebuilt_index_in_place(folder: Path, damage: str) -> None:
    index = folder / "index"
    if damage == "flipped":
        for path in list(index.iterdir()):
            flipped = bytearray(path.read_bytes())
            flipped[len(flipped) // 2] ^= 0xFF
            path.write_bytes(flipped)
    elif damage == "missing":
        shutil.rmtree(index)
    looked = asteroid("wal", "replay", "--data", folder)
    assert looked.returncode == (0 if damage == "none" else 1)
    assert ("does not open" in looked.stdout) == (damage != "none")
    applied = asteroid("wal", "replay", "--data", folder, "--apply")
    assert applied.returncode == 0
    assert "is in place" in applied.stdout
    assert (folder / "index.broken.1").exists() == (damage != "missing")
    assert asteroid("wal", "replay", "--data", folder).returncode == 0
    with ForkedServer(folder) as server, Client(base_url=server.url) as client:
        assert client.stats().vectors == 9
        assert client.get_payload(9) == {"id": 9}
        assert [hit.id for hit in client.search([8.0, 0.0], k=2)] == [8, 9]


def test_replay_of_a_damaged_log_is_impossible(folder: Path) -> None:
    log = next((folder / "wal").glob("*.wal"))
    text = bytearray(log.read_bytes())
    text[len(text) // 3] ^= 0xFF
    log.write_bytes(text)
    ended = asteroid("wal", "replay", "--data", folder, "--apply")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("corruption: ")
    assert "Traceback" not in ended.stderr
    assert not (folder / "index.broken.1").exists()


def test_replay_of_no_store_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    ended = asteroid("wal", "replay", "--data", tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "no store" in ended.stderr
    assert list(tmp_path.iterdir()) == []
    assert asteroid("wal", "replay", "--data", tmp_path / "nowhere").returncode == 2
