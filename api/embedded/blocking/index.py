# Written by ops/faces from api/embedded/index.py: change that one.
"""The blocking store's calls about the index as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

from asteroid_cloud.api.embedded.blocking.calls import BlockingCalls
from asteroid_cloud.api.service.results import IndexInfo, Stats
from asteroid_cloud.api.service.texts import TextInfo
from asteroid_cloud.indexer import BackupReport, PurgeReport, Recovery, TagInfo


class BlockingIndexCalls(BlockingCalls):
    """Look at the index; ask how the store is.

    During recovery every call but ``health`` and ``ready`` raises Overloaded (``not_ready``).
    """

    def get_index(self) -> IndexInfo:
        """The index's ``dim``, ``metric`` and ``bits``, all None before it is created."""
        return self._loop.run(self._store.get_index)

    def get_text(self) -> TextInfo:
        """The fields that are indexed as text, and how many of the stored rows are.

        Raises Conflict (``no_text_index``).
        """
        return self._loop.run(self._store.get_text)

    def set_text(self, fields: Mapping[str, Mapping[str, str]]) -> int:
        """Indexes these fields as text from now on, and what is stored in the background; returns the LSN.

        ``{"gloss": {"language": "english"}, "title": {}}``: with a language words are compared by their
        stems. The same again changes nothing. Raises InvalidRequest (``bad_text``).
        """
        return self._loop.run(self._store.set_text, fields)

    def delete_text(self) -> bool:
        """Indexes no text any more; returns whether some was. Payloads stay as they are."""
        return self._loop.run(self._store.delete_text)

    def stats(self) -> Stats:
        """Figures of the store: vectors (an exact number), memory, segments, log and more."""
        return self._loop.run(self._store.stats)

    def recovery(self) -> Recovery:
        """What was found on the disk when the store was opened: what was whole, repaired or lost."""
        return self._loop.run(self._store.recovery)

    def health(self) -> bool:
        """Whether the store answers at all."""
        return self._loop.run(self._store.health)

    def ready(self) -> bool:
        """Whether recovery is over and there is an index."""
        return self._loop.run(self._store.ready)

    def wait_for(self, lsn: int, timeout: float | None = None) -> int:
        """Waits until reads cover ``lsn``; returns the LSN that they cover.

        Raises Overloaded (``not_caught_up``) after ``timeout`` seconds, MIN_LSN_WAIT_S_MAX without one.
        """
        return self._loop.run(self._store.wait_for, lsn, timeout)

    def backup(
        self, folder: str | PathLike[str], previous: str | PathLike[str] | None = None
    ) -> BackupReport:
        """Copies the store as it is now into a new folder and checks the copy; writes and searches go on.

        Segments that an earlier backup, ``previous``, already has are linked instead of copied. The folder
        can be opened as a store, or ``restore`` makes a store of it elsewhere. Raises Conflict
        (``backup_exists``, ``backup_of_another_store``), NotFound (``no_backup``), StorageError and NoSpace.
        """
        return self._loop.run(self._store.backup, folder, previous)

    def tag(self, name: str) -> TagInfo:
        """Names the present state, so that ``asteroid restore`` can return the store to it.

        Raises InvalidRequest (``bad_tag_name``), Conflict (``tag_exists``, ``too_many_tags``).
        """
        return self._loop.run(self._store.tag, name)

    def tags(self) -> list[TagInfo]:
        """The tags there are, the newest first."""
        return self._loop.run(self._store.tags)

    def untag(self, name: str) -> None:
        """Removes a tag, and the files that only it needed. Raises NotFound (``no_tag``)."""
        self._loop.run(self._store.untag, name)

    def purge(self) -> PurgeReport:
        """Erases what was deleted or replaced until now from the store's files; writes and searches go on.

        The log kept for ``changes`` and for restores to a point in time is erased too, and so are all tags.
        Backups are not touched.
        Raises Conflict (``purge_running``, or ``purge_blocked`` while a bulk load or a backup is under way).
        """
        return self._loop.run(self._store.purge)

    def flush(self, timeout: float | None = None) -> int:
        """Moves all that is stored now into segments; returns the LSN that these hold on the disk.

        Writes are durable without it: it shortens the log, and with that the next start. Merges are not
        awaited. Raises Overloaded (``not_caught_up``) after ``timeout`` seconds, 60 without one; the work
        goes on then.
        """
        return self._loop.run(self._store.flush, timeout)
