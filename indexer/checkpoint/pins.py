"""Pins: what must stay, although a newer checkpoint makes it superfluous, while somebody works with it.

log pins        records of the log: a bulk load that is not in a checkpoint yet, a backup
deletion pins   which record deleted which row of a segment: a merge works on an earlier state
segment pins    the files of segments: a backup or a tag copies a checkpoint
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from asteroid_cloud.wal import Lsn


@dataclass(frozen=True, slots=True)
class PinnedCheckpoint:
    """A checkpoint whose segments, and the log behind it, stay in place."""

    manifest: str | None
    """The manifest's name; None when there is none yet."""
    content: bytes
    """The manifest file's contents."""
    segments: list[int]


@dataclass(frozen=True, slots=True)
class PinnedHistory:
    """What is to be pinned beside a checkpoint."""

    log_from: Lsn
    """The first record that has to stay, if it is one that the checkpoint holds."""
    segments: frozenset[int]
    """Segments of earlier states."""


@dataclass(frozen=True, slots=True)
class _LogPin:
    """Pins the log after one record, until a checkpoint at another, or until the pin is removed."""

    after: Lsn
    until: Lsn | None = None


class LogPins:
    """The records of the log that must not be trimmed."""

    def __init__(self) -> None:
        self._pins: dict[object, _LogPin] = {}

    @contextmanager
    def pin(self, after: Lsn, then_until: Callable[[], Lsn] | None = None) -> Iterator[None]:
        """Pins the log after ``after`` for as long as the block runs.

        ``then_until`` gives, at the end of the block, the record up to which a later checkpoint must reach
        before the pin goes.
        """
        holder = object()
        self._pins[holder] = _LogPin(after)
        try:
            yield
        finally:
            if then_until is None:
                del self._pins[holder]
            else:
                self._pins[holder] = _LogPin(after, then_until())

    def drop_reached(self, checkpoint: Lsn) -> None:
        """Removes the pins that a checkpoint at this record fulfils."""
        self._pins = {
            holder: pin for holder, pin in self._pins.items() if pin.until is None or pin.until > checkpoint
        }

    @property
    def is_empty(self) -> bool:
        """Whether nothing is pinned."""
        return not self._pins

    def earliest(self, checkpoint: Lsn) -> Lsn:
        """The record after which all must stay: that of the checkpoint, or of an earlier pin."""
        return min([checkpoint, *(pin.after for pin in self._pins.values())])


class DeletionPins:
    """The deletions that segments must remember record by record."""

    def __init__(self) -> None:
        self._pins: dict[object, tuple[Lsn, frozenset[int]]] = {}

    @contextmanager
    def pin(self, after: Lsn, segments: Iterable[int]) -> Iterator[None]:
        """Has these segments remember what was deleted after ``after``, for as long as the block runs."""
        holder = object()
        self._pins[holder] = after, frozenset(segments)
        try:
            yield
        finally:
            del self._pins[holder]

    def earliest(self, checkpoint: Lsn, segment: int) -> Lsn:
        """The record after which a segment must remember deletions."""
        return min([checkpoint, *(after for after, numbers in self._pins.values() if segment in numbers)])


class SegmentPins:
    """The segments whose files must not be removed."""

    def __init__(self) -> None:
        self._pins: dict[object, frozenset[int]] = {}

    @contextmanager
    def pin(self, segments: frozenset[int]) -> Iterator[None]:
        """Pins the files of these segments for as long as the block runs."""
        holder = object()
        self._pins[holder] = segments
        try:
            yield
        finally:
            del self._pins[holder]

    @property
    def numbers(self) -> frozenset[int]:
        """All that are pinned."""
        return frozenset().union(*self._pins.values())
