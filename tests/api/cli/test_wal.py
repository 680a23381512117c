"""``asteroid wal`` tells what is in a log and what is wrong with it, and changes nothing."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api.cli.wal.commands import wal
from asteroid_cloud.wal import LocalFiles, LocalLog, lock_directory
from asteroid_cloud.wal.format.events import (
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES, file_name
from asteroid_cloud.wal.lsn import Lsn
from tests.support.logs import event, file_of, frames_of

FRAMES = frames_of(2, 1)
MORE = frames_of(3, first=4)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A data folder with two log files, LSN 1 to 3 and 4 to 6."""
    write(tmp_path, 1, file_of(*FRAMES))
    write(tmp_path, 4, file_of(*MORE, first=4, epoch=2))
    return tmp_path


def write(store: Path, first: int, data: bytes) -> None:
    (store / "wal").mkdir(exist_ok=True)
    (store / "wal" / file_name(Lsn(first))).write_bytes(data)


def run(store: Path, *args: str) -> Result:
    """Runs a command, and checks that the folder is the same afterwards."""
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    result = CliRunner().invoke(wal, [*args, "--data", str(store)])
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_ls(store: Path) -> None:
    first, second = as_json(run(store, "ls", "--json"))
    assert (first["first_lsn"], first["last_lsn"], first["records"], first["frames"]) == (1, 3, 3, 2)
    assert (second["first_lsn"], second["last_lsn"], second["records"], second["epoch"]) == (4, 6, 3, 2)
    assert first["bytes"] == len(file_of(*FRAMES))
    text = run(store, "ls").stdout
    assert "00000000000000000004.wal" in text
    assert len(text.splitlines()) == 3


def test_verify_of_a_whole_log(store: Path) -> None:
    result = run(store, "verify", "--json")
    assert result.exit_code == 0
    found = as_json(result)
    assert (found["ok"], found["files"], found["records"]) == (True, 2, 6)
    assert (found["first_lsn"], found["last_lsn"], found["torn_tail"], found["damage"]) == (1, 6, None, [])
    assert "6 records in 2 files, LSN 1 to 6: ok" in run(store, "verify").stdout


def test_a_torn_tail_is_no_damage(store: Path) -> None:
    write(store, 4, file_of(*MORE, b"torn", first=4))
    result = run(store, "verify")
    assert result.exit_code == 0
    assert (
        f"torn tail: {store}/wal/{file_name(Lsn(4))}, byte {FILE_HEADER_BYTES + len(MORE[0])}"
        in result.stdout
    )
    assert as_json(run(store, "verify", "--json"))["torn_tail"]["reason"] == "the header is cut off"
    assert "torn tail" in run(store, "ls").stdout
    assert run(store, "dump").exit_code == 0


@pytest.mark.parametrize(
    ("first", "data", "offset", "reason"),
    [
        (1, file_of(FRAMES[0], FRAMES[1][:-1]), FILE_HEADER_BYTES + len(FRAMES[0]), "the body is cut off"),
        (1, file_of(FRAMES[0][:-1], FRAMES[1]), FILE_HEADER_BYTES, "the checksum does not match"),
        (1, file_of(FRAMES[1]), FILE_HEADER_BYTES, "record 3 follows record 0"),
        (
            1,
            file_of(FRAMES[0]),
            FILE_HEADER_BYTES + len(FRAMES[0]),
            "record 4 of the next file follows record 2",
        ),
        (1, b"", 0, "the file's header is cut off"),
        (4, file_of(*MORE, first=5), 0, "the file's name and header disagree"),
        (4, file_of(first=4, identity=b"another store 16"), 0, "the file belongs to another store"),
        (4, file_of(b"junk", *MORE, first=4), FILE_HEADER_BYTES, "no frame begins here"),
    ],
)
def test_damage_is_placed_and_ends_in_status_1(
    store: Path, first: int, data: bytes, offset: int, reason: str
) -> None:
    write(store, first, data)
    result = run(store, "verify", "--json")
    assert result.exit_code == 1
    path = f"{store}/wal/{file_name(Lsn(first))}"
    assert {"path": path, "offset": offset, "reason": reason} in as_json(result)["damage"]
    assert f"damage: {path}, byte {offset}: {reason}" in run(store, "verify").stdout


def test_dump_prints_what_is_before_damage(store: Path) -> None:
    write(store, 4, file_of(b"junk", *MORE, first=4))
    result = run(store, "dump")
    assert result.exit_code == 1
    assert [json.loads(line)["lsn"] for line in result.stdout.splitlines()] == [1, 2, 3]
    assert "no frame begins here" in result.stderr


