"""A log that may hold what older programs do not know says so in its files, from that record on, for good."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asteroid_cloud.wal import LocalLog
from asteroid_cloud.wal.errors import NoSpace, UnsupportedVersion
from asteroid_cloud.wal.format import log_file
from asteroid_cloud.wal.format.events import (
    BulkPayloads,
    Event,
    IndexCreated,
    PayloadMerged,
    PayloadReplaced,
    VectorsUpserted,
)
from asteroid_cloud.wal.format.log_file import LARGE_PAYLOADS, OPTIONAL_VECTORS, STRING_IDS
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_folder import log_files, read_file_header
from asteroid_cloud.wal.read.log_reader import LogReader
from asteroid_cloud.wal.transfer.log_copy import LogSource, copy_log
from asteroid_cloud.wal.transfer.log_export import export_log, import_log
from asteroid_cloud.wal.transfer.new_history import NewHistory, begin_history
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles
from tests.support.logs import FOLDER, disk, event, file_of, frames_of, opened

pytestmark = pytest.mark.anyio
STRINGS = IndexCreated(3, "l2", 16, 4, "string")
STORE = b"another name 16b"


def flags(files: MemoryFiles, folder: str = FOLDER) -> dict[int, int]:
    """The flags of each file, by its first LSN."""
    return {int(first): read_file_header(files, path).flags for first, path in log_files(files, folder)}


async def with_strings() -> MemoryFiles:
    """Two records that every program knows, one that it may not know, and one more."""
    files = disk(file_of(*frames_of(2)))
    files.make_dirs("")
    async with opened(files) as log:
        assert await log.append([STRINGS]) == 3
        assert await log.append([event(4)]) == 4
    return files


async def test_an_index_of_integers_raises_no_flag() -> None:
    files = MemoryFiles()
    async with opened(files) as log:
        assert await log.append([IndexCreated(3, "l2", 16, 4)]) == 1
    assert flags(files) == {1: 0}


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        (STRINGS, STRING_IDS),
        (IndexCreated(3, "l2", 16, 4, vector="optional"), OPTIONAL_VECTORS),
        (IndexCreated(3, "l2", 16, 4, "string", "optional"), STRING_IDS | OPTIONAL_VECTORS),
    ],
)
async def test_an_empty_file_gets_the_flag_at_once(created: IndexCreated, expected: int) -> None:
    files = MemoryFiles()
    async with opened(files) as log:
        assert await log.append([created]) == 1
        assert [record.event for record in log.read(Lsn(1))] == [created]
    assert flags(files) == {1: expected}


def text(size: int) -> bytes:
    return b'{"s":"%s"}' % (b"x" * (size - 8))


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize(
    "event_of",
    [
        lambda size: VectorsUpserted(bytes(16), bytes(8), [None, text(size)]),
        lambda size: PayloadReplaced(1, text(size)),
        lambda size: BulkPayloads(1, 0, [None, b"", text(size)]),
        lambda size: PayloadMerged(1, b"{}", size),
    ],
)
async def test_what_programs_before_could_not_hold_raises_the_flag(
    event_of: Callable[[int], Event], more: int
) -> None:
    files, written = MemoryFiles(), event_of(64 * 1024 + more)
    async with opened(files) as log:
        await log.append([written])
        assert [record.event for record in log.read(Lsn(1))] == [written]
    assert flags(files) == {1: LARGE_PAYLOADS * more}


async def test_a_file_in_use_is_followed_by_one_with_the_flag_and_so_are_all_after_it() -> None:
    files = await with_strings()
    assert flags(files) == {1: 0, 3: STRING_IDS}
    async with opened(files) as log:
        await log.rotate()
        await log.append([event(5), IndexCreated(3, "l2", 16, 4)])
        assert await log.trim(Lsn(5)) > 0
        assert await log.append([event(7)]) == 7
        await log.append([IndexCreated(3, "l2", vector="optional")])
    assert flags(files) == {5: STRING_IDS, 8: STRING_IDS | OPTIONAL_VECTORS}


async def test_a_program_that_does_not_know_the_flag_keeps_out(monkeypatch: pytest.MonkeyPatch) -> None:
    files = await with_strings()
    before = files.image()
    monkeypatch.setattr(log_file, "FLAGS", 0)
    with pytest.raises(UnsupportedVersion, match="format flags 0x1; this program knows 0x0"):
        await LocalLog.open(files, FOLDER)
    assert files.image() == before


async def test_without_room_for_the_new_file_nothing_is_stored_and_the_flag_is_not_raised() -> None:
    inner = disk(file_of(*frames_of(2)))
    files = FaultyFiles(inner)
    async with opened(files) as log:
        files.arm(1, Fault.NO_SPACE, "create")
        with pytest.raises(NoSpace):
            await log.append([STRINGS])
        files.disarm()
        assert await log.append([event(3)]) == 3
        assert await log.append([STRINGS]) == 4
    assert flags(inner) == {1: 0, 4: STRING_IDS}


async def test_a_new_history_goes_on_with_the_flag() -> None:
    files = await with_strings()
    begin_history(files, FOLDER, STORE)
    assert flags(files) == {1: 0, 3: STRING_IDS, 5: STRING_IDS}


async def test_copies_and_exports_have_the_flag() -> None:
    files = await with_strings()
    source = LogSource(files, [FOLDER])
    history = NewHistory.above(Lsn(4), 0, STORE)
    copy_log(files, source, "copy/wal", from_lsn=Lsn(1), until_lsn=Lsn(4), epoch=5, history=history)
    assert set(flags(files, "copy/wal").values()) == {STRING_IDS}
    files.make_dirs(".")
    export_log(files, FOLDER, "carried")
    import_log(files, "carried", "other")
    assert set(flags(files, "other/wal").values()) == {STRING_IDS}
    assert not LogReader(files, "other/wal").check(bodies=True).damage
