"""The one place where a file is opened by its name, without trusting that it is one.

A FIFO would make the opening wait for ever, a device may do anything, and a symbolic link would have somebody
else's file read or overwritten. Files of a store or a backup are opened by the file layer, which comes here;
files that an operator names (keys, settings) are read by ``read_named``.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import NamedTuple

from asteroid_cloud.wal.errors import CorruptionError

FILE_MODE = 0o600
KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NamedFile(NamedTuple):
    """A small file that was read whole."""

    data: bytes
    mode: int
    """Its permissions."""


def open_regular(path: str, flags: int, *, follows_link: bool = False) -> int:
    """A descriptor of the regular file ``path``, which is made for its owner alone if ``flags`` say so.

    Raises CorruptionError for anything else under that name, which is left as it is, and OSError.
    """
    no_link = 0 if follows_link else os.O_NOFOLLOW
    try:
        fd = os.open(path, flags | no_link | os.O_NONBLOCK | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):  # a link; a FIFO or socket; a folder
            refuse_irregular(path, (os.stat if follows_link else os.lstat)(path).st_mode)
        raise
    try:
        refuse_irregular(path, os.fstat(fd).st_mode)
    except BaseException:
        os.close(fd)
        raise
    return fd


def read_named(path: str, bytes_max: int) -> NamedFile:
    """A small file that an operator names, whole.

    It may be reached by a link: that is how Kubernetes mounts a secret. Raises CorruptionError for what is no
    regular file and, with nothing read, for one of more than ``bytes_max`` bytes; and OSError.
    """
    fd = open_regular(path, os.O_RDONLY, follows_link=True)
    with os.fdopen(fd, "rb") as file:
        info = os.fstat(file.fileno())
        data = file.read(bytes_max + 1) if info.st_size <= bytes_max else b""
    if info.st_size > bytes_max or len(data) > bytes_max:
        raise CorruptionError(path, 0, f"it has more than {bytes_max:,} bytes, the most that it may have")
    return NamedFile(data, stat.S_IMODE(info.st_mode))


def refuse_irregular(path: str, mode: int) -> None:
    """Raises CorruptionError unless ``mode``, of what lies under the path, is that of a regular file."""
    if not stat.S_ISREG(mode):
        raise CorruptionError(path, 0, f"it is {KINDS.get(stat.S_IFMT(mode), 'no file')}, not a regular file")
