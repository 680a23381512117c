"""Repair of a damaged log loses no more than it must, keeps what it takes away, and needs no second go."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from itertools import pairwise

import pytest

from asteroid_cloud.wal import LocalLog, Lsn
from asteroid_cloud.wal.errors import CorruptionError, StorageError, UnsupportedVersion
from asteroid_cloud.wal.format.events import BulkLoaded, encode_event
from asteroid_cloud.wal.format.frame import encode_frame
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.lsn import HISTORY_LSNS
from asteroid_cloud.wal.read.log_folder import log_files
from asteroid_cloud.wal.repair.carry_out import apply_repair
from asteroid_cloud.wal.repair.plan import RepairPlan, plan_repair
from asteroid_cloud.wal.repair.salvage_scan import salvage_scan
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles
from tests.support.logs import FOLDER, IDENTITY, TIME_MS, disk, event, file_of, frames_of, ids

pytestmark = pytest.mark.anyio

FRAMES = frames_of(2, 2, 2, 2, 2, 2)
"""Records 1 to 12; in three files of four."""


def three_files() -> MemoryFiles:
    return disk(
        file_of(*FRAMES[:2]), (5, file_of(*FRAMES[2:4], first=5)), (9, file_of(*FRAMES[4:], first=9, epoch=1))
    )


def path_of(first: int) -> str:
    return f"{FOLDER}/{first:020d}.wal"


def damaged(files: MemoryFiles, frame: int) -> None:
    """Flips a bit of a frame, 0 to 5."""
    data = files.contents[path_of(1 + 4 * (frame // 2))]
    data[FILE_HEADER_BYTES + (len(FRAMES[frame - 1]) if frame % 2 else 0) + 45] ^= 4


def look(files: MemoryFiles | FaultyFiles, checkpoint: int = 0) -> RepairPlan:
    return plan_repair(salvage_scan(files, FOLDER, IDENTITY)[1], Lsn(checkpoint))


def repaired(files: MemoryFiles | FaultyFiles, checkpoint: int = 0) -> RepairPlan:
    plan = look(files, checkpoint)
    apply_repair(files, FOLDER, IDENTITY, plan)
    return plan


async def held(files: MemoryFiles) -> list[int]:
    """The ids of the log as a store opens it; an id is its record's LSN."""
    log = await LocalLog.open(files, FOLDER, identity=IDENTITY)
    try:
        return ids(list(log.read(log.first_lsn)))
    finally:
        await log.close()


def lived(files: MemoryFiles) -> bytes:
    """Everything in the folder, evidence too."""
    return b"".join(bytes(data) for data in files.contents.values())


@pytest.mark.parametrize("checkpoint", range(13))
@pytest.mark.parametrize("frame", range(6))
async def test_a_flip_anywhere_with_a_checkpoint_anywhere(frame: int, checkpoint: int) -> None:
    files = three_files()
    damaged(files, frame)
    first_gone, last_gone = 2 * frame + 1, 2 * frame + 2
    before = files.image()
    if frame == 5:  # the newest frame, with none behind it, is a torn tail
        plan = look(files, checkpoint)
        assert plan.is_needed == (checkpoint > 10)
    if (checkpoint, frame) == (0, 0):
        with pytest.raises(CorruptionError, match="nothing can be kept"):
            look(files)
        return
    plan = look(files, checkpoint)
    assert files.image() == before
    apply_repair(files, FOLDER, IDENTITY, plan)
    if checkpoint < first_gone - 1 or (checkpoint == first_gone - 1 and frame > 0):
        kept, lost = list(range(1, first_gone)), (first_gone, 12)
    elif checkpoint >= last_gone:
        kept, lost = list(range(last_gone + 1, 13)), None
    else:
        kept, lost = [], (checkpoint + 1, 12)
    if frame == 5:
        lost = None
    assert await held(files) == kept
    assert (plan.lost and (plan.lost.first, plan.lost.last)) == lost
    again = look(files, checkpoint)
    assert not again.is_needed
    image = files.image()
    apply_repair(files, FOLDER, IDENTITY, again)
    assert files.image() == image
    everything = lived(files)
    assert all(part in everything for number, part in enumerate(FRAMES) if number != frame)


