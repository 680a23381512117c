"""What a store keeps of its past, beside the checkpoint: tags, and the end of all of it."""

from __future__ import annotations

import time

import anyio
from anyio import to_thread

from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.checkpoint.manifest import decode_manifest
from asteroid_cloud.indexer.history.purge import remove_evidence, unknown_files
from asteroid_cloud.indexer.history.tags import Tag, TaggedSegments, remove_tag, tag_names, write_tag
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import Conflict


class History:
    """The only one to make and to remove tags while a store is open."""

    def __init__(self, files: Files, store: str, checkpointer: Checkpointer, tagged: TaggedSegments) -> None:
        self._files = files
        self._store = store
        self._checkpointer = checkpointer
        self._tagged = tagged
        self._tagging = anyio.Lock()

    async def tag(self, name: str) -> Tag:
        """Tags the newest checkpoint; raises Conflict ``tag_exists`` or ``too_many_tags``, StorageError."""
        async with self._tagging, self._checkpointer.held() as (manifest, content, _):
            if manifest is None:
                raise AssertionError("there is no checkpoint yet")
            lsn = decode_manifest(manifest, content).applied_lsn
            tag = Tag(name, lsn, time.time_ns() // 1_000_000, content)
            try:
                await to_thread.run_sync(write_tag, self._files, self._store, tag)
            except Conflict:
                raise
            except BaseException:
                self._tagged.add(tag)  # it may be there all the same, and its segments must be, too
                raise
            self._tagged.add(tag)
        return tag

    async def untag(self, name: str) -> None:
        """Forgets a tag, and removes what only it needed; raises NotFound ``no_tag``."""
        async with self._tagging, self._checkpointer.writing:
            await self._remove(name)
            await self._checkpointer.remove_orphans()

    async def forget(self) -> list[str]:
        """Trims all of the log that the checkpoint makes superfluous, and removes all tags; their names.

        Raises Conflict ``purge_blocked`` while a bulk load or a backup needs the log.
        """
        async with self._tagging, self._checkpointer.writing:
            await self._checkpointer.trim_all()
            names = await to_thread.run_sync(tag_names, self._files, self._store)
            for name in names:
                await self._remove(name)
            await self._checkpointer.remove_orphans()
        return names

    async def clean_up(self, log_first: Lsn) -> tuple[int, list[str]]:
        """Removes evidence; how many files that were, and the names left that are not the store's."""
        async with self._tagging, self._checkpointer.writing:
            live, below = self._checkpointer.segments_there()

            def run() -> tuple[int, list[str]]:
                removed = remove_evidence(self._files, self._store)
                return removed, sorted(unknown_files(self._files, self._store, live, below, log_first))

            return await to_thread.run_sync(run)

    async def _remove(self, name: str) -> None:
        await to_thread.run_sync(remove_tag, self._files, self._store, name)
        self._tagged.forget(name)
