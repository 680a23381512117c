"""Changes a small file that an operator names, so that a reader sees the file of before or the new one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress

from asteroid_cloud.wal.disk.regular_file import open_regular, read_named
from asteroid_cloud.wal.disk.system_errors import translated
from asteroid_cloud.wal.errors import LockHeld, StorageError

UNFINISHED = ".changing"
"""Ends the name of the new file until it takes its place; while it is there, no other change begins."""


def change_named(path: str, change: Callable[[bytes], bytes], bytes_max: int) -> None:
    """Puts what ``change`` makes of the file in its place; a file that does not exist counts as empty.

    Owner, group and permissions stay; a new file is its owner's alone. Where the path is a link, the file
    behind it is changed. Raises LockHeld while another change is under way, CorruptionError for what is no
    regular file or larger than ``bytes_max``, NoSpace, StorageError, and what ``change`` raises; then the
    file is as it was.
    """
    target = os.path.realpath(path)
    unfinished = target + UNFINISHED
    with translated("change", path):
        fd = _begun(unfinished)
        try:
            try:
                _write(fd, target, change, bytes_max)
            finally:
                os.close(fd)
            os.rename(unfinished, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished)
            raise
        _sync_folder(os.path.dirname(target))


def _begun(unfinished: str) -> int:
    try:
        return open_regular(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError as error:
        raise LockHeld(
            f"another command is changing the file; if none runs any more, remove {unfinished}"
        ) from error


def _write(fd: int, target: str, change: Callable[[bytes], bytes], bytes_max: int) -> None:
    before = read_named(target, bytes_max).data if os.path.exists(target) else None
    data = memoryview(change(before or b""))
    if len(data) > bytes_max:
        raise StorageError(f"{target} would have more than {bytes_max:,} bytes, the most that it may have")
    if before is not None:
        info = os.stat(target)
        os.fchmod(fd, stat.S_IMODE(info.st_mode))
        if (info.st_uid, info.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(fd, info.st_uid, info.st_gid)
    while data:
        data = data[os.write(fd, data) :]
    os.fsync(fd)


def _sync_folder(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
