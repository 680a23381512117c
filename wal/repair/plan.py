"""Repair of a log that recovery refuses: which of its records can stay, and the steps to leave just those.

LSNs are dense, so nothing behind a hole can be replayed, unless a checkpoint holds what was in the hole. The
log that stays is the dense run of whole records that reaches furthest among those that go on where the
checkpoint ends, or overlap it: no choice loses less. Without such a run the log begins anew behind the
checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES, file_name
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.inspector import Damage
from asteroid_cloud.wal.repair.salvage_scan import Part, Place, Run, ScannedFile, runs_of

CUT, REWRITE, TAKE = "cut", "rewrite", "take away"


class Step(msgspec.Struct, frozen=True):
    """One file that changes; what is taken from it is kept as ``….broken``."""

    kind: str
    """``cut``: it ends at ``offset``. ``rewrite``: what is whole of it is written anew. ``take away``."""
    path: str
    offset: int = 0
    bytes: int = 0
    """Bytes that are taken away."""
    new_path: str = ""
    """Of a file that is rewritten, which may be its old one."""
    frames: list[Place] = []
    """Those that a rewritten file keeps."""


class LsnRange(msgspec.Struct, frozen=True):
    """Records ``first`` to ``last``."""

    first: Lsn
    last: Lsn


class RepairPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a log, and what repairing it would do; without steps nothing is to be done."""

    checkpoint_lsn: Lsn
    """The index holds all records up to here, without the log; 0 when there is no checkpoint."""
    first_lsn: Lsn
    last_lsn: Lsn
    """The records that the log holds afterwards; ``first_lsn - 1`` for none."""
    lost: LsnRange | None
    """Records that are known to have been, and will be no more."""
    lost_but_whole: list[LsnRange]
    """Those of them that are still readable, and stay so in what is kept as ``….broken``."""
    damage: list[Damage]
    steps: list[Step]
    marker_lsn: Lsn | None = None
    """A new file begins here with a higher epoch: what is written from now on is another history."""
    epoch: int = 0
    """That of the marker."""
    epoch_before: int = 0
    """Of files that are written anew."""

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to repair."""
        return bool(self.steps) or self.marker_lsn is not None


def plan_repair(surveyed: Sequence[ScannedFile], checkpoint_lsn: Lsn) -> RepairPlan:
    """What to do with a log of which a checkpoint holds the records up to ``checkpoint_lsn``, 0 for none.

    A torn tail alone needs no repair: the next start cuts it. Raises CorruptionError when nothing can stay.
    """
    runs = runs_of(surveyed)
    run, last = _chosen(runs, checkpoint_lsn)
    known = max([*(each.last_lsn for each in runs), checkpoint_lsn])
    if last == 0 and (run is None or known > 0):
        path = surveyed[0].path
        raise CorruptionError(path, 0, "no checkpoint opens, and record 1 is not whole: nothing can be kept")
    folder = surveyed[0].path.rpartition("/")[0]
    lost = LsnRange(Lsn(last + 1), known) if known > last else None
    epochs = [file.header.epoch for file in surveyed if file.header is not None]
    epoch = max(epochs, default=0)
    needs_marker = run is None or (lost is not None and not _is_marked(run, last, surveyed, epoch))
    parts = {id(part.file): part for part in (run.parts if run else [])}
    steps = []
    for file in surveyed:
        is_newest = file is surveyed[-1] and not needs_marker
        step = _step(folder, file, parts.get(id(file)), last, is_newest)
        if step is not None:
            steps.append(step)
    behind = [each for each in runs if each is not run and each.last_lsn > last]
    whole = [LsnRange(Lsn(max(each.first_lsn, last + 1)), each.last_lsn) for each in behind]
    if run is not None and run.last_lsn > last:
        whole.append(LsnRange(Lsn(last + 1), run.last_lsn))
    return RepairPlan(
        checkpoint_lsn=checkpoint_lsn,
        first_lsn=run.first_lsn if run else Lsn(last + 1),
        last_lsn=last,
        lost=lost,
        lost_but_whole=whole,
        damage=[*(damage for file in surveyed for damage in file.damage), *_gaps(runs, checkpoint_lsn)],
        steps=steps,
        marker_lsn=Lsn(last + 1) if needs_marker else None,
        epoch=epoch + 1 if needs_marker else epoch,
        epoch_before=epoch,
    )


def _gaps(runs: Sequence[Run], checkpoint: Lsn) -> Iterator[Damage]:
    """Where records are missing: between runs, and between the checkpoint and the log."""
    for before, after in pairwise(runs):
        part = after.parts[0]
        reason = f"record {after.first_lsn} follows record {before.last_lsn}"
        yield Damage(part.file.path, part.frames[0].offset if part.frames else 0, reason)
    if runs and checkpoint and runs[0].first_lsn > checkpoint + 1:
        reason = f"the log begins with record {runs[0].first_lsn}, the checkpoint ends with {checkpoint}"
        yield Damage(runs[0].parts[0].file.path, 0, reason)
    if runs and runs[-1].last_lsn < checkpoint:
        reason = f"the log ends with record {runs[-1].last_lsn}, the checkpoint with {checkpoint}"
        yield Damage(runs[-1].parts[-1].file.path, 0, reason)


def _chosen(runs: Sequence[Run], checkpoint: Lsn) -> tuple[Run | None, Lsn]:
    """The run that stays and its last record to stay; none, and the checkpoint, when no run goes on there."""
    best: Run | None = None
    best_last = checkpoint
    for run in runs:
        last = _replayable(run, checkpoint)
        if not run.first_lsn <= checkpoint + 1 <= last + 1:
            continue
        is_longer = best is None or run.first_lsn <= best.first_lsn
        if best is None or last > best_last or (last == best_last and is_longer):
            best, best_last = run, last
    return best, best_last


def _replayable(run: Run, checkpoint: Lsn) -> Lsn:
    """The last record before a bulk load that the checkpoint lacks and whose rows are not in the run."""
    loads = [load for part in run.parts for load in part.file.loads]
    ends = [
        load.lsn
        for load in loads
        if checkpoint < load.lsn and run.first_lsn <= load.lsn <= run.last_lsn and load.since < run.first_lsn
    ]
    return Lsn(min(ends) - 1) if ends else run.last_lsn


def _is_marked(run: Run, last: Lsn, surveyed: Sequence[ScannedFile], epoch: int) -> bool:
    """Whether an interrupted repair has begun the new history already."""
    newest = run.parts[-1]
    if newest.frames or newest.file.header is None or newest.file.named_lsn != last + 1:
        return False
    others = [file.header.epoch for file in surveyed if file.header is not None and file is not newest.file]
    return newest.file.header.epoch == epoch and epoch > max(others, default=0)


def _step(folder: str, file: ScannedFile, part: Part | None, last: Lsn, is_newest: bool) -> Step | None:
    """What becomes of a file; None if it stays as it is."""
    kept = [place for place in part.frames if place.first_lsn <= last] if part else []
    is_begun = part is not None and file.header is not None and file.named_lsn <= last + 1
    if part is None or (not kept and not (is_begun and not part.frames)):
        return Step(TAKE, file.path, bytes=file.size)
    end, is_in_place = FILE_HEADER_BYTES, file.header is not None
    for place in kept:
        is_in_place = is_in_place and place.offset == end
        end = place.end
    if not is_in_place or (kept and kept[-1].last_lsn > last):
        new_path = f"{folder}/{file_name(kept[0].first_lsn)}"
        size = file.size - sum(place.end - place.offset for place in kept)
        return Step(REWRITE, file.path, bytes=size, new_path=new_path, frames=kept)
    is_torn = is_newest and not any(place.offset >= end for place in file.frames)
    if end == file.size or is_torn:
        return None
    return Step(CUT, file.path, offset=end, bytes=file.size - end)
