"""A log that is opened by looking only: read-only, without a lock, also while a server writes.

Nothing is changed: a torn tail is found and stays. A log that is being written may lose its oldest files and
grow at its end meanwhile; neither is damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from zstandard import ZstdDecompressor

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError, LogPruned, NotFound, StorageError
from asteroid_cloud.wal.format.log_file import FileHeader
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.histories import Branch, Jump, count_between
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.durable_reader import forget_files, records_between
from asteroid_cloud.wal.read.file_state import FileState, LogCheck
from asteroid_cloud.wal.read.frame_walker import STRICT, Damage, FrameWalker, TornTail
from asteroid_cloud.wal.read.frame_window import Frame, Window
from asteroid_cloud.wal.read.log_end import LogEnd, find_end, jumps_of
from asteroid_cloud.wal.read.log_folder import checked_file_header, log_files, read_file_header, was_trimmed
from asteroid_cloud.wal.read.log_walk import walk_log

FIRST = Lsn(1)


class LogReader:
    """The log in ``folder``. Every method blocks; all raise NotFound when there is no log."""

    def __init__(self, files: Files, folder: str) -> None:
        self._files = files
        self._folder = folder
        self._identity: bytes | None = None
        """Of the first file whose header was read."""

    @property
    def identity(self) -> bytes:
        """Sixteen bytes that tell this store from every other; raises as ``read_file_header``."""
        return self.header.identity

    @cached_property
    def header(self) -> FileHeader:
        """The header of the newest file; raises CorruptionError, UnsupportedVersion."""
        return read_file_header(self._files, self._listed()[-1][1])

    @property
    def first_lsn(self) -> Lsn:
        """The oldest record there is now."""
        return self._listed()[0][0]

    @cached_property
    def end(self) -> LogEnd:
        """Where the log ended when this was first asked for, and where a torn tail begins.

        Raises CorruptionError for damage that no crash explains, UnsupportedVersion.
        """
        found = find_end(self._files, self._folder)
        if found is None:
            raise self._no_log()
        return found

    @property
    def durable_lsn(self) -> Lsn:
        """The last whole record; raises as ``end``."""
        return self.end.last_lsn

    def frames(self, from_lsn: Lsn) -> Iterator[Frame]:
        """Frames with records from ``from_lsn`` on, in order and without a gap; a torn tail ends them.

        Raises LogPruned when the log begins later or is trimmed past the reader, CorruptionError at damage,
        UnsupportedVersion.
        """
        listed = self._listed()

        def opened(number: int) -> FrameWalker:
            first, path = listed[number]
            return self._walker(self._checked_header(first, path), path, number + 1 == len(listed))

        return walk_log(self._files, self._folder, [first for first, _ in listed], opened, from_lsn)

    def held_frames(self, from_lsn: Lsn = FIRST) -> Iterator[Frame]:
        """The same, but from the oldest record there is when the log begins later."""
        while True:
            is_begun = False
            try:
                for frame in self.frames(max(from_lsn, self.first_lsn)):
                    is_begun = True
                    yield frame
            except LogPruned:
                if is_begun:
                    raise
            else:
                return

    def read(self, from_lsn: Lsn, to_lsn: Lsn | None = None) -> Iterator[Record]:
        """Records from ``from_lsn`` on, up to ``to_lsn`` or to the end; raises as ``frames``."""
        return records_between(self.frames(from_lsn), from_lsn, to_lsn)

    def count(self, after: Lsn, until: Lsn) -> int:
        """See ``ReadableLog.count``."""
        return count_between(self.jumps, after, until)

    @property
    def jumps(self) -> tuple[Jump, ...]:
        """Where the histories begin that the log holds."""
        return jumps_of(self._files, self._listed())

    def forget(self, from_lsn: Lsn) -> None:
        """Lets go of the page cache of the files with records from ``from_lsn`` on."""
        forget_files(self._files, self.end.extents, from_lsn, self.end.last_lsn)

    def files(self) -> list[FileState]:
        """The files there are, none of them gone through yet."""
        return [FileState(path, first, Lsn(first - 1)) for first, path in self._listed()]

    def check(self, *, bodies: bool) -> LogCheck:
        """Goes through every frame of every file, and on behind damage; decodes the records if ``bodies``.

        Raises UnsupportedVersion.
        """
        unpacker = ZstdDecompressor()
        while True:
            states, branches = self.files(), list[Branch]()
            for number, state in enumerate(states):
                self._go_through(state, number + 1 == len(states), unpacker if bodies else None, branches)
            # What a running server trimmed meanwhile, and all before it, is no part of the log any more.
            trimmed = 1 + max((number for number, state in enumerate(states) if state.trimmed), default=-1)
            if states[trimmed:]:
                first = states[trimmed].first_lsn
                held = tuple(branch for branch in branches if branch.branched_at + 1 >= first)
                return LogCheck(states[trimmed:], held)

    def _go_through(
        self,
        state: FileState,
        is_newest: bool,
        unpacker: ZstdDecompressor | None,
        branches: list[Branch],
    ) -> None:
        """Notes in ``state`` what the file holds, and adds the histories that begin in it to ``branches``."""
        try:
            state.bytes = self._files.size(state.path)
            header = self._checked_header(state.first_lsn, state.path)
            state.epoch = header.epoch
            walker = self._walker(header, state.path, is_newest)
            for frame in walker:
                if unpacker is not None:
                    for _ in frame.records(unpacker):
                        pass
                if (begun := frame.history) is not None:
                    branches.append(Branch(Lsn(begun.branched_at), frame.header.first_lsn, begun.store))
                state.frames += 1
                state.records += frame.header.count
                state.last_lsn = frame.header.last_lsn
            state.torn, state.bytes = walker.torn, walker.window.end
        except CorruptionError as error:
            state.damage = Damage.of(error)
        except StorageError:
            if not was_trimmed(self._files, self._folder, state.first_lsn):
                raise
            state.trimmed = True

    def _checked_header(self, first_lsn: Lsn, path: str) -> FileHeader:
        """Raises CorruptionError when the file is none of this log."""
        header = checked_file_header(self._files, path, first_lsn, self._identity)
        self._identity = header.identity
        return header

    def _walker(self, header: FileHeader, path: str, is_newest: bool) -> FrameWalker:
        policy = TornTail(self._files) if is_newest else STRICT
        return FrameWalker(
            Window(self._files, path), header.identity, Lsn(header.first_lsn - 1), policy=policy
        )

    def _listed(self) -> list[tuple[Lsn, str]]:
        found = log_files(self._files, self._folder)
        if not found:
            raise self._no_log()
        return found

    def _no_log(self) -> NotFound:
        return NotFound(
            f"there is no log in {self._folder}: the first start of a store makes one, and nothing removes it"
        )
