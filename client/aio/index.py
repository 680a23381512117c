"""The asynchronous client's calls about the index as a whole and about the server."""

from __future__ import annotations

from asteroid_cloud.client.aio.transport import AsyncTransport
from asteroid_cloud.client.errors import AsteroidError, Unavailable
from asteroid_cloud.client.protocol import routes
from asteroid_cloud.client.results.recovery import Recovery
from asteroid_cloud.client.results.reports import Backup, BackupReport, IndexInfo, PurgeReport, Stats, Tag


class AsyncIndexCalls:
    """Create, look at and delete the index; ask how the server is."""

    _transport: AsyncTransport

    async def create_index(self, dim: int, metric: str = "l2", bits: int | None = None) -> IndexInfo:
        """Create the index: every vector will have ``dim`` numbers, compared by ``metric``.

        ``dim`` is 1 … 4000; ``metric`` is "l2", "cosine" or "ip". Each number is kept in ``bits``: 16, the
        default, gives the recall of float32; 8 takes half the disk and gives that of 8-bit codes. All three
        stay until ``delete_index``. Raises Conflict (``index_already_initialized``) when there is an index,
        and InvalidRequest (``bad_dim``, ``bad_metric``, ``bad_bits``).
        """
        return await self._transport.send(routes.create_index(dim, metric, bits))

    async def get_index(self) -> IndexInfo:
        """The index's ``dim``, ``metric`` and ``bits``, all None before it is created."""
        return await self._transport.send(routes.get_index())

    async def delete_index(self) -> IndexInfo:
        """Delete the index and all its data, for good. Without an index it does nothing."""
        return await self._transport.send(routes.delete_index())

    async def stats(self) -> Stats:
        """The server's figures: ``vectors`` (exact), ``memory_bytes`` and whatever else it reports."""
        return await self._transport.send(routes.stats())

    async def recovery(self) -> Recovery:
        """What the server found, mended and gave up when it opened the store.

        Raises StorageError while the store does not open; its ``details`` say where, why and what to do.
        """
        return await self._transport.send(routes.recovery())

    async def backup(self, name: str, timeout: float | None = None) -> BackupReport:
        """Have the server make a backup of that name in its own folder for them, while it serves.

        ``timeout`` (seconds) stands in for the client's own: copying takes its time. Raises Conflict
        (``backup_not_configured``, ``backup_exists``, ``backup_running``), InvalidRequest
        (``bad_backup_name``).
        """
        return await self._transport.send(routes.backup(name, timeout))

    async def backups(self) -> list[Backup]:
        """The server's finished backups of this store, the newest first."""
        return await self._transport.send(routes.backups())

    async def tag(self, name: str) -> Tag:
        """Name the present state, so that the server's operator can take the store back to it.

        Raises InvalidRequest (``bad_tag_name``), Conflict (``tag_exists``, ``too_many_tags``).
        """
        return await self._transport.send(routes.tag(name))

    async def tags(self) -> list[Tag]:
        """The tags there are, the newest first."""
        return await self._transport.send(routes.tags())

    async def untag(self, name: str) -> None:
        """Forget a tag, and what only it needed. Raises NotFound (``no_tag``)."""
        await self._transport.send(routes.untag(name))

    async def purge(self, timeout: float | None = None) -> PurgeReport:
        """Have all that was deleted or replaced until now erased from the store's files, while it serves.

        The log kept for ``changes`` and for going back, and all tags, go with it; backups are not reached.
        ``timeout`` (seconds) stands in for the client's own: rewriting takes its time. Raises Conflict
        (``purge_running``, or ``purge_blocked`` while a bulk load or a backup is under way).
        """
        return await self._transport.send(routes.purge(timeout))

    async def health(self) -> bool:
        """Whether the server answers at all. Never raises for a server that does not."""
        return await self._alive("/health")

    async def ready(self) -> bool:
        """Whether the server has an index and has finished recovering. Never raises for one that has not."""
        return await self._alive("/ready")

    async def wait_for(self, lsn: int, timeout: float | None = None) -> int:
        """Wait until the server's reads cover ``lsn``; returns the LSN that they do cover.

        The server holds the answer back, so nothing is polled. ``timeout`` (seconds) stands in for the
        client's own. Raises Unavailable (``not_caught_up``) or DeadlineExceeded when it takes longer.
        """
        stats = await self._transport.send(routes.stats(lsn, timeout))
        if stats.lsn < lsn:
            raise Unavailable(f"the server covers LSN {stats.lsn}, not yet {lsn}", code="not_caught_up")
        return stats.lsn

    async def _alive(self, path: str) -> bool:
        try:
            return await self._transport.send(routes.alive(path))
        except AsteroidError:
            return False
