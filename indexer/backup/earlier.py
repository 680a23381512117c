"""The earlier backup that another one is linked to: no file of it is relied on before it was read.

A damaged file of it is named and copied from the store again, so that a bad byte of one backup stays in that
one. A file that another history of the store made under the same name is copied, too.
"""

from __future__ import annotations

import logging

from asteroid_cloud.indexer.backup.file_copy import link_file
from asteroid_cloud.indexer.backup.file_list import ListedFile, check_file, read_backup
from asteroid_cloud.indexer.backup.source import FileToCopy
from asteroid_cloud.indexer.segment.container import footer_bytes
from asteroid_cloud.wal.disk import BACKUP_LIST, Files, name_of
from asteroid_cloud.wal.errors import Conflict, CorruptionError, StorageError

logger = logging.getLogger(__name__)


class EarlierBackup:
    """What an earlier backup of the same store has; ``damaged`` says what of it could not be relied on."""

    def __init__(self, files: Files, folder: str | None, identity: bytes) -> None:
        """Without a ``folder`` nothing is linked.

        Raises NotFound ``no_backup``, Conflict ``backup_of_another_store``.
        """
        self.damaged: list[str] = []
        """One sentence for each file, which begins with the backup's name and the file's."""
        self._files = files
        self._folder = "" if folder is None else folder.rstrip("/")
        self._known: dict[str, ListedFile] = {}
        if folder is None:
            return
        try:
            found = read_backup(files, folder)
        except StorageError as error:
            self._note(BACKUP_LIST, _reason(error))
            return
        if found.identity != identity.hex():
            raise Conflict(f"{folder} is a backup of another store", code="backup_of_another_store")
        self._known = {each.path: each for each in found.files}

    def link(self, source: FileToCopy, original: str, to: str) -> ListedFile | None:
        """Links a file that this backup has whole and alike; None when it has to be copied.

        ``original`` is the file in the store.
        """
        known = self._known.get(source.path)
        if known is None or not source.is_immutable or known.bytes != source.size:
            return None
        path = f"{self._folder}/{source.path}"
        try:
            check_file(self._files, self._folder, known)
        except StorageError as error:
            self._note(source.path, _reason(error))
            return None
        if not (self._is_same(path, original) and link_file(self._files, path, to)):
            return None
        return known

    def _is_same(self, path: str, original: str) -> bool:
        """Whether two files of segments were written alike: the footer has the checksums of all that is."""
        return footer_bytes(self._files, path) == footer_bytes(self._files, original)

    def _note(self, path: str, reason: str) -> None:
        said = f"{name_of(self._folder)}/{path}: {reason}"
        logger.warning("an earlier backup is damaged: %s; the store's own file is copied", said)
        self.damaged.append(said)


def _reason(error: StorageError) -> str:
    """What is wrong, without the folder in which backups lie."""
    return error.reason if isinstance(error, CorruptionError) else error.code