async def test_a_new_history_has_a_higher_epoch_only_if_records_were_lost() -> None:
    files = three_files()
    damaged(files, 2)
    assert repaired(files).epoch == 2
    log = await LocalLog.open(files, FOLDER)
    assert (log.durable_lsn, await log.append([event(5)])) == (HISTORY_LSNS, HISTORY_LSNS + 1)
    assert log.count(Lsn(0), log.durable_lsn) == 4 + 2
    await log.close()
    assert bytes(files.contents[path_of(5)])[40] == 2
    files = three_files()
    damaged(files, 2)
    assert repaired(files, 6).marker_lsn is None
    assert {first for first, _ in log_files(files, FOLDER)} == {7, 9}


@pytest.mark.parametrize(("checkpoint", "kept"), [(0, range(1, 5)), (4, range(1, 5)), (8, range(9, 13))])
async def test_a_missing_file(checkpoint: int, kept: range) -> None:
    files = three_files()
    files.remove(path_of(5))
    plan = repaired(files, checkpoint)
    assert any("record 9 follows record 4" in damage.reason for damage in plan.damage)
    assert await held(files) == list(kept)
    assert (plan.lost is None) == (checkpoint == 8)
    if plan.lost:
        assert (plan.lost.first, plan.lost.last) == (5, 12)
        assert [(whole.first, whole.last) for whole in plan.lost_but_whole] == [(9, 12)]
        assert bytes(files.contents[f"{path_of(9)}.0.broken"]) == file_of(*FRAMES[4:], first=9, epoch=1)
    assert not look(files, checkpoint).is_needed


async def test_a_file_of_another_store_and_headers_that_are_broken() -> None:
    other = b"another store 16"
    files = three_files()
    files.contents[path_of(5)] = bytearray(
        file_of(*frames_of(2, first=5, identity=other), first=5, identity=other)
    )
    assert repaired(files).lost is not None
    assert await held(files) == [1, 2, 3, 4]
    files = three_files()
    files.contents[path_of(5)][3] ^= 1
    plan = repaired(files)
    assert plan.lost is None
    assert await held(files) == list(range(1, 13))
    assert not look(files).is_needed
    files = three_files()
    files.contents[path_of(6)] = files.contents.pop(path_of(5))
    assert repaired(files).lost is None
    assert await held(files) == list(range(1, 13))


async def test_bytes_put_in_between_are_taken_out_again() -> None:
    files = disk(file_of(FRAMES[0], b"junk", FRAMES[1], b"junk"), (5, file_of(*FRAMES[2:], first=5)))
    plan = repaired(files)
    assert (plan.lost, [step.kind for step in plan.steps]) == (None, ["rewrite"])
    assert await held(files) == list(range(1, 13))
    assert not look(files).is_needed


async def test_damage_over_the_last_frames_gives_up_what_is_known_to_have_been_acknowledged() -> None:
    files = three_files()
    damaged(files, 4)
    damaged(files, 5)
    plan = repaired(files)
    assert plan.lost is not None
    assert (plan.lost.first, plan.lost.last) == (9, 12)
    assert await held(files) == list(range(1, 9))
    assert not look(files).is_needed
    assert all(frame in lived(files) for frame in FRAMES[:4])


async def test_what_no_log_writes_is_cut_and_kept_only_as_far_as_a_log_reaches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("read.frame_window", "read.highest", "repair.salvage_scan", "repair.carry_out"):
        monkeypatch.setattr(sys.modules[f"asteroid_cloud.wal.{module}"], "LARGEST_FILE_BYTES", 2000)
    files = three_files()
    files.contents[path_of(9)] += bytes(100_000)
    with pytest.raises(CorruptionError, match="at most 2,000"):
        await held(files)
    plan = repaired(files)
    assert (plan.lost, [step.kind for step in plan.steps]) == (None, ["cut"])
    assert await held(files) == list(range(1, 13))
    assert max(len(data) for data in files.contents.values()) == 2000


