"""Power cuts during a log repair: the next repair gives the same log, and no whole frame is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asteroid_cloud.wal import LocalLog, Lsn
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import StorageError
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.repair.carry_out import apply_repair
from asteroid_cloud.wal.repair.plan import RepairPlan, plan_repair
from asteroid_cloud.wal.repair.salvage_scan import salvage_scan
from tests.promises.power.images import Image, Images
from tests.promises.power.recording import RecordingFiles
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import FOLDER, IDENTITY, disk, file_of, frames_of, ids

FRAMES = frames_of(2, 2, 2, 2, 2, 2)


class Unlinked(RecordingFiles):
    """A recorded disk without hard links: evidence has to be copied, and the copies have to be synced."""

    def link(self, old: str, new: str) -> None:
        """There are none."""
        raise StorageError(f"cannot link {new}")


def wrecked(*frames: int) -> Image:
    """Three files of four records, with a bit flipped in some of the frames 0 to 5."""
    files = disk(
        file_of(*FRAMES[:2]), (5, file_of(*FRAMES[2:4], first=5)), (9, file_of(*FRAMES[4:], first=9))
    )
    for frame in frames:
        data = files.contents[f"{FOLDER}/{1 + 4 * (frame // 2):020d}.wal"]
        data[FILE_HEADER_BYTES + (len(FRAMES[frame - 1]) if frame % 2 else 0) + 45] ^= 4
    return files.image()


def repair(files: Files, checkpoint: int) -> RepairPlan:
    plan = plan_repair(salvage_scan(files, FOLDER, IDENTITY)[1], Lsn(checkpoint))
    if plan.is_needed:
        apply_repair(files, FOLDER, IDENTITY, plan)
    return plan


async def held(files: Files) -> list[int]:
    log = await LocalLog.open(files, FOLDER, identity=IDENTITY)
    try:
        return ids(list(log.read(log.first_lsn)))
    finally:
        await log.close()


async def check(frames: tuple[int, ...], checkpoint: int) -> int:
    """Repairs once, then on every image of a power cut on the way. Gives the number of images."""
    files = Unlinked(wrecked(*frames))
    repair(files, checkpoint)
    ops = list(files.ops)
    expected = await held(files)
    images = Images(ops, wrecked(*frames), seed=1, subsets=8)
    checked = set()
    for cut, key in images.all():
        is_over = cut.at == len(ops)
        if (key, is_over) in checked:
            continue
        checked.add((key, is_over))
        left = MemoryFiles(images.image(key))
        plan = repair(left, checkpoint)
        assert not (is_over and plan.is_needed), "the repair was not durable"
        assert await held(left) == expected, cut
        everything = b"".join(bytes(data) for data in left.contents.values())
        gone = [at for at, frame in enumerate(FRAMES) if frame not in everything and at not in frames]
        assert gone == [], cut
    return len(checked)


@pytest.fixture
def anyio_backend() -> str:
    """The log runs on asyncio."""
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("frames", "checkpoint"), [((2,), 0), ((2,), 6), ((3,), 8), ((1, 3), 4), ((1, 3), 3), ((3, 4), 5)]
)
async def test_a_power_cut_at_any_point_of_a_repair(frames: tuple[int, ...], checkpoint: int) -> None:
    assert await check(frames, checkpoint) >= 20


def _without_folder_syncs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Unlinked, "sync_dir", lambda self, path: None)


def _evidence_unsynced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("asteroid_cloud.wal.repair.carry_out._save_evidence", lambda files, step: step.path)


@pytest.mark.anyio
@pytest.mark.parametrize("bug", [_without_folder_syncs, _evidence_unsynced])
@pytest.mark.parametrize(("frames", "checkpoint"), [((2,), 0), ((1, 3), 4)])
async def test_planted_bugs_are_seen(
    bug: Callable[[pytest.MonkeyPatch], None],
    frames: tuple[int, ...],
    checkpoint: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bug(monkeypatch)
    with pytest.raises(AssertionError):
        await check(frames, checkpoint)
