"""``asteroid restore`` as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
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
    run(str(store), "--into", str(tmp_path / "c"), "--until-time", datetime.now(UTC).isoformat())
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


@pytest.mark.parametrize("moment", ["2039-01-01T00:00:00Z", "1999-12-31T23:59:59Z"])
@pytest.mark.parametrize("is_backup", [False, True])
def test_row_4_a_time_that_cannot_be_reached_is_status_1(
    store: Path, tmp_path: Path, moment: str, is_backup: bool
) -> None:
    source, into = store, tmp_path / "into"
    if is_backup:
        source = tmp_path / "backup"
        with api.open_blocking(store) as opened:
            opened.backup(str(source))
    said = run(str(source), "--into", str(into), "--until-time", moment, status=1)
    assert "bad_point" in said
    assert moment[:4] in said
    assert not into.exists()


def test_row_4_the_reached_record_and_its_time_are_printed(store: Path, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    said = run(str(store), "--into", str(tmp_path / "a"), "--until-time", now.isoformat())
    assert "as record 4 left it" in said
    assert f"Record 4 was logged at {now.date().isoformat()}T" in said
    assert f"begins with record {2**40}" in said
    told = json.loads(run(str(store), "--into", str(tmp_path / "b"), "--tag", "two", "--json"))
    assert (told["lsn"], told["began_at"]) == (3, 2**40)
    assert 0 < now.timestamp() * 1000 - told["time_ms"] < 10 * 60 * 1000
