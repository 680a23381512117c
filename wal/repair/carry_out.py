"""Carrying out a repair, so that after a crash at any point the next repair comes to the same log.

What is taken away is durable as ``….broken`` before anything changes. Then rewritten files get their names,
then files are cut, and other files are removed last: what is lost stays visible until the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from asteroid_cloud.wal.disk.atomic_write import NewFile, publish_all, remove_unfinished
from asteroid_cloud.wal.disk.contents import cut_file, read_chunks
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import StorageError
from asteroid_cloud.wal.format.frame import LARGEST_FILE_BYTES
from asteroid_cloud.wal.format.history_start import history_start
from asteroid_cloud.wal.format.log_file import FileHeader, encode_file_header, file_name
from asteroid_cloud.wal.histories import Branch
from asteroid_cloud.wal.read.frame_window import Window
from asteroid_cloud.wal.repair.plan import CUT, REWRITE, RepairPlan, Step


def apply_repair(
    files: Files, folder: str, identity: bytes, plan: RepairPlan, store: bytes = b""
) -> list[str]:
    """Does what the plan says; the caller holds the store's lock. Returns the paths of the evidence.

    ``store`` is the name of the store where the records that stay do not say it; without one it is that of a
    store that was never restored.
    Raises NoSpace or StorageError, after which the log can be repaired again, and CorruptionError when a file
    has changed since it was scanned.
    """
    remove_unfinished(files, folder)
    evidence: list[str] = []
    try:
        for step in plan.steps:
            evidence.append(_save_evidence(files, step))
        files.sync_dir(folder)
        written = _write_new_files(files, folder, identity, plan, plan.store or store or identity)
    except BaseException:  # nothing has changed yet
        with suppress(StorageError):
            for path in evidence:
                files.remove(path)
            remove_unfinished(files, folder)
        raise
    publish_all(files, folder, written)
    replaced = {new.path for new in written}
    for step in plan.steps:
        if step.kind == CUT and step.path not in replaced:
            cut_file(files, step.path, step.offset)
    # The newest goes last: it tells a repair that starts over how much there was.
    for step in plan.steps:
        if step.kind != CUT and step.path not in replaced:
            files.remove(step.path)
            files.sync_dir(folder)
    return evidence


def _save_evidence(files: Files, step: Step) -> str:
    """Keeps what a step takes away, under another name: a whole file by a link if possible, else a copy."""
    offset = step.offset if step.kind == CUT else 0
    evidence = _free_name(files, f"{step.path}.{offset}.broken")
    if offset == 0:
        try:
            files.link(step.path, evidence)
        except StorageError:  # no links on this file system
            pass
        else:
            return evidence
    end = min(files.size(step.path), offset + LARGEST_FILE_BYTES)  # what is beyond was never part of a log
    _write(files, evidence, read_chunks(files, step.path, offset, end)).publish()
    return evidence


def _free_name(files: Files, name: str) -> str:
    number, free = 1, name
    while files.exists(free):
        number += 1
        free = f"{name}.{number}"
    return free


def _write_new_files(
    files: Files, folder: str, identity: bytes, plan: RepairPlan, store: bytes
) -> list[NewFile]:
    """All files that the plan writes, durable, but none under its name yet."""
    written: list[NewFile] = []
    for step in plan.steps:
        if step.kind == REWRITE:
            written.append(_write(files, step.new_path, _pieces(files, identity, plan, step)))
    if plan.marker_lsn is not None and plan.began_at is not None:
        branch = Branch(plan.last_lsn, plan.began_at, store)
        clock_ms = time.time_ns() // 1_000_000
        start = history_start(identity, branch, plan.epoch, clock_ms, plan.last_ms, plan.flags)
        written.append(_write(files, f"{folder}/{file_name(plan.marker_lsn)}", [start]))
    return written


def _pieces(files: Files, identity: bytes, plan: RepairPlan, step: Step) -> Iterator[bytes]:
    """The bytes of a file with the frames that stay, the last of them cut where the log ends."""
    yield encode_file_header(
        FileHeader(identity, step.frames[0].named_lsn, plan.epoch_before, flags=plan.flags)
    )
    window = Window(files, step.path, min(files.size(step.path), LARGEST_FILE_BYTES))
    for found in step.frames:
        frame = window.frame_at(identity, found.offset)
        yield frame.part(identity, found.first_lsn, min(found.last_lsn, plan.last_lsn))


def _write(files: Files, path: str, pieces: Iterable[bytes]) -> NewFile:
    new = NewFile(files, path)
    try:
        for piece in pieces:
            new.write(piece)
        new.sync()
    finally:
        new.close()
    return new
