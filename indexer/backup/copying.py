"""Copying files into a backup, or linking those that an earlier backup has.

What is copied is read back, and checked as the files of a store: what was damaged there is not backed up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress

from asteroid_cloud.indexer.backup.earlier import EarlierBackup
from asteroid_cloud.indexer.backup.file_copy import chunks_of, write_chunks
from asteroid_cloud.indexer.backup.file_list import ListedFile, check_files
from asteroid_cloud.indexer.backup.source import FileToCopy
from asteroid_cloud.indexer.checkpoint.manifest import Manifest
from asteroid_cloud.indexer.checkpoint.open_checkpoint import open_entry
from asteroid_cloud.indexer.segment.paths import check_required_files, segment_paths, text_path
from asteroid_cloud.indexer.segment.text_file import open_text
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import CollectionLayout, Files, remove_if_exists
from asteroid_cloud.wal.errors import CorruptionError, StorageError
from asteroid_cloud.wal.read import LogReader


class Copying:
    """Fills one new backup."""

    def __init__(
        self, files: Files, store: CollectionLayout, made: CollectionLayout, earlier: EarlierBackup
    ) -> None:
        """``store`` is copied into the folder of ``made``."""
        self.listed: dict[str, ListedFile] = {}
        """What the backup has, by its path."""
        self.linked_bytes = 0
        self._files = files
        self._store = store
        self._made = made
        self._earlier = earlier

    def take(self, sources: Iterable[FileToCopy], manifest: Manifest | None) -> None:
        """Takes files that the backup does not have yet, and checks the copies of the manifest's segments.

        Raises CorruptionError, which names the file in the store, NoSpace, StorageError; then none is taken.
        """
        linked_before, new = self.linked_bytes, []
        copied: list[ListedFile] = []
        try:
            for source in sources:
                if source.path not in self.listed:
                    new.append(source.path)
                    copied += self._take(source)
            check_files(self._files, self._made.folder, copied)
            if manifest is not None:
                names = {each.path for each in copied}
                _check_segments(self._files, self._made, self._store, manifest, names)
        except BaseException:
            for path in new:
                self.listed.pop(path, None)
                with suppress(StorageError):  # what is not listed is no part of the backup
                    remove_if_exists(self._files, f"{self._made.folder}/{path}")
            self.linked_bytes = linked_before
            raise

    def _take(self, source: FileToCopy) -> list[ListedFile]:
        """Takes one file; gives it if it was copied."""
        original, to = f"{self._store.folder}/{source.path}", f"{self._made.folder}/{source.path}"
        known = self._earlier.link(source, original, to)
        if known is not None:
            self.listed[source.path] = known
            self.linked_bytes += known.bytes
            return []
        chunks: Iterable[bytes] = (source.content,) if source.content is not None else ()
        if source.content is None:
            chunks = chunks_of(self._files, original, source.size)
        copied = ListedFile(source.path, source.size, write_chunks(self._files, to, chunks))
        self.listed[source.path] = copied
        return [copied]


def _check_segments(
    files: Files,
    copy: CollectionLayout,
    store: CollectionLayout,
    manifest: Manifest,
    copied: Collection[str],
) -> None:
    """Opens the segments of which a file was ``copied``; linked files were checked when they were copied.

    Paths are relative to the collection's folder. Raises CorruptionError, which names the file in the store.
    """
    at = Lsn(manifest.applied_lsn)
    with _named_in(store, copy):
        for entry in manifest.segments:
            check_required_files(files, copy.index, entry.number)
            paths = [copy.relative(path) for path in segment_paths(copy.index, entry.number)]
            if manifest.spec is not None and not set(copied).isdisjoint(paths):
                segment = open_entry(files, copy.index, manifest.identity, at, entry, manifest.spec)
                words = text_path(copy.index, entry.number)
                if files.exists(words):
                    open_text(files, words, manifest.identity, entry.number, segment.rows)


def check_log(
    files: Files, copy: CollectionLayout, store: CollectionLayout, manifest: Manifest | None
) -> None:
    """Whether every frame is whole, and the log goes on where the checkpoint ends.

    Raises CorruptionError, which names the file in the store.
    """
    with _named_in(store, copy):
        found = LogReader(files, copy.log).check(bodies=False)
        for damage in [*found.damage, *([found.torn_tail] if found.torn_tail else [])]:
            raise damage.error()
        at = manifest.applied_lsn if manifest is not None else 0
        if not found.first_lsn - 1 <= at <= found.last_lsn:
            reason = f"the checkpoint is at record {at}, the log holds {found.first_lsn} to {found.last_lsn}"
            raise CorruptionError(copy.log, 0, reason)


@contextmanager
def _named_in(store: CollectionLayout, copy: CollectionLayout) -> Iterator[None]:
    """Damage in the copy, which reads back as it was written, is damage in the store."""
    try:
        yield
    except CorruptionError as error:
        path = f"{store.folder}/{copy.relative(error.path)}"
        raise CorruptionError(path, error.offset, f"{error.reason}; the store itself is damaged") from error
