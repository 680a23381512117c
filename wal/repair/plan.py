"""Planning the repair of a log that recovery refuses: which records can stay, and the steps to that.

LSNs are dense within a history, so nothing behind a gap can be replayed, unless a checkpoint holds the
missing records. Of the dense runs of whole records that overlap the checkpoint or go on where it ends, the
one that reaches furthest stays: no choice loses less. If records are lost by that, or nothing says whether
there were any, the log goes on with a new history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import pairwise
from operator import or_

import msgspec

from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES, file_name
from asteroid_cloud.wal.histories import first_of_next
from asteroid_cloud.wal.lsn import BEFORE_ALL, Lsn
from asteroid_cloud.wal.read.frame_walker import Damage
from asteroid_cloud.wal.repair.salvage_scan import DenseRun, FoundFrame, RunSection, ScannedFile, dense_runs

CUT, REWRITE, TAKE = "cut", "rewrite", "take away"


class Step(msgspec.Struct, frozen=True):
    """One file that changes; what is taken from it is saved as ``….broken``."""

    kind: str
    """``cut``: it ends at ``offset``. ``rewrite``: its whole frames go into a new file. ``take away``."""
    path: str
    offset: int = 0
    bytes: int = 0
    """Bytes that are taken away."""
    new_path: str = ""
    """Of the rewritten file; it may be the old path."""
    frames: list[FoundFrame] = []
    """Those that the rewritten file holds."""


class LsnRange(msgspec.Struct, frozen=True):
    """Records ``first`` to ``last``."""

    first: Lsn
    last: Lsn


class RepairPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a log, and what repairing it would do."""

    checkpoint_lsn: Lsn
    """The index holds all records up to here, without the log; 0 when there is no checkpoint."""
    first_lsn: Lsn
    last_lsn: Lsn
    """The records that the log holds afterwards; ``first_lsn - 1`` for none."""
    lost: LsnRange | None
    """Records that are known to have existed and will be gone."""
    may_lack_more: bool
    """Whether records may be gone of which nothing is known: nothing says where the log ended."""
    lost_but_whole: list[LsnRange]
    """Lost records that can still be read, and stay readable in the ``….broken`` files."""
    damage: list[Damage]
    steps: list[Step]
    marker_lsn: Lsn | None = None
    """The name of a new file with a higher epoch: what is written from now on is another history."""
    began_at: Lsn | None = None
    """The first record of that history, which the new file holds."""
    store: bytes = b""
    """The name that the store has by the records that stay; empty when they do not say."""
    last_ms: int = 0
    """The time of the last record that stays; 0 when there is none."""
    epoch: int = 0
    """That of the marker."""
    epoch_before: int = 0
    """That of rewritten files."""
    flags: int = 0
    """Those of the new files and of the rewritten ones."""

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to repair."""
        return bool(self.steps) or self.marker_lsn is not None


def plan_repair(
    scanned: Sequence[ScannedFile], checkpoint_lsn: Lsn, highest_lsn: Lsn = BEFORE_ALL
) -> RepairPlan:
    """What to do with a log of which a checkpoint holds the records up to ``checkpoint_lsn``, 0 for none.

    ``highest_lsn`` is the highest LSN that the store is known to have given out, if it is not in this log.
    A torn tail alone needs no repair: the next start cuts it. Raises CorruptionError when nothing can stay.
    """
    runs = dense_runs(scanned)
    run, last = _chosen(runs, checkpoint_lsn)
    marker = _marker(scanned, last)
    runs = [each for each in runs if not _is_only(each, marker)]
    known = max([*(each.last_lsn for each in runs), checkpoint_lsn, *(each.acknowledged for each in scanned)])
    if last == 0 and (run is None or known > 0):
        path = scanned[0].path
        raise CorruptionError(path, 0, "no checkpoint opens, and record 1 is not whole: nothing can be kept")
    folder = scanned[0].path.rpartition("/")[0]
    lost = LsnRange(Lsn(last + 1), known) if known > last else None
    headers = [file.header for file in scanned if file.header is not None]
    epoch = max((header.epoch for header in headers), default=0)
    needs_marker = (run is None or lost is not None) and marker is None
    sections = {id(section.file): section for section in (run.sections if run else [])}
    steps = []
    for file in scanned:
        if file is marker:
            continue
        is_newest = file is scanned[-1] and not needs_marker
        step = _step(folder, file, sections.get(id(file)), last, is_newest)
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
        may_lack_more=run is None and lost is None and not _ends_empty(scanned[-1], checkpoint_lsn),
        lost_but_whole=whole,
        damage=[*(damage for file in scanned for damage in file.damage), *_gaps(runs, checkpoint_lsn)],
        steps=steps,
        marker_lsn=Lsn(last + 1) if needs_marker else None,
        began_at=first_of_next(max(known, highest_lsn)) if needs_marker else None,
        store=_store_of(run, last),
        last_ms=max((frame.time_ms for frame in _staying(run, last)), default=0),
        epoch=epoch + 1 if needs_marker else epoch,
        epoch_before=epoch,
        flags=reduce(or_, [header.flags for header in headers], 0),
    )


def _ends_empty(newest: ScannedFile, checkpoint: Lsn) -> bool:
    """Whether the newest file begins right behind the checkpoint and is too short to have held a record."""
    is_empty = newest.size <= FILE_HEADER_BYTES and not newest.is_foreign
    return is_empty and newest.named_lsn == checkpoint + 1


def _gaps(runs: Sequence[DenseRun], checkpoint: Lsn) -> Iterator[Damage]:
    """Where records are missing: between runs, and between the checkpoint and the log."""
    for before, after in pairwise(runs):
        section = after.sections[0]
        reason = f"record {after.first_lsn} follows record {before.last_lsn}"
        yield Damage(section.file.path, section.frames[0].offset if section.frames else 0, reason)
    if runs and checkpoint and runs[0].first_lsn > checkpoint + 1:
        reason = f"the log begins with record {runs[0].first_lsn}, the checkpoint ends with {checkpoint}"
        yield Damage(runs[0].sections[0].file.path, 0, reason)
    if runs and runs[-1].last_lsn < checkpoint:
        reason = f"the log ends with record {runs[-1].last_lsn}, the checkpoint with {checkpoint}"
        yield Damage(runs[-1].sections[-1].file.path, 0, reason)


def _chosen(runs: Sequence[DenseRun], checkpoint: Lsn) -> tuple[DenseRun | None, Lsn]:
    """The run that stays and its last record to stay; none, and the checkpoint, when no run goes on there."""
    best: DenseRun | None = None
    best_last = checkpoint
    for run in runs:
        last = _replayable(run, checkpoint)
        if not run.first_lsn <= checkpoint + 1 <= last + 1:
            continue
        is_longer = best is None or run.first_lsn <= best.first_lsn
        if best is None or last > best_last or (last == best_last and is_longer):
            best, best_last = run, last
    return best, best_last


def _replayable(run: DenseRun, checkpoint: Lsn) -> Lsn:
    """The last record before a bulk load that the checkpoint lacks and whose rows are not in the run."""
    loads = [load for section in run.sections for load in section.file.bulk_loads]
    ends = [
        load.lsn
        for load in loads
        if checkpoint < load.lsn and run.first_lsn <= load.lsn <= run.last_lsn and load.since < run.first_lsn
    ]
    return Lsn(min(ends) - 1) if ends else run.last_lsn


def _marker(scanned: Sequence[ScannedFile], last: Lsn) -> ScannedFile | None:
    """The file with which an interrupted repair has begun the new history already, if it has."""
    for file in scanned:
        is_begun = file.header is not None and file.named_lsn == last + 1 and len(file.frames) == 1
        if is_begun and file.frames[0].history is not None and file.frames[0].named_lsn == last + 1:
            return file
    return None


def _is_only(run: DenseRun, file: ScannedFile | None) -> bool:
    return all(section.file is file for section in run.sections)


def _staying(run: DenseRun | None, last: Lsn) -> Iterator[FoundFrame]:
    for section in run.sections if run else ():
        yield from (frame for frame in section.frames if frame.first_lsn <= last)


def _store_of(run: DenseRun | None, last: Lsn) -> bytes:
    names = [frame.history.store for frame in _staying(run, last) if frame.history is not None]
    return names[-1] if names else b""


def _step(
    folder: str, file: ScannedFile, section: RunSection | None, last: Lsn, is_newest: bool
) -> Step | None:
    """What becomes of a file; None if it stays as it is."""
    staying = [frame for frame in section.frames if frame.first_lsn <= last] if section else []
    is_begun = section is not None and file.header is not None and file.named_lsn <= last + 1
    if section is None or (not staying and not (is_begun and not section.frames)):
        return Step(TAKE, file.path, bytes=file.size)
    end, is_in_place = FILE_HEADER_BYTES, file.header is not None
    for frame in staying:
        is_in_place = is_in_place and frame.offset == end
        end = frame.end
    if not is_in_place or (staying and staying[-1].last_lsn > last):
        new_path = f"{folder}/{file_name(staying[0].named_lsn)}"
        size = file.size - sum(frame.end - frame.offset for frame in staying)
        return Step(REWRITE, file.path, bytes=size, new_path=new_path, frames=staying)
    is_torn = is_newest and not file.is_too_large and not any(frame.offset >= end for frame in file.frames)
    if end == file.size or is_torn:
        return None
    return Step(CUT, file.path, offset=end, bytes=file.size - end)
