"""Looking at a log while its owner trims it, and at records that nest too deep."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from asteroid_cloud.api.cli.wal import commands as cli
from asteroid_cloud.wal import LocalFiles, LocalLog, Lsn
from asteroid_cloud.wal.append.follower import next_group
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.body import BadFrame
from asteroid_cloud.wal.format.events import Encoded, PayloadReplaced, VectorsUpserted
from asteroid_cloud.wal.format.frame import check_frame, decode_body, decode_header, encode_frame
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.limits import CATCH_UP_BYTES_MAX, MIB
from asteroid_cloud.wal.read.inspector import FileState, LogInspector

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
    real = LogInspector.frames
    pending = [at]

    def frames(self: LogInspector, state: FileState, *, newest: bool) -> object:
        if pending and state.first_lsn == pending[0]:
            pending.clear()
            for number in range(1, upto + 1):
                (folder / "wal" / f"{number:020d}.wal").unlink(missing_ok=True)
        return real(self, state, newest=newest)

    monkeypatch.setattr(LogInspector, "frames", frames)


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
    real = LogInspector.files

    def files(self: LogInspector) -> list[FileState]:
        states = real(self)
        if (folder / "newest").exists():
            for state in states:
                Path(state.path).unlink()
            (folder / "newest").rename(folder / "wal" / f"{5:020d}.wal")
        return states

    monkeypatch.setattr(LogInspector, "files", files)
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


async def test_a_file_trimmed_in_mid_dump_ends_it_with_a_word(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trim_while_read(folder, monkeypatch, at=2, upto=3)
    status, text = run("dump", "--data", str(folder))
    assert status == 1
    assert '"lsn":4' not in text
    assert "was trimmed" in text


def test_an_event_that_nests_too_deep_is_a_bad_frame() -> None:
    deep = b"\x92\x02" + b"\x91" * 5_000 + b"\xc0"
    frame = encode_frame(bytes(16), Lsn(1), 0, [Encoded(deep, b"")])
    header = decode_header(frame)
    with pytest.raises(BadFrame, match="does not decode"):
        list(decode_body(header, check_frame(bytes(16), header, frame)))


async def test_dump_shows_a_payload_that_nests_too_deep(folder: Path) -> None:
    log = await LocalLog.open(LocalFiles(), str(folder / "wal"))
    await log.append([PayloadReplaced(9, b"[" * 5_000)])
    await log.close()
    status, text = run("dump", "--data", str(folder), "--from-lsn", "6")
    assert status == 0
    assert '"not_json"' in text


def test_a_follower_behind_takes_few_large_records_at_once() -> None:
    event = VectorsUpserted(b"", bytes(3 * MIB))
    records = iter([Record(Lsn(number), 0, event) for number in range(1, 65)])
    taken = next_group(records)
    assert len(taken) == -(-CATCH_UP_BYTES_MAX // (3 * MIB))
    assert next_group(records)[0].lsn == taken[-1].lsn + 1


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