async def test_whole_logs_and_torn_tails_need_nothing() -> None:
    for tail in (b"", b"torn", FRAMES[5][:-1]):
        files = disk(file_of(*FRAMES[:5], tail))
        for checkpoint in range(11):
            plan = look(files, checkpoint)
            assert not plan.is_needed
            assert (plan.first_lsn, plan.last_lsn, plan.lost) == (1, 10, None)


async def test_a_log_that_does_not_meet_its_checkpoint_begins_behind_it() -> None:
    for checkpoint, lost in ((14, None), (2, (3, 12))):
        files = disk((7, file_of(*FRAMES[3:], first=7))) if checkpoint == 2 else three_files()
        plan = repaired(files, checkpoint)
        assert (plan.lost and (plan.lost.first, plan.lost.last)) == lost
        assert await held(files) == []
        log = await LocalLog.open(files, FOLDER)
        assert log.durable_lsn == HISTORY_LSNS, "the record that begins the new history"
        await log.close()
        assert not look(files, checkpoint).is_needed


async def test_a_bulk_load_without_its_rows_is_not_replayed() -> None:
    """The checkpoint holds records up to 8, and the log from 7 on; record 10 needs rows from record 3 on."""
    events = [event(9), BulkLoaded(1, 3, 4, 2), event(11)]
    frame = encode_frame(IDENTITY, Lsn(9), TIME_MS, [encode_event(each) for each in events])
    files = disk(file_of(FRAMES[0], FRAMES[1]), (7, file_of(FRAMES[3], frame, first=7)))
    plan = repaired(files, 8)
    assert plan.lost is not None
    assert (plan.last_lsn, plan.lost.first, plan.lost.last) == (9, 10, 11)
    assert await held(files) == [7, 8, 9]
    assert not look(files, 8).is_needed


async def test_a_repair_that_fails_at_any_operation_is_finished_by_the_next() -> None:
    for damage, checkpoint in (((2,), 0), ((2,), 6), ((1, 3), 4), ((1, 3), 3)):
        whole = three_files()
        for frame in damage:
            damaged(whole, frame)
        repaired(whole, checkpoint)
        expected = await held(whole)
        for fault in (Fault.IO_ERROR, Fault.SHORT_NO_SPACE):
            for number in range(1, 80):
                memory = three_files()
                for frame in damage:
                    damaged(memory, frame)
                files = FaultyFiles(memory)
                files.arm(number, fault)
                try:
                    repaired(files, checkpoint)
                except StorageError:
                    repaired(memory, checkpoint)
                assert await held(memory) == expected
                assert not look(memory, checkpoint).is_needed
                everything = lived(memory)
                assert all(part in everything for at, part in enumerate(FRAMES) if at not in damage)
                if not files.failed:
                    break
            else:
                pytest.fail("the repair never came to its end")


def wrecks(seed: int) -> Iterator[tuple[MemoryFiles, int]]:
    """Logs with several kinds of damage at once, and checkpoints."""
    chance = random.Random(seed)
    for _ in range(150):
        files = three_files()
        for _ in range(chance.randint(1, 3)):
            path = chance.choice(sorted(files.contents))
            data, kind = files.contents[path], chance.randrange(4)
            at = chance.randrange(max(1, len(data)))
            if kind == 0 and len(files.contents) > 1:
                files.remove(path)
            elif kind == 1 and data:
                data[at % len(data)] ^= 1 << chance.randrange(8)
            elif kind == 2:
                del data[at:]
            else:
                data[at:at] = b"AFRM-junk"
        yield files, chance.randint(0, 12)


async def test_any_damage_is_mended_once_and_what_stays_is_dense_and_meets_the_checkpoint() -> None:
    mended = 0
    for files, checkpoint in wrecks(seed=7):
        before = {number for number, frame in enumerate(FRAMES) if frame in lived(files)}
        image = files.image()
        try:
            repaired(files, checkpoint)
        except (CorruptionError, UnsupportedVersion):
            assert files.image() == image
            continue
        found = await held(files)
        assert all(after == number + 1 for number, after in pairwise(found))
        assert not found or found[0] <= checkpoint + 1 <= found[-1] + 1
        assert not look(files, checkpoint).is_needed
        assert before <= {number for number, frame in enumerate(FRAMES) if frame in lived(files)}
        mended += 1
    assert mended > 100
