"""Logs of version 1 stay readable and as they are; what is appended goes into a file of version 2."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.errors import NoSpace
from asteroid_cloud.wal.format.events import VectorsUpserted
from asteroid_cloud.wal.format.log_file import FileHeader, encode_file_header, file_name
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_folder import read_file_header
from tests.support.faulty_files import Fault, FaultyFiles
from tests.support.logs import FIRST, FOLDER, IDENTITY, disk, event, frames_of, opened, stored

pytestmark = pytest.mark.anyio

OLD_HEADER = encode_file_header(FileHeader(IDENTITY, Lsn(1), 3, version=1))
OLD = OLD_HEADER + b"".join(frames_of(2, 1))


async def test_an_append_goes_on_in_a_new_file_of_this_version() -> None:
    files = disk(OLD)
    async with opened(files) as log:
        assert (log.durable_lsn, log.first_lsn) == (3, 1)
        assert files.image() == {FIRST: OLD}
        upsert = VectorsUpserted(b"identity", b"vect")
        assert await log.append([upsert]) == 4
        assert await log.append([event(5)]) == 5
        assert [record.event for record in log.read(Lsn(4))] == [upsert, event(5)]
    newer = f"{FOLDER}/{file_name(Lsn(4))}"
    assert sorted(files.image()) == [FIRST, newer]
    assert files.image()[FIRST] == OLD
    assert read_file_header(files, newer) == FileHeader(IDENTITY, Lsn(4), 3)
    async with opened(files) as log:
        assert await log.append([event(6)]) == 6
    assert sorted(files.image()) == [FIRST, newer]
    assert await stored(files) == [1, 2, 3, 5, 6]


async def test_an_empty_file_is_replaced() -> None:
    files = disk(OLD_HEADER)
    async with opened(files) as log:
        assert await log.append([event(1)]) == 1
    assert sorted(files.image()) == [FIRST]
    assert read_file_header(files, FIRST) == FileHeader(IDENTITY, Lsn(1), 3)
    assert await stored(files) == [1]


async def test_a_torn_tail_is_cut_first() -> None:
    files = disk(OLD + frames_of(1, first=4)[0][:-1])
    async with opened(files) as log:
        assert await log.append([event(4)]) == 4
    assert files.image()[FIRST] == OLD
    assert await stored(files) == [1, 2, 3, 4]


async def test_without_room_for_a_new_file_nothing_is_changed() -> None:
    files = FaultyFiles(disk(OLD))
    async with opened(files) as log:
        for kind in ("create", "write"):
            files.arm(1, Fault.NO_SPACE, kind)
            with pytest.raises(NoSpace):
                await log.append([event(4)])
            assert files.list(FOLDER) == [file_name(Lsn(1))]
        files.disarm()
        assert await log.append([event(4)]) == 4
    assert await stored(files) == [1, 2, 3, 4]
