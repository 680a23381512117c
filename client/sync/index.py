# Written by ops/faces from client/aio/index.py: change that one.
"""The blocking client's calls about the index as a whole and about the server."""

from __future__ import annotations

from collections.abc import Mapping

from asteroid_cloud.client.errors import AsteroidError, Unavailable
from asteroid_cloud.client.protocol import routes, texts
from asteroid_cloud.client.results.recovery import Recovery
from asteroid_cloud.client.results.reports import (
    BackupReport,
    Backups,
    IndexInfo,
    PurgeReport,
    Stats,
    Tag,
    TextInfo,
)
from asteroid_cloud.client.sync.calls import Calls


class IndexCalls(Calls):
    """Look at the index; ask how the server is; keep the data safe."""

    def get_index(self) -> IndexInfo:
        """The index's ``dim``, ``metric`` and ``bits``, all None before it is created."""
        return self._transport.send(routes.get_index())

    def get_text(self) -> TextInfo:
        """The fields that are indexed as text, and how many of the stored rows are.

        Raises Conflict (``no_text_index``).
        """
        return self._transport.send(texts.get_text())

    def set_text(self, fields: Mapping[str, Mapping[str, str]]) -> int:
        """Indexes these fields as text from now on, and what is stored in the background; returns the LSN.

        ``{"gloss": {"language": "english"}, "title": {}}``: with a language words are compared by their
        stems. The same again changes nothing. Raises InvalidRequest (``bad_text``).
        """
        return self._transport.send(texts.set_text(fields))

    def delete_text(self) -> bool:
        """Indexes no text any more; returns whether some was. Payloads stay as they are."""
        return self._transport.send(texts.delete_text())

    def stats(self) -> Stats:
        """Figures of the store: vectors (an exact number), memory, segments, log and more."""
        return self._transport.send(routes.stats())

    def recovery(self) -> Recovery:
        """What was found on the disk when the store was opened: what was whole, repaired or lost.

        Raises StorageError while the store cannot be opened; its ``details`` say where, why and what to do.
        """
        return self._transport.send(routes.recovery())

    def backup(self, name: str, timeout: float | None = None) -> BackupReport:
        """Makes a backup of that name in the server's backup folder; writes and searches go on.

        ``timeout`` (seconds) replaces the client's own, as copying takes long. Raises Conflict
        (``backup_not_configured``, ``backup_exists``, ``backup_running``), InvalidRequest
        (``bad_backup_name``).
        """
        return self._transport.send(routes.backup(name, timeout))

    def backups(self) -> Backups:
        """The finished backups in the server's backup folder, the newest first, and what is ``damaged``."""
        return self._transport.send(routes.backups())

    def tag(self, name: str) -> Tag:
        """Names the present state, so that ``asteroid restore`` can return the store to it.

        Raises InvalidRequest (``bad_tag_name``), Conflict (``tag_exists``, ``too_many_tags``).
        """
        return self._transport.send(routes.tag(name))

    def tags(self) -> list[Tag]:
        """The tags there are, the newest first."""
        return self._transport.send(routes.tags())

    def untag(self, name: str) -> None:
        """Removes a tag, and the files that only it needed. Raises NotFound (``no_tag``)."""
        self._transport.send(routes.untag(name))

    def purge(self, timeout: float | None = None) -> PurgeReport:
        """Erases what was deleted or replaced until now from the store's files; writes and searches go on.

        The log kept for ``changes`` and for restores to a point in time is erased too, and so are all tags.
        Backups are not touched. ``timeout`` (seconds) replaces the client's own, as rewriting takes long.
        Raises Conflict
        (``purge_running``, or ``purge_blocked`` while a bulk load or a backup is under way).
        """
        return self._transport.send(routes.purge(timeout))

    def flush(self, timeout: float | None = None) -> int:
        """Moves all that is stored now into segments; returns the LSN that these hold on the disk.

        Writes are durable without it: it shortens the log, and with that the next start. Merges are not
        awaited. Raises Unavailable (``not_caught_up``) after ``timeout`` seconds, 60 without one, which
        replace the client's own; the work goes on then.
        """
        return self._transport.send(routes.flush(timeout))

    def health(self) -> bool:
        """Whether the store answers at all.

        Returns False, and raises nothing, when the server does not answer.
        """
        return self._alive("/health")

    def ready(self) -> bool:
        """Whether recovery is over and there is an index.

        Returns False, and raises nothing, when the server does not answer.
        """
        return self._alive("/ready")

    def wait_for(self, lsn: int, timeout: float | None = None) -> int:
        """Waits until reads cover ``lsn``; returns the LSN that they cover.

        The server delays its answer until then, so nothing is polled. ``timeout`` (seconds) replaces the
        client's own. Raises Unavailable (``not_caught_up``) or DeadlineExceeded when it takes longer.
        """
        stats = self._transport.send(routes.stats(lsn, timeout))
        if stats.lsn < lsn:
            raise Unavailable(f"the server covers LSN {stats.lsn}, not yet {lsn}", code="not_caught_up")
        return stats.lsn

    def _alive(self, path: str) -> bool:
        try:
            return self._transport.send(routes.alive(path))
        except AsteroidError:
            return False