def test_dump_ranges(store: Path) -> None:
    for first in range(1, 8):
        for last in range(1, 8):
            result = run(store, "dump", "--from-lsn", str(first), "--to-lsn", str(last))
            lsns = [json.loads(line)["lsn"] for line in result.stdout.splitlines()]
            assert (result.exit_code, lsns) == (0, list(range(first, min(6, last) + 1)))


def test_a_newer_format_and_a_missing_log_are_errors(store: Path, tmp_path: Path) -> None:
    data = bytearray(file_of(*MORE, first=4))
    data[8] = 9
    write(store, 4, bytes(data))
    for command in ("ls", "dump", "verify"):
        result = run(store, command)
        assert result.exit_code == 1
        assert "format version 9" in result.stderr
        missing = CliRunner().invoke(wal, [command, "--data", str(tmp_path / "none")])
        assert missing.exit_code == 1
        assert "there is no store in" in missing.stderr


def test_the_folder_may_come_from_the_environment(store: Path) -> None:
    result = CliRunner().invoke(wal, ["verify"], env={"ASTEROID_DATA": str(store)})
    assert result.exit_code == 0
    assert CliRunner().invoke(wal, ["verify"], env={"ASTEROID_DATA": ""}).exit_code == 2


@pytest.mark.anyio
async def test_every_event_in_a_store_that_is_open(tmp_path: Path) -> None:
    ids, floats = struct.pack("<2Q", 7, 2**64 - 1), struct.pack("<4f", 1, 2, 3, -0.5)
    events: list[Event] = [
        IndexCreated(2, "l2"),
        VectorsUpserted(ids, floats, [None, b'{"a":\n 1}']),
        VectorsUpserted(ids, floats),
        VectorsDeleted(ids),
        PayloadReplaced(7, b""),
        PayloadMerged(7, b"no json"),
        BulkRows(1, 0, floats),
        BulkPayloads(1, 0, [b'{"b":2}', None]),
        BulkLoaded(1, 7, 2, 2),
        IndexDeleted(),
    ]
    lock = lock_directory(LocalFiles(), str(tmp_path))
    log = await LocalLog.open(LocalFiles(), f"{tmp_path}/wal")
    await log.append(events)
    lines = [json.loads(line) for line in run(tmp_path, "dump").stdout.splitlines()]
    full = [json.loads(line) for line in run(tmp_path, "dump", "--vectors").stdout.splitlines()]
    await log.close()
    lock.release()
    assert [line["event"] for line in lines] == [type(event).__name__ for event in events]
    assert [line["lsn"] for line in lines] == list(range(1, 11))
    assert lines[1]["ids"] == [7, 2**64 - 1]
    assert lines[1]["vectors"] == {"rows": 2, "dim": 2}
    assert lines[1]["payloads"] == [None, {"a": 1}]
    assert full[1]["vectors"] == [[1, 2], [3, -0.5]]
    assert lines[2]["payloads"] is None
    assert lines[4]["payload"] == ""
    assert lines[5]["patch"] == {"not_json": b"no json".hex()}
    assert full[6]["vectors"] == [[1, 2, 3, -0.5]]
    assert lines[7]["payloads"] == [{"b": 2}, None]
    assert lines[8]["since"] == 7


def test_a_log_that_grows_and_is_trimmed_meanwhile_is_no_damage(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest file goes and the newest grows while they are being gone through."""
    newest = f"{store}/wal/{file_name(Lsn(4))}"
    size = LocalFiles.size
    half = FILE_HEADER_BYTES + 10

    def size_at_first(self: LocalFiles, path: str) -> int:
        monkeypatch.setattr(LocalFiles, "size", size)
        os.remove(f"{store}/wal/{file_name(Lsn(1))}")
        return size(self, path) if path != newest else half

    monkeypatch.setattr(LocalFiles, "size", size_at_first)
    result = CliRunner().invoke(wal, ["verify", "--json", "--data", str(store)])
    found = as_json(result)
    assert (found["ok"], found["files"], found["first_lsn"], found["last_lsn"]) == (True, 1, 4, 6)


def test_a_frame_that_is_being_written_is_read_when_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 1, file_of(*FRAMES))
    size, sizes = LocalFiles.size, [FILE_HEADER_BYTES + len(FRAMES[0]) + 9]
    monkeypatch.setattr(LocalFiles, "size", lambda self, path: sizes.pop() if sizes else size(self, path))
    found = as_json(run(tmp_path, "verify", "--json"))
    assert (found["last_lsn"], found["torn_tail"]) == (3, None)


def test_events_of_the_small_log_are_shown(store: Path) -> None:
    lines = run(store, "dump").stdout.splitlines()
    assert json.loads(lines[0]) == {
        "lsn": 1,
        "time": "2026-01-01T00:00:00.000+00:00",
        "event": type(event(1)).__name__,
        "id": 1,
        "payload": "xxxx",
    }
