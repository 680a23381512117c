"""Opening what has the name of a file of ours, without trusting that it is one.

A FIFO would make the opening wait for ever, a device may do anything, and a symbolic link would have somebody
else's file read or overwritten.
"""

from __future__ import annotations

import errno
import os
import stat

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


def open_regular(path: str, flags: int) -> int:
    """A descriptor of the regular file ``path``, which is made for its owner alone if ``flags`` say so.

    Raises CorruptionError for anything else under that name, which is left as it is, and OSError.
    """
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):  # a link; a FIFO or socket; a folder
            refuse_irregular(path, os.lstat(path).st_mode)
        raise
    try:
        refuse_irregular(path, os.fstat(fd).st_mode)
    except BaseException:
        os.close(fd)
        raise
    return fd


def refuse_irregular(path: str, mode: int) -> None:
    """Raises CorruptionError unless ``mode``, of what lies under the path, is that of a regular file."""
    if not stat.S_ISREG(mode):
        raise CorruptionError(path, 0, f"it is {KINDS.get(stat.S_IFMT(mode), 'no file')}, not a regular file")
