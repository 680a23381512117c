"""Looking at a log: nothing of it is changed, and its owner may append to it and trim it meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from asteroid_cloud.api.cli.wal import commands as cli
from asteroid_cloud.wal import LocalFiles, LocalLog, Lsn
from asteroid_cloud.wal.errors import CorruptionError, LogPruned, NotFound
from asteroid_cloud.wal.format.events import PayloadReplaced
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.read.file_state import FileState
from asteroid_cloud.wal.read.log_reader import LogReader
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import FIRST, FOLDER, IDENTITY, disk, file_of, frames_of, ids
from tests.support.read_only_files import ReadOnlyFiles

pytestmark = pytest.mark.anyio


@pytest.fixture
async def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store whose log has a file for each of its five records."""
    monkeypatch.setattr("asteroid_cloud.wal.append.writer.LOG_FILE_BYTES_MAX", 57)
    log = await LocalLog.open(LocalFiles(), str(tmp_path / "wal"))
    for number in range(5):
        await log.append([PayloadReplaced(number, b"{}")])
    await log.close()
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.wal, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def trim_while_read(folder: Path, monkeypatch: pytest.MonkeyPatch, at: int, upto: int) -> None:
    """Removes the files of records up to ``upto`` just before the one of record ``at`` is read."""
    read, pending = LocalFiles.read, [f"{at:020d}.wal"]

    def trim_and_read(self: LocalFiles, path: str, offset: int, length: int) -> bytes:
        if pending and path.endswith(pending[0]):
            pending.clear()
            for number in range(1, upto + 1):
                (folder / "wal" / f"{number:020d}.wal").unlink(missing_ok=True)
        return read(self, path, offset, length)

    monkeypatch.setattr(LocalFiles, "read", trim_and_read)


async def test_files_trimmed_after_an_older_one_was_read_are_no_damage(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trim_while_read(folder, monkeypatch, at=2, upto=3)
    status, text = run("verify", "--data", str(folder))
    assert status == 0
    assert "2 records in 2 files, LSN 4 to 5: ok" in text


async def test_a_log_trimmed_whole_after_it_was_listed_is_listed_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "wal" / f"{5:020d}.wal").rename(folder / "newest")
    list_files = LogReader.files

    def list_then_trim(self: LogReader) -> list[FileState]:
        states = list_files(self)
        if (folder / "newest").exists():
            for state in states:
                Path(state.path).unlink()
            (folder / "newest").rename(folder / "wal" / f"{5:020d}.wal")
        return states

    monkeypatch.setattr(LogReader, "files", list_then_trim)
    status, text = run("verify", "--data", str(folder))
    assert status == 0
    assert "1 records in 1 files, LSN 5 to 5: ok" in text


async def test_dump_does_not_print_past_a_missing_file(folder: Path) -> None:
    (folder / "wal" / f"{3:020d}.wal").unlink()
    status, text = run("dump", "--data", str(folder))
    assert status == 1
    assert '"lsn":2' in text
    assert '"lsn":4' not in text
    assert "record 4 of the next file follows record 2" in text


async def test_a_file_trimmed_in_mid_dump_ends_it_with_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trim_while_read(folder, monkeypatch, at=2, upto=3)
    status, text = run("dump", "--data", str(folder))
    assert status == 1
    assert '"lsn":4' not in text
    assert "was trimmed" in text


async def test_dump_shows_a_payload_that_nests_too_deep(folder: Path) -> None:
    log = await LocalLog.open(LocalFiles(), str(folder / "wal"))
    await log.append([PayloadReplaced(9, b"[" * 5_000)])
    await log.close()
    status, text = run("dump", "--data", str(folder), "--from-lsn", "6")
    assert status == 0
    assert '"not_json"' in text


async def test_damage_stays_damage_when_the_file_is_looked_at_again(folder: Path) -> None:
    path = folder / "wal" / f"{3:020d}.wal"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert run("verify", "--data", str(folder))[0] == 1
    log = await LocalLog.open(LocalFiles(), str(folder / "wal"))
    with pytest.raises(CorruptionError):
        list(log.read(Lsn(1)))
    await log.close()


FRAMES = frames_of(2, 1, 3)


def test_a_reader_says_what_the_log_holds_and_where_a_torn_tail_begins() -> None:
    files = disk(file_of(*FRAMES), (7, file_of(*frames_of(2, first=7), b"torn", first=7, epoch=3)))
    before = files.image()
    log = LogReader(ReadOnlyFiles(files), FOLDER)
    assert (log.identity, log.header.epoch, log.first_lsn, log.durable_lsn) == (IDENTITY, 3, 1, 8)
    assert log.end.torn is not None
    assert (log.end.torn.path, log.end.torn_bytes) == (log.end.newest.path, 4)
    assert log.end.torn.offset == FILE_HEADER_BYTES + len(frames_of(2, first=7)[0])
    assert files.image() == before


def test_every_range_is_read_exactly() -> None:
    log = LogReader(disk(file_of(*FRAMES), (7, file_of(*frames_of(2, first=7), b"torn", first=7))), FOLDER)
    for first in range(1, 11):
        assert ids(list(log.read(Lsn(first)))) == list(range(first, 9))
        for last in range(11):
            assert ids(list(log.read(Lsn(first), Lsn(last)))) == list(range(first, min(last, 8) + 1))


def test_a_log_that_begins_later_is_pruned_or_read_from_its_oldest_record() -> None:
    log = LogReader(disk((7, file_of(*frames_of(2, first=7), first=7))), FOLDER)
    with pytest.raises(LogPruned, match="record 3 is gone; the log begins with 7"):
        list(log.read(Lsn(3)))
    assert [frame.header.first_lsn for frame in log.held_frames(Lsn(3))] == [7]


def test_without_a_log_everything_says_so() -> None:
    log = LogReader(MemoryFiles(), FOLDER)
    for look in (lambda: log.first_lsn, lambda: log.durable_lsn, lambda: log.identity, log.files):
        with pytest.raises(NotFound, match="there is no log in"):
            look()


def test_a_check_goes_on_behind_damage_and_sees_gaps() -> None:
    third = file_of(*frames_of(1, first=9), first=9)
    files = disk(
        file_of(FRAMES[0], b"junk", FRAMES[1]), (4, file_of(*frames_of(3, first=4), first=4)), (9, third)
    )
    found = LogReader(files, FOLDER).check(bodies=True)
    assert (found.records, found.first_lsn, found.last_lsn, found.torn_tail) == (6, 1, 9, None)
    assert [(each.path, each.reason) for each in found.damage] == [
        (FIRST, "no frame begins here"),
        (f"{FOLDER}/{4:020d}.wal", "record 9 of the next file follows record 6"),
    ]
