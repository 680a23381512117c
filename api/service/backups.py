"""The backups that a server makes: by name, in one folder that its settings allow."""

from __future__ import annotations

import logging
import re

import msgspec
from anyio import Lock, to_thread

from asteroid_cloud.indexer import BackupReport, Engine, read_backup
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import name_of
from asteroid_cloud.wal.errors import AsteroidError, Conflict, CorruptionError, InvalidRequest

logger = logging.getLogger(__name__)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Backup(msgspec.Struct, frozen=True):
    """A finished backup."""

    name: str
    lsn: int
    made_ms: int
    """When it was begun, in milliseconds since 1970."""
    files: int
    bytes: int


class BackupsFound(msgspec.Struct, frozen=True):
    """What there is in the folder for backups."""

    backups: list[Backup]
    """The finished backups of this store, the newest first."""
    damaged: list[str]
    """A sentence about each that is not usable, whichever store's it is."""


class Backups:
    """Makes one backup at a time, each linked to the newest before it."""

    def __init__(self, engine: Engine, folder: str | None) -> None:
        """Without a folder every call is refused: where a server writes is its operator's to say."""
        self._engine = engine
        self._folder = folder
        self._making = Lock()

    async def make(self, name: object) -> BackupReport:
        """Makes the backup of that name.

        Raises Conflict ``backup_not_configured``, ``backup_running`` or ``backup_exists``, InvalidRequest
        ``bad_backup_name``, and what the disk raises.
        """
        folder = self._allowed()
        if not isinstance(name, str) or NAME.fullmatch(name) is None:
            raise InvalidRequest(
                "a backup's name has 1 to 64 letters, digits, dots, dashes and underscores, "
                "and begins with a letter or digit",
                code="bad_backup_name",
            )
        if self._making.locked():
            raise Conflict("another backup is being made", code="backup_running")
        async with self._making:
            found, damaged = await to_thread.run_sync(self._finished, folder)
            if any(each.name == name for each in found):
                raise Conflict(f"there is a backup {name}", code="backup_exists")
            previous = max(found, key=lambda each: each.made_ms, default=None)
            made = await self._engine.backup(
                f"{folder}/{name}", None if previous is None else f"{folder}/{previous.name}"
            )
            return msgspec.structs.replace(made, damaged=[*damaged, *made.damaged])

    async def listed(self) -> BackupsFound:
        """What there is; raises Conflict ``backup_not_configured``."""
        found, damaged = await to_thread.run_sync(self._finished, self._allowed())
        return BackupsFound(sorted(found, key=lambda each: each.made_ms, reverse=True), sorted(damaged))

    def _allowed(self) -> str:
        if self._folder is None:
            raise Conflict(
                "the server has no folder for backups: see --backup-dir", code="backup_not_configured"
            )
        return self._folder

    def _finished(self, folder: str) -> tuple[list[Backup], list[str]]:
        """The finished backups of this store, and a sentence about each whose list is damaged."""
        files, found = LocalFiles(), []
        damaged: list[str] = []
        files.make_dirs(folder)
        for name in files.list(folder):
            try:
                made = read_backup(files, f"{folder}/{name}")
            except CorruptionError as error:
                logger.warning("a backup is damaged: %s", error.message)
                damaged.append(f"{name}/{name_of(error.path)}: {error.reason}")
                continue
            except AsteroidError:  # half a backup, or something else: not ours to judge here
                continue
            if made.identity == self._engine.identity.hex():
                size = sum(each.bytes for each in made.files)
                found.append(Backup(name, made.lsn, made.made_ms, len(made.files), size))
        return found, damaged
