"""The one walk through the frames of a log file, front to back. What it does at damage is its policy.

STRICT        every byte up to the end must be a frame; anything else is refused
TornTail      the file may end in a torn frame, which a crash left or a writer is just writing
Salvage       damage is noted, and the walk goes on at the next whole frame
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_window import Frame, Window


class Damage(msgspec.Struct, frozen=True):
    """Bytes that are not what they should be."""

    path: str
    offset: int
    reason: str

    @classmethod
    def of(cls, error: CorruptionError) -> Damage:
        """The damage that an error tells of."""
        return cls(error.path, error.offset, error.reason)

    def error(self) -> CorruptionError:
        """The error that tells of it."""
        return CorruptionError(self.path, self.offset, self.reason)


class Policy(Protocol):
    """What a walk does when no whole frame begins where one should."""

    is_dense: bool
    """Whether each frame must go on where the one before it ends, if not as a new history."""
    check: Callable[[Frame], None] | None
    """Raises CorruptionError for a frame that counts as damage though its checksum matches."""

    def after_damage(self, walker: FrameWalker, error: CorruptionError) -> int | None:
        """Where to look for a frame next, None to end the walk; or raises ``error``."""
        ...


class FrameWalker(Iterator[Frame]):
    """The frames of one file. It may be gone on with when the file has grown (``window.end``)."""

    def __init__(
        self,
        window: Window,
        identity: bytes,
        last_lsn: Lsn,
        *,
        offset: int = FILE_HEADER_BYTES,
        policy: Policy | None = None,
    ) -> None:
        """Begins at ``offset``, behind record ``last_lsn``; strict by default."""
        self.window = window
        self.identity = identity
        self.last_lsn = last_lsn
        """The last record of the frame given last."""
        self.offset = offset
        """Where the next frame begins, or will."""
        self.torn: Damage | None = None
        """The torn frame that ended the walk."""
        self._policy = policy or STRICT

    def __next__(self) -> Frame:
        """The next frame; raises CorruptionError as the policy says."""
        policy = self._policy
        while self.offset < self.window.end:
            try:
                frame = self.window.frame_at(self.identity, self.offset)
                if policy.check is not None:
                    policy.check(frame)
            except CorruptionError as error:
                offset = policy.after_damage(self, error)
                if offset is None:
                    break
                self.offset = offset
                continue
            header = frame.header
            if policy.is_dense and header.first_lsn != self.last_lsn + 1 and not self._goes_on(frame):
                reason = f"record {header.first_lsn} follows record {self.last_lsn}"
                raise CorruptionError(frame.path, frame.offset, reason)
            self.offset += header.frame_bytes
            self.last_lsn = header.last_lsn
            return frame
        raise StopIteration

    def _goes_on(self, frame: Frame) -> bool:
        """Whether a frame begins a new history where the one before it ends."""
        history = frame.history
        return history is not None and history.branched_at == self.last_lsn < frame.header.first_lsn

    def step_back(self, frame: Frame) -> None:
        """Makes the frame given last the next one again."""
        self.offset, self.last_lsn = frame.offset, Lsn(frame.header.first_lsn - 1)


class Strict:
    """Refuses all damage."""

    is_dense = True
    check: Callable[[Frame], None] | None = None

    def after_damage(self, walker: FrameWalker, error: CorruptionError) -> int | None:
        """Raises the error."""
        raise error


STRICT = Strict()


class TornTail:
    """Lets the file end in a torn frame; refuses damage with a later frame behind it, or what is left of one.

    A frame that is being written is torn until its writer has finished, so it is looked at a second time.
    For one walk.
    """

    is_dense = True
    check: Callable[[Frame], None] | None = None

    def __init__(self, files: Files) -> None:
        self._files = files
        self._looked_at: int | None = None
        self._is_followed = False

    def after_damage(self, walker: FrameWalker, error: CorruptionError) -> int | None:
        """The same place again after the first look; then the end of the walk, noted as ``torn``."""
        if self._looked_at != walker.offset:
            # In this order: once a whole frame follows, the writer has finished with this one.
            whole = Window(self._files, walker.window.path)
            behind = whole.next_frame(walker.identity, walker.offset + 1, walker.last_lsn)
            later = whole.acknowledged_behind(walker.offset, walker.last_lsn)
            self._looked_at = walker.offset
            self._is_followed = behind is not None or later is not None
            walker.window.look_again()
            return walker.offset
        if self._is_followed:
            raise error
        walker.torn = Damage.of(error)
        return None


class Salvage:
    """Notes damage and goes on behind it."""

    is_dense = False

    def __init__(self, check: Callable[[Frame], None]) -> None:
        self.check: Callable[[Frame], None] | None = check
        self.damage: list[Damage] = []

    def after_damage(self, walker: FrameWalker, error: CorruptionError) -> int | None:
        """Where the next whole frame of a later record begins."""
        self.damage.append(Damage.of(error))
        behind = walker.window.next_frame(walker.identity, walker.offset + 1, walker.last_lsn)
        return None if behind is None else behind.offset
