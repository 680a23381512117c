"""Carrying a repair out, so that a crash at any point leaves a log that the next repair mends to the same.

What is taken away is durable as ``….broken`` before anything changes. Then files that are written anew get
their names, then files are cut, and only then do others go: what was lost stays visible until the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asteroid_cloud.wal.disk.atomic_write import UNFINISHED
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError, StorageError
from asteroid_cloud.wal.format.body import BadFrame
from asteroid_cloud.wal.format.frame import part_of_frame
from asteroid_cloud.wal.format.log_file import (
    FileHeader,
    Window,
    encode_file_header,
    file_name,
    frame_at,
)
from asteroid_cloud.wal.limits import MIB
from asteroid_cloud.wal.repair.plan import CUT, REWRITE, RepairPlan, Step
from asteroid_cloud.wal.repair.torn_tail import remove_unfinished


def apply_repair(files: Files, folder: str, identity: bytes, plan: RepairPlan) -> list[str]:
    """Does what the plan says, under the store's lock, which the caller holds; the paths of what is kept.

    Raises NoSpace or StorageError, after which the log can be repaired again, and CorruptionError when a file
    has changed since it was looked at.
    """
    remove_unfinished(files, folder)
    kept = [_keep(files, step) for step in plan.steps]
    files.sync_dir(folder)
    written = [_rewritten(files, identity, plan, step) for step in plan.steps if step.kind == REWRITE]
    if plan.marker_lsn is not None:
        marker = f"{folder}/{file_name(plan.marker_lsn)}"
        header = FileHeader(identity, plan.marker_lsn, plan.epoch)
        written.append(_write(files, marker, [encode_file_header(header)]))
    for path in written:
        files.rename(path + UNFINISHED, path)
    files.sync_dir(folder)
    for step in plan.steps:
        if step.kind == CUT:
            _cut(files, step)
    # The newest goes last: it tells a repair that starts over how much there was.
    for step in plan.steps:
        is_replaced = step.path in written
        if step.kind != CUT and not is_replaced:
            files.remove(step.path)
            files.sync_dir(folder)
    return kept


def _keep(files: Files, step: Step) -> str:
    """A durable copy of what a step takes away; of all of a file, if it can be, by another name."""
    offset = step.offset if step.kind == CUT else 0
    kept = _free_name(files, f"{step.path}.{offset}.broken")
    if offset == 0:
        try:
            files.link(step.path, kept)
        except StorageError:  # no links on this file system
            pass
        else:
            return kept
    files.rename(_write(files, kept, _chunks(files, step.path, offset)) + UNFINISHED, kept)
    return kept


def _free_name(files: Files, name: str) -> str:
    number, free = 1, name
    while files.exists(free):
        number += 1
        free = f"{name}.{number}"
    return free


def _chunks(files: Files, path: str, offset: int) -> Iterator[bytes]:
    size = files.size(path)
    for start in range(offset, size, MIB):
        yield files.read(path, start, min(MIB, size - start))


def _rewritten(files: Files, identity: bytes, plan: RepairPlan, step: Step) -> str:
    first = step.frames[0].first_lsn
    header = encode_file_header(FileHeader(identity, first, plan.epoch_before))
    return _write(files, step.new_path, _pieces(files, identity, plan, step, header))


def _pieces(files: Files, identity: bytes, plan: RepairPlan, step: Step, header: bytes) -> Iterator[bytes]:
    """The bytes of a file that holds just the frames to be kept, the last of them cut where the log ends."""
    yield header
    window = Window(files, step.path, files.size(step.path))
    for place in step.frames:
        try:
            frame = frame_at(window, identity, place.offset)
            last = min(place.last_lsn, plan.last_lsn)
            if last == place.last_lsn:
                yield bytes(window.get(place.offset, place.end - place.offset))
            else:
                yield part_of_frame(identity, frame.header, frame.packed, place.first_lsn, last)
        except BadFrame as error:
            raise CorruptionError(step.path, place.offset, error.message) from error


def _write(files: Files, path: str, pieces: Iterable[bytes]) -> str:
    file = files.create(path + UNFINISHED)
    try:
        for piece in pieces:
            file.write(piece)
        file.sync()
    finally:
        file.close()
    return path


def _cut(files: Files, step: Step) -> None:
    file = files.open_append(step.path)
    try:
        file.truncate(step.offset)
        file.sync()
    finally:
        file.close()
