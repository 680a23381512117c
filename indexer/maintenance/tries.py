"""Tries of one thing in the background, and whether a full disk made those fail that somebody waits for."""

from __future__ import annotations

from asteroid_cloud.wal.errors import NoSpace


class Tries:
    """Numbered from 1, one at a time."""

    def __init__(self) -> None:
        self.no_space: NoSpace | None = None
        """Why the newest that has ended failed; None unless the disk was full."""
        self._begun = 0
        self._failed = 0
        """The newest that has failed so."""

    @property
    def next(self) -> int:
        """The first that begins from now on: one under way may have met a disk that has room since."""
        return self._begun + 1

    def begin(self) -> None:
        """Another one."""
        self._begun += 1

    def succeed(self) -> None:
        """The one under way has ended well."""
        self.no_space = None

    def fail(self, error: NoSpace) -> None:
        """The one under way has failed."""
        self.no_space, self._failed = error, self._begun

    def check(self, first: int) -> None:
        """Raises NoSpace if one has failed, ``first`` or a later one, and none has succeeded since."""
        if self.no_space is not None and self._failed >= first:
            raise NoSpace(self.no_space.message) from self.no_space
