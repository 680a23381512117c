"""The one walk through a file, and what each of its policies makes of damage."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_walker import FrameWalker, Policy, Salvage, TornTail
from asteroid_cloud.wal.read.frame_window import Frame, Window
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import FIRST, IDENTITY, disk, file_of, frames_of

FRAMES = frames_of(2, 1, 3)
SECOND = FILE_HEADER_BYTES + len(FRAMES[0])


def walker(files: MemoryFiles, policy: Policy | None = None, end: int | None = None) -> FrameWalker:
    """A walk through the first file."""
    return FrameWalker(Window(files, FIRST, end), IDENTITY, Lsn(0), policy=policy)


def lasts(walk: FrameWalker) -> list[int]:
    """The last LSN of each frame."""
    return [frame.header.last_lsn for frame in walk]


def accept(frame: Frame) -> None:
    """Finds nothing wrong with a frame."""


def test_frames_come_in_order_up_to_the_end_that_counts() -> None:
    end = SECOND + len(FRAMES[1])
    walk = walker(disk(file_of(*FRAMES)), end=end)
    assert lasts(walk) == [2, 3]
    assert (walk.offset, walk.last_lsn) == (end, 3)


def test_a_walk_goes_on_when_the_file_has_grown() -> None:
    files = disk(file_of(FRAMES[0]))
    walk = walker(files)
    assert lasts(walk) == [2]
    files.open_append(FIRST).write(FRAMES[1] + FRAMES[2])
    walk.window.end = files.size(FIRST)
    assert lasts(walk) == [3, 6]


def test_a_step_back_gives_the_frame_again() -> None:
    walk = walker(disk(file_of(*FRAMES)))
    first = next(walk)
    walk.step_back(first)
    assert lasts(walk) == [2, 3, 6]


def test_strict_refuses_damage_with_its_place() -> None:
    for data in (file_of(FRAMES[0], b"torn"), file_of(FRAMES[0], b"junk", FRAMES[1])):
        walk = walker(disk(data))
        assert next(walk).header.last_lsn == 2
        with pytest.raises(CorruptionError) as caught:
            next(walk)
        assert (caught.value.path, caught.value.offset) == (FIRST, SECOND)


def test_a_torn_tail_ends_the_walk_and_damage_in_the_middle_does_not() -> None:
    files = disk(file_of(FRAMES[0], FRAMES[1][:-1]))
    walk = walker(files, TornTail(files))
    assert lasts(walk) == [2]
    assert walk.torn is not None
    assert (walk.torn.path, walk.torn.offset, walk.torn.reason) == (FIRST, SECOND, "the body is cut off")
    files = disk(file_of(FRAMES[0], FRAMES[1][:-1], FRAMES[2]))
    with pytest.raises(CorruptionError):
        lasts(walker(files, TornTail(files)))


def test_a_frame_that_gets_whole_meanwhile_is_given() -> None:
    files = disk(file_of(FRAMES[0], FRAMES[1][:9]))
    walk = walker(files, TornTail(files), end=files.size(FIRST))
    assert next(walk).header.last_lsn == 2
    files.open_append(FIRST).write(FRAMES[1][9:] + FRAMES[2])
    assert lasts(walk) == [3, 6]
    assert walk.torn is None


def test_salvage_notes_damage_and_goes_on_behind_it() -> None:
    files = disk(file_of(b"junk", FRAMES[2], b"more", FRAMES[0], FRAMES[1][:-1]))
    policy = Salvage(accept)
    assert lasts(walker(files, policy)) == [6]
    files = disk(file_of(FRAMES[0], b"junk", FRAMES[2]))
    policy = Salvage(accept)
    assert lasts(walker(files, policy)) == [2, 6]
    assert [(each.offset, each.reason) for each in policy.damage] == [(SECOND, "no frame begins here")]


def test_salvage_passes_over_frames_that_its_check_refuses() -> None:
    def refuse_second(frame: Frame) -> None:
        if frame.header.first_lsn == 3:
            raise CorruptionError(frame.path, frame.offset, "refused")

    policy = Salvage(refuse_second)
    assert lasts(walker(disk(file_of(*FRAMES)), policy)) == [2, 6]
    assert [each.reason for each in policy.damage] == ["refused"]


@pytest.mark.parametrize("tail", [False, True])
def test_a_gap_between_whole_frames_is_damage(tail: bool) -> None:
    files = disk(file_of(FRAMES[0], FRAMES[2]))
    with pytest.raises(CorruptionError, match="record 4 follows record 2"):
        lasts(walker(files, TornTail(files) if tail else None))
