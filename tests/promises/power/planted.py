"""Bugs to plant. Each breaks one rule that keeps data safe, and one of the checks must find it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.indexer.checkpoint import manifest as manifests
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.checkpoint.manifest import Manifest
from asteroid_cloud.indexer.history.tagged_segments import TaggedSegments
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.deletions import Deletions
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal.append.sequencer import Sequencer
from asteroid_cloud.wal.append.writer import LogWriter
from asteroid_cloud.wal.errors import NoSpace, StorageError
from asteroid_cloud.wal.format.frame import HEADER_BYTES
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read import frame_window, log_end
from asteroid_cloud.wal.read.frame_walker import FrameWalker
from asteroid_cloud.wal.read.frame_window import Frame
from tests.promises.power.recording import RecordedFile, RecordingFiles
from tests.support.faulty_files import WatchedAppendFile

Patch = pytest.MonkeyPatch


def skip_sync(patch: Patch) -> None:
    """No file is ever synced."""
    patch.setattr(RecordedFile, "sync", lambda self: None)


def acknowledge_before_sync(patch: Patch) -> None:
    """The sync after a record is done only with the next record."""
    waiting: list[Callable[[], None]] = []

    def sync_later(_: LogWriter, sync: Callable[[], None], path: str) -> None:
        if not path.endswith(".wal"):
            sync()
            return
        waiting.append(sync)
        with suppress(StorageError):  # the log goes on in another file
            waiting.pop(0)() if len(waiting) > 1 else None

    patch.setattr(LogWriter, "_sync", sync_later)


def skip_folder_sync(patch: Patch) -> None:
    """No folder is ever synced."""
    patch.setattr(RecordingFiles, "sync_dir", lambda self, path: None)


def skip_checksum(patch: Patch) -> None:
    """A frame of the log is accepted without a look at its checksum."""
    patch.setattr(
        frame_window,
        "check_frame",
        lambda identity, header, frame: memoryview(frame)[HEADER_BYTES : header.frame_bytes],
    )


def rename_before_sync(patch: Patch) -> None:
    """A manifest gets its name before its bytes are safe."""
    write = manifests.write_manifest

    class Unsynced:
        """Files whose contents are not synced."""

        def __init__(self, files: Any) -> None:
            self._files = files

        def __getattr__(self, name: str) -> Any:
            return getattr(self._files, name)

        def create(self, path: str) -> Any:
            file = self._files.create(path)
            file.sync = lambda: None
            return file

    def write_unsynced(files: Any, folder: str, manifest: Manifest) -> None:
        write(Unsynced(files), folder, manifest)

    patch.setattr("asteroid_cloud.indexer.checkpoint.index_folder.write_manifest", write_unsynced)


def retry_sync(patch: Patch) -> None:
    """A sync that fails is tried again, as if that could bring lost data back."""

    def again(_: LogWriter, sync: Callable[[], None], path: str) -> None:
        try:
            sync()
        except StorageError:
            sync()

    patch.setattr(LogWriter, "_sync", again)


def swallow_no_space(patch: Patch) -> None:
    """The error of a full disk is ignored."""
    write = WatchedAppendFile.write

    def write_what_fits(self: WatchedAppendFile, data: bytes | memoryview) -> None:
        try:
            write(self, data)
        except NoSpace:
            return

    patch.setattr(WatchedAppendFile, "write", write_what_fits)


def lose_the_last_frame(patch: Patch) -> None:
    """Recovery cuts the last frame of the log."""

    class ShortWalker(FrameWalker):
        """Ends where the last frame begins."""

        def __next__(self) -> Frame:
            try:
                found = super().__next__()
            except StopIteration:
                if self._last is not None:
                    self.step_back(self._last)
                raise
            self._last = found
            return found

        _last: Frame | None = None

    patch.setattr(log_end, "FrameWalker", ShortWalker)


def reuse_numbers(patch: Patch) -> None:
    """After a start the next record gets the number of the last one."""
    begin = LogWriter.__init__

    def begin_one_early(self: LogWriter, *args: Any, **named: Any) -> None:
        begin(self, *args, **named)
        self.sequencer = Sequencer(Lsn(max(0, self.durable_lsn - 1)))

    patch.setattr(LogWriter, "__init__", begin_one_early)


def apply_twice(patch: Patch) -> None:
    """The rows of a batch are appended twice."""
    append = State.append_rows

    def append_twice(self: State, *args: Any, **named: Any) -> None:
        append(self, *args, **named)
        append(self, *args, **named)

    patch.setattr(State, "append_rows", append_twice)


def trim_before_manifest(patch: Patch) -> None:
    """The log is trimmed before the manifest behind it is durable."""
    write = Checkpointer._write

    async def trim_and_write(self: Checkpointer, manifest: Manifest) -> None:
        await self._trimmer.trim(Lsn(manifest.applied_lsn))
        await write(self, manifest)

    patch.setattr(Checkpointer, "_write", trim_and_write)


def newest_tombstones(patch: Patch) -> None:
    """A manifest lists the rows that are deleted now, not those deleted as of its record."""
    patch.setattr(Deletions, "dead_as_of", lambda self, lsn: np.array(self._dead))


def share_tombstones(patch: Patch) -> None:
    """Readers get the bitmap of live rows that the applier still changes, instead of a copy."""
    shared: dict[Deletions, NDArray[np.uint8]] = {}
    alive = Deletions.alive

    def alive_shared(self: Deletions, rows: int) -> NDArray[np.uint8] | None:
        bits = alive(self, rows)
        if bits is None or self not in shared or len(shared[self]) != len(bits):
            if bits is not None:
                shared[self] = bits
            return bits
        shared[self][:] = bits
        return shared[self]

    patch.setattr(Deletions, "alive", alive_shared)


def take_new_files_for_orphans(patch: Patch) -> None:
    """Only files that the manifest names are kept, not those that were added while it was being written."""
    remove = Checkpointer.remove_orphans

    async def ask_the_manifest_only(self: Checkpointer) -> None:
        state = self._state
        self._state = State(EngineOptions(), MemoryBudget(), lambda event: [])
        try:
            await remove(self)
        finally:
            self._state = state

    patch.setattr(Checkpointer, "remove_orphans", ask_the_manifest_only)


def forget_what_tags_need(patch: Patch) -> None:
    """Segments that only a tag needs are removed as orphans."""
    patch.setattr(TaggedSegments, "without", lambda self, candidates: set(candidates))


ON_IMAGES: Sequence[Callable[[Patch], None]] = (
    skip_sync,
    acknowledge_before_sync,
    skip_folder_sync,
    rename_before_sync,
    lose_the_last_frame,
    reuse_numbers,
    apply_twice,
    trim_before_manifest,
    newest_tombstones,
    forget_what_tags_need,
)
"""These are found by opening crash images."""
