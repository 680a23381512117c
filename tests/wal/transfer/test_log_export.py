"""Exported records are imported whole or not at all, into a new store or where another ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api.cli.wal.commands import wal
from asteroid_cloud.wal import LocalFiles, LocalLog, Lsn, lock_directory
from asteroid_cloud.wal.errors import (
    Conflict,
    CorruptionError,
    InvalidRequest,
    LockHeld,
    LogPruned,
    StorageError,
)
from asteroid_cloud.wal.format.events import encode_event
from asteroid_cloud.wal.format.frame import encode_frame
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES, file_name
from asteroid_cloud.wal.transfer.log_export import check_export, export_log, import_log
from asteroid_cloud.wal.transfer.new_history import begin_history
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles
from tests.support.logs import FIRST, FOLDER, IDENTITY, TIME_MS, disk, event, file_of, frames_of, ids

pytestmark = pytest.mark.anyio
FRAMES = frames_of(3, 2, 4)
FILE = "carried.asteroid"


def source(tail: bytes = b"") -> MemoryFiles:
    """Records 1 to 9 in two files."""
    files = disk(file_of(*FRAMES[:2]), (6, file_of(FRAMES[2], tail, first=6)))
    files.make_dirs("")
    return files


async def held(files: MemoryFiles, folder: str) -> list[int]:
    log = await LocalLog.open(files, folder)
    try:
        return ids(list(log.read(log.first_lsn)))
    finally:
        await log.close()


async def test_a_new_store_has_all_records(monkeypatch: pytest.MonkeyPatch) -> None:
    files = source(b"torn")
    sync_dir = MemoryFiles.sync_dir
    monkeypatch.setattr(
        MemoryFiles, "sync_dir", lambda self, path: sync_dir(self, "" if path == "." else path)
    )
    done = export_log(files, FOLDER, FILE)
    assert (done.first_lsn, done.last_lsn, done.identity) == (1, 9, IDENTITY.hex())
    assert done == check_export(files, FILE)
    assert import_log(files, FILE, "new") == done
    assert await held(files, "new/wal") == list(range(1, 10))
    with pytest.raises(Conflict) as raised:
        import_log(files, FILE, "new")
    assert raised.value.code == "lsn_mismatch"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> MemoryFiles:
    """The source, on a disk where the file lies beside it."""
    sync_dir = MemoryFiles.sync_dir
    monkeypatch.setattr(
        MemoryFiles, "sync_dir", lambda self, path: sync_dir(self, "" if path == "." else path)
    )
    return source()


async def test_every_part_goes_on_where_another_log_ends(files: MemoryFiles) -> None:
    for first in range(2, 10):
        for last in range(first, 10):
            name, into = f"part-{first}-{last}", f"to-{first}-{last}"
            export_log(files, FOLDER, f"{name}-head", until_lsn=Lsn(first - 1))
            export_log(files, FOLDER, name, Lsn(first), Lsn(last))
            import_log(files, f"{name}-head", into)
            newest = f"{into}/wal/{file_name(Lsn(1))}"
            whole = bytes(files.contents[newest])
            files.contents[newest] += b"torn"
            import_log(files, name, into)
            assert await held(files, f"{into}/wal") == list(range(1, last + 1))
            assert files.contents[f"{newest}.{len(whole)}.broken"] == b"torn"


async def test_what_does_not_fit_is_refused_and_changes_nothing(files: MemoryFiles) -> None:
    export_log(files, FOLDER, "tail", Lsn(5))
    export_log(files, FOLDER, "head", until_lsn=Lsn(3))
    with pytest.raises(LogPruned, match="begins with record 5"):
        import_log(files, "tail", "new")
    import_log(files, "head", "new")
    files.make_dirs("other/wal")
    files.contents[f"other/wal/{file_name(Lsn(1))}"] = bytearray(
        file_of(*frames_of(4, identity=b"another store 16"), identity=b"another store 16")
    )
    files.make_dirs("later/wal")
    files.contents[f"later/wal/{file_name(Lsn(1))}"] = bytearray(file_of(*frames_of(4), epoch=1))
    files.contents["mine/letter"] = bytearray(b"dear")
    files.make_dirs("mine")
    image = files.image()
    for into, code in (
        ("new", "lsn_mismatch"),
        ("other", "another_store"),
        ("later", "another_store"),
        ("mine", "not_empty"),
    ):
        with pytest.raises(Conflict) as raised:
            import_log(files, "tail", into)
        assert raised.value.code == code
    with pytest.raises(Conflict, match="exists already"):
        export_log(files, FOLDER, "tail")
    for first, last in ((12, None), (1, 10), (5, 4)):
        with pytest.raises(InvalidRequest):
            export_log(files, FOLDER, "never", Lsn(first), None if last is None else Lsn(last))
    files.contents.pop(FIRST)
    with pytest.raises(LogPruned):
        export_log(files, FOLDER, "never", Lsn(2))
    assert files.image() == {path: data for path, data in image.items() if path != FIRST}
    held_lock = lock_directory(files, "new")
    with pytest.raises(LockHeld):
        import_log(files, "tail", "new")
    held_lock.release()


def store_with(files: MemoryFiles, name: str, fourth: int, *histories: bytes) -> str:
    """A store that shares records 1 to 3 with others, and goes on by itself; the folder of its log."""
    folder = f"{name}/wal"
    files.make_dirs(folder)
    frame = encode_frame(IDENTITY, Lsn(4), TIME_MS, [encode_event(event(fourth))])
    files.contents[f"{folder}/{file_name(Lsn(1))}"] = bytearray(file_of(*frames_of(1, 1, 1), frame))
    for store in histories:
        begin_history(files, folder, store * 16)
    return folder


@pytest.mark.parametrize(
    ("fourth", "histories", "other_fourth", "other_histories"),
    [
        pytest.param(4, (), 5, (), id="another record before the history"),
        pytest.param(4, (b"a",), 4, (b"b",), id="another history that begins with the same number"),
    ],
)
async def test_a_history_goes_on_only_from_its_own_past(
    files: MemoryFiles,
    fourth: int,
    histories: tuple[bytes, ...],
    other_fourth: int,
    other_histories: tuple[bytes, ...],
) -> None:
    log = store_with(files, "ahead", fourth, *histories)
    for path, data in list(files.contents.items()):
        if path.startswith("ahead/"):
            files.contents[path.replace("ahead", "behind")] = bytearray(data)
    files.make_dirs("behind/wal")
    store_with(files, "other", other_fourth, *other_histories)
    begin_history(files, log, b"c" * 16)
    export_log(files, log, FILE)
    image = files.image()
    with pytest.raises(Conflict) as raised:
        import_log(files, FILE, "other")
    assert raised.value.code == "another_store"
    assert files.image() == image
    import_log(files, FILE, "behind")
    assert await held(files, "behind/wal") == await held(files, log)


async def test_any_byte_changed_or_cut_off_is_noticed(files: MemoryFiles) -> None:
    export_log(files, FOLDER, FILE)
    whole = bytes(files.contents[FILE])
    ends = [FILE_HEADER_BYTES + sum(map(len, FRAMES[:number])) for number in range(4)]
    for size in {*range(0, len(whole), 7), *ends, len(whole) - 1}:
        files.contents[FILE] = bytearray(whole[:size])
        with pytest.raises(CorruptionError):
            import_log(files, FILE, "new")
    closing = whole[-FILE_HEADER_BYTES:]
    for missing in (
        whole[: ends[2]] + closing,
        whole[: ends[0]] + whole[ends[1] :],
    ):  # whole frames, but not all
        files.contents[FILE] = bytearray(missing)
        with pytest.raises(CorruptionError):
            import_log(files, FILE, "new")
    for at in range(len(whole)):
        files.contents[FILE] = bytearray(whole)
        files.contents[FILE][at] ^= 0x20
        with pytest.raises(StorageError):  # a changed version is one that is not known
            import_log(files, FILE, "new")
    assert not files.exists("new")


async def test_a_failing_disk_leaves_all_or_nothing(files: MemoryFiles) -> None:
    export_log(files, FOLDER, "head", until_lsn=Lsn(3))
    export_log(files, FOLDER, "tail", Lsn(4))
    for number in range(1, 40):
        into = f"new-{number}"
        import_log(files, "head", into)
        faulty = FaultyFiles(files)
        faulty.arm(number, Fault.SHORT_NO_SPACE)
        try:
            import_log(faulty, "tail", into)
        except StorageError:
            assert await held(files, f"{into}/wal") in ([1, 2, 3], list(range(1, 10)))
        if not faulty.failed:
            assert await held(files, f"{into}/wal") == list(range(1, 10))
            break
    else:
        pytest.fail("the import never came to its end")


async def test_a_store_goes_on_after_an_import_over_an_empty_file(tmp_path: Path) -> None:
    local = LocalFiles()
    log = await LocalLog.open(local, str(tmp_path / "a" / "wal"))
    await log.append([event(1), event(2)])
    export_log(local, str(tmp_path / "a" / "wal"), str(tmp_path / "one"))
    await log.append([event(3)])
    export_log(local, str(tmp_path / "a" / "wal"), str(tmp_path / "two"), Lsn(3))
    await log.close()
    import_log(local, str(tmp_path / "one"), str(tmp_path / "b"))
    log = await LocalLog.open(local, str(tmp_path / "b" / "wal"))
    await log.rotate()
    await log.close()
    import_log(local, str(tmp_path / "two"), str(tmp_path / "b"))
    log = await LocalLog.open(local, str(tmp_path / "b" / "wal"))
    assert await log.append([event(4)]) == 4
    assert ids(list(log.read(Lsn(1)))) == [1, 2, 3, 4]
    await log.close()


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(wal, [str(each) for each in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_commands(tmp_path: Path) -> None:
    (tmp_path / "a" / "wal").mkdir(parents=True)
    (tmp_path / "a" / "wal" / file_name(Lsn(1))).write_bytes(file_of(*FRAMES))
    carried = tmp_path / "carried"
    done = run("export", carried, "--data", tmp_path / "a", "--until-lsn", "4", "--json")
    assert (done.exit_code, json.loads(done.stdout)["last_lsn"]) == (0, 4)
    assert "4 records, LSN 1 to 4" in run("import", carried, "--data", tmp_path / "b").stdout
    assert run("verify", "--data", tmp_path / "b").exit_code == 0
    again = run("import", carried, "--data", tmp_path / "b")
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    assert "begins with record 1, the log ends with 4" in again.stderr
    assert run("export", carried, "--data", tmp_path / "a").exit_code == 1
