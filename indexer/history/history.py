"""The history of an open store beside its checkpoint: its tags, and erasing all that lies behind it."""

from __future__ import annotations

import time

import anyio
from anyio import to_thread

from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.checkpoint.manifest import decode_manifest
from asteroid_cloud.indexer.history.purge import remove_evidence, unknown_files
from asteroid_cloud.indexer.history.tagged_segments import TaggedSegments
from asteroid_cloud.indexer.history.tags import (
    Tag,
    TagInfo,
    info_of,
    remove_tag,
    tag_names,
    tags_of,
    write_tag,
)
from asteroid_cloud.indexer.loss.loss_record import record_purge
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import CollectionLayout, Files
from asteroid_cloud.wal.errors import Conflict


class History:
    """The only one to create and to remove tags while a store is open."""

    def __init__(
        self, files: Files, layout: CollectionLayout, checkpointer: Checkpointer, tagged: TaggedSegments
    ) -> None:
        self._files = files
        self._layout = layout
        self._checkpointer = checkpointer
        self._tagged = tagged
        self._tagging = anyio.Lock()

    async def tag(self, name: str) -> TagInfo:
        """Tags the newest checkpoint; raises Conflict ``tag_exists`` or ``too_many_tags``, StorageError."""
        async with self._tagging, self._checkpointer.pin_checkpoint() as pinned:
            if pinned.manifest is None:
                raise AssertionError("there is no checkpoint yet")
            lsn = decode_manifest(pinned.manifest, pinned.content).applied_lsn
            tag = Tag(name, lsn, time.time_ns() // 1_000_000, pinned.content)
            try:
                await to_thread.run_sync(write_tag, self._files, self._layout, tag)
            except Conflict:
                raise
            except BaseException:
                self._tagged.add(tag)  # it may be on the disk all the same, and then needs its segments
                raise
            self._tagged.add(tag)
        return await to_thread.run_sync(info_of, self._files, self._layout, tag)

    async def tags(self) -> list[TagInfo]:
        """The tags there are, the newest first; those that do not decode are left to ``asteroid verify``."""
        return await to_thread.run_sync(tags_of, self._files, self._layout)

    async def untag(self, name: str) -> None:
        """Removes a tag, and the segments that only it needed; raises NotFound ``no_tag``."""
        async with self._tagging, self._checkpointer.writing:
            await self._remove(name)
            await self._checkpointer.remove_orphans()

    async def erase(self) -> list[str]:
        """Trims all of the log that the checkpoint makes superfluous, and removes all tags; their names.

        Raises Conflict ``purge_blocked`` while a bulk load or a backup needs the log.
        """
        async with self._tagging, self._checkpointer.writing:
            await self._checkpointer.trim_all()
            names = await to_thread.run_sync(tag_names, self._files, self._layout)
            for name in names:
                await self._remove(name)
            await self._checkpointer.remove_orphans()
        return names

    async def remove_evidence(self, log_first: Lsn) -> tuple[int, list[str]]:
        """Removes evidence; how many files that were, and the names of the unknown files that are left."""
        async with self._tagging, self._checkpointer.writing:
            live, below = self._checkpointer.segment_numbers()

            def run() -> tuple[int, list[str]]:
                record_purge(self._files, self._layout, time.time_ns() // 1_000_000)
                removed = remove_evidence(self._files, self._layout)
                return removed, sorted(unknown_files(self._files, self._layout, live, below, log_first))

            return await to_thread.run_sync(run)

    async def _remove(self, name: str) -> None:
        await to_thread.run_sync(remove_tag, self._files, self._layout, name)
        self._tagged.discard(name)
