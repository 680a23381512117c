"""``asteroid restore`` as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import asteroid_cloud.api as api


def run(*arguments: str, status: int = 0) -> str:
    """What the command prints."""
    command = [sys.executable, "-m", "asteroid_cloud.api", "restore", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Three rows; the tag ``two`` has two of them, the third is record 4."""
    path = tmp_path / "store"
    with api.open_blocking(path, dim=2, log_retention_bytes=2**20) as store:
        store.insert(1, [0, 1])
        store.insert(2, [0, 1])
        store.tag("two")
        store.insert(3, [0, 1])
    return path


def rows(path: Path) -> int:
    with api.open_blocking(path) as store:
        return store.count()


def test_a_new_store_as_of_a_point(store: Path, tmp_path: Path) -> None:
    said = run(str(store), "--into", str(tmp_path / "a"), "--tag", "two")
    assert "as record 3 left it: tag two, and 0 records after it" in said
    assert rows(tmp_path / "a") == 2
    told = json.loads(run(str(store), "--into", str(tmp_path / "b"), "--until-lsn", "4", "--json"))
    assert (told["lsn"], told["base_lsn"], told["records"]) == (4, 3, 1)
    assert rows(tmp_path / "b") == 3
    run(str(store), "--into", str(tmp_path / "c"), "--until-time", "2999-01-01T00:00:00Z")
    assert rows(tmp_path / "c") == 3
    assert rows(store) == 3


def test_in_place_with_undo(store: Path) -> None:
    assert "replaced.1; --undo brings it back" in run(str(store), "--in-place", "--tag", "two")
    assert rows(store) == 2
    assert "is what it was before" in run(str(store), "--undo")
    assert rows(store) == 3
    assert json.loads(run(str(store), "--undo", "--json")) == {"put_aside": "replaced.3"}
    assert rows(store) == 2


def test_what_cannot_be_done_is_said_in_a_line(store: Path, tmp_path: Path) -> None:
    into = ("--into", str(tmp_path / "a"))
    assert "the log ends with record 4" in run(str(store), *into, "--until-lsn", "9", status=1)
    assert "no_tag" in run(str(store), *into, "--tag", "three", status=1)
    assert "is no instant" in run(str(store), *into, "--until-time", "yesterday", status=2)
    assert "nothing_to_undo" in run(str(store), "--undo", status=1)
    assert "give one of" in run(str(store), *into, "--in-place", status=2)
    assert "no point in time" in run(str(store), "--check", "--tag", "two", status=2)
    with api.open_blocking(store):
        assert "lock_held" in run(str(store), *into, status=1)
    assert not (tmp_path / "a").exists()


def test_a_backup_and_the_log_after_it(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with api.open_blocking(store, log_retention_bytes=2**20) as opened:
        opened.flush()
        opened.backup(copy)
        opened.insert(4, [0, 1])
        opened.insert(5, [0, 1])
        into = ("--into", str(tmp_path / "a"))
        told = json.loads(run(str(copy), "--log", str(store), *into, "--until-lsn", "5", "--json"))
        assert (told["base"], told["base_lsn"], told["records"]) == ("the backup", 4, 1)
    assert rows(tmp_path / "a") == 4
    run(str(copy), "--into", str(tmp_path / "b"))
    assert rows(tmp_path / "b") == 3
